"""One family of errors. Each says what was wrong with which input and what to do.

A message never carries a direct identifier: it names the file, row, column and reason instead of the value.
The exit codes are those of the command line: 0 done, 1 fault, 2 bad usage, 3 bad input, 4 refused by policy.
"""

from __future__ import annotations


class LianfangError(Exception):
    """Root of the family.

    ``code`` is a stable machine name (used by the HTTP error model), ``hint`` says what to do next.
    """

    exit_code = 1
    http_status = 500
    code = "fault"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class UsageError(LianfangError):
    """The call itself is wrong: an unknown option, a missing argument."""

    exit_code = 2
    http_status = 400
    code = "usage"


class BadInput(LianfangError):
    """Data given by the caller cannot be used; nothing was changed."""

    exit_code = 3
    http_status = 422
    code = "bad_input"


class NotFound(BadInput):
    """The thing named does not exist, or the caller may not know that it does."""

    http_status = 404
    code = "not_found"


class Conflict(BadInput):
    """The thing is not in a state that allows this step."""

    http_status = 409
    code = "conflict"


class Refused(LianfangError):
    """The policy refused the act: ``reasons`` in its own words, ``basis`` the articles they rest on."""

    exit_code = 4
    http_status = 403
    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        reasons: tuple[str, ...] = (),
        basis: tuple[str, ...] = (),
        hint: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.reasons = reasons
        self.basis = basis


class NotSignedIn(Refused):
    """No valid session."""

    http_status = 401
    code = "not_signed_in"


class TooMany(LianfangError):
    """Asked too often; ``seconds``: after how long it may be asked again."""

    http_status = 429
    code = "too_many"

    def __init__(self, message: str, *, seconds: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class Fault(LianfangError):
    """Something on our side failed: a broken file, a lost key, an unreachable node."""
