"""The letters that authorities send each other; what is not declared here is refused.

A letter is one signed note to one recipient. Its ``body`` is one of the shapes below, by its ``kind``; only the
bodies of message, correction, request and answer may hold personal data.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from lianfang.foundation.canonical import canonical
from lianfang.foundation.errors import BadInput

#: Most bytes of one letter as it travels, and the most persons and characters in one message.
MAX_LETTER = 1 << 20
MAX_PERSONS = 50
MAX_VALUE = 400
MAX_TEXT = 4000

Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Account = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Names = Annotated[list[Name], Field(min_length=1, max_length=100)]
Field_ = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Value = Annotated[str, Field(min_length=1, max_length=MAX_VALUE)]

CorrectionReason = Literal["inaccurate", "outdated", "unnecessary", "unlawful"]
Request = Literal["access", "rectification", "erasure"]
Outcome = Literal["disclosed", "corrected", "erased", "nothing_held", "refused"]

S = TypeVar("S", bound="Shape")


class Shape(BaseModel):
    """Strict: an unknown field is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AlertBody(Shape):
    """An alert: what for, and whom its tracing concerns."""

    alert_id: Id
    issuer: Name
    title: Title
    text: Text
    concerned: Names
    issued_at: AwareDatetime


class ConcernBody(AlertBody):
    """An alert concerns more authorities than before: which, and why. It carries the whole alert."""

    number: int = Field(ge=1, le=10_000)
    added: Names
    reason: Title
    at: AwareDatetime


class PostBody(Shape):
    """A message of the general channel."""

    post_id: Id
    author: Name
    title: Title
    text: Text
    posted_at: AwareDatetime


class Content(Shape):
    """What a selective message says: persons by the fields of the tracing minimum, and words."""

    persons: list[dict[Field_, Value]] = Field(min_length=1, max_length=MAX_PERSONS)
    text: Text = ""


class MessageBody(Shape):
    """A selective message, or its next version."""

    message_id: Id
    alert_id: Id
    author: Name
    recipients: Names
    version: int = Field(ge=1, le=10_000)
    posted_at: AwareDatetime
    deadline: AwareDatetime
    pack: Name
    reason: CorrectionReason | Literal[""] = ""
    content: Content


class ErasureBody(Shape):
    """The end of a message before its deadline."""

    message_id: Id
    alert_id: Id
    author: Name
    recipients: Names
    posted_at: AwareDatetime
    deadline: AwareDatetime
    pack: Name
    version: int = Field(ge=1, le=10_000)
    reason: CorrectionReason | Literal["event_ended"]


class UnlawfulBody(Shape):
    """A message was processed against the law: it is blocked wherever it is."""

    message_id: Id
    reason: Title
    at: AwareDatetime


class RequestBody(Shape):
    """A data subject's request about a message."""

    case_id: Id
    message_id: Id
    request: Request
    text: Text
    opened_at: AwareDatetime
    due_at: AwareDatetime


class AnswerBody(Shape):
    """One authority's answer to a request."""

    case_id: Id
    outcome: Outcome
    text: Text
    at: AwareDatetime


class GrantBody(Shape):
    """Access for co-ordination to one message, until then."""

    grant_id: Id
    message_id: Id
    justification: Title
    not_before: AwareDatetime
    not_after: AwareDatetime


BODIES: dict[str, type[Shape]] = {
    "alert": AlertBody,
    "concern": ConcernBody,
    "post": PostBody,
    "message": MessageBody,
    "correction": MessageBody,
    "erasure": ErasureBody,
    "unlawful": UnlawfulBody,
    "request": RequestBody,
    "answer": AnswerBody,
    "grant": GrantBody,
}


class Letter(Shape):
    """A letter as signed."""

    format: Literal["lianfang-exchange/1"] = "lianfang-exchange/1"
    letter_id: Id
    kind: Literal[
        "alert",
        "concern",
        "post",
        "message",
        "correction",
        "erasure",
        "unlawful",
        "request",
        "answer",
        "grant",
    ]
    sender: Name
    recipient: Name
    at: AwareDatetime
    body: dict[str, Any]


class Look(Shape):
    """A co-ordinating body asks for one message under a grant."""

    format: Literal["lianfang-exchange-look/1"] = "lianfang-exchange-look/1"
    grant_id: Id
    sender: Name
    recipient: Name
    reader: Account
    at: AwareDatetime


class Shown(Shape):
    """What a co-ordinating body is shown; it keeps none of it."""

    format: Literal["lianfang-exchange-shown/1"] = "lianfang-exchange-shown/1"
    grant_id: Id
    message_id: Id
    version: int
    content: Content


class Acknowledgement(Shape):
    """The recipient's signed word that a letter is kept; a repeated letter gets the same."""

    format: Literal["lianfang-exchange-ack/1"] = "lianfang-exchange-ack/1"
    letter_id: Id
    digest: Hex64
    sender: Name
    recipient: Name
    received_at: AwareDatetime
    log_index: int = Field(ge=0)


class Envelope(Shape):
    """The outside of what travels."""

    sender: Name
    recipient: Name
    sealed: str = Field(min_length=1, max_length=2 * MAX_LETTER)


class Keys(Shape):
    """Public keys as :meth:`lianfang.guard.signing.PublicKeys.to_json` gives them."""

    name: Name
    ed25519: str = Field(max_length=100)
    x25519: str = Field(max_length=100)


class Identity(Shape):
    """What another authority has to know of us; handed over outside the exchange."""

    format: Literal["lianfang-exchange-identity/1"] = "lianfang-exchange-identity/1"
    authority: Name
    kind: Literal["eu_competent_authority", "eu_commission", "ecdc"]
    name_zh: str = Field(max_length=80)
    name_en: str = Field(max_length=80)
    url: str = Field(max_length=200)
    certificate: str = Field(max_length=8000)
    keys: Keys


def parse(shape: type[S], value: Any, what: str) -> S:
    """``value`` as ``shape``; BadInput names the field and the fault, never the value."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        known = set(shape.model_fields)
        place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in known)
        raise BadInput(
            f"The {what}, field {place or '(not shown)'}: {first['type']}.", code="bad_document"
        ) from None


def read_json(raw: bytes, what: str) -> Any:
    """Strict JSON of bounded size and depth."""
    if len(raw) > 3 * MAX_LETTER or raw.count(b"[") + raw.count(b"{") > 20_000:
        raise BadInput(f"The {what} is too large.", code="bad_document")
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadInput(f"The {what} is not valid JSON.", code="bad_document") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def plain(shape: Shape) -> dict[str, Any]:
    """A shape in JSON's types, as it is signed and sealed."""
    made: dict[str, Any] = json.loads(canonical(shape.model_dump()))
    return made
