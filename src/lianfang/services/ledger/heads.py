"""The log's head, signed at least every ten seconds while it grows, and taken to the witnesses that are named.

The witnesses stand in ``ledger.policy`` in the installation's folder (C2SP tlog-policy: their keys, addresses and the
quorum). Without the file nobody is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Fault, LianfangError
from lianfang.services.installation import Installation

if TYPE_CHECKING:
    from lianfang.guard.ledger import Quorum
    from lianfang.guard.ledger.quorum import Party
    from lianfang.services.ledger.outside import Outside

POLICY_FILE = "ledger.policy"
#: Seconds between two heads of a log that grows.
INTERVAL = 10.0
#: What is said of a witness that signed.
COSIGNED = "cosigned"
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n\Z")


def policy(inst: Installation) -> Quorum | None:
    """The installation's policy; None without a file. BadInput when the file is wrong or names another log."""
    from lianfang.guard.ledger import Quorum, Verifier

    file = Path(inst.home) / POLICY_FILE
    if not file.is_file():
        return None
    found = Quorum.parse(file.read_bytes())
    own = Verifier.of(inst.signer.public)
    if found.logs and own not in [one.verifier for one in found.logs]:
        raise BadInput(f"{POLICY_FILE} names other logs than ours.", code="tlog_policy")
    return found


def sign(inst: Installation) -> int:
    """Sign the head if the log grew since the last; how many entries the newest signed head covers."""
    from lianfang.guard.ledger import Log

    log = Log(inst.signer)
    with inst.store.read() as connection:
        size, signed = log.size(connection), log.signed_size(connection)
    if size > signed:
        with inst.store.begin() as connection:
            log.checkpoint(connection, now=inst.now())
            signed = log.signed_size(connection)
    return signed


def keep(inst: Installation, *, reach: Callable[[str], Outside] | None = None) -> dict[str, Any]:
    """Sign the head and ask every witness that the policy gives an address for.

    Returns ``size``, ``witnesses`` (name -> ``cosigned`` or what went wrong), ``quorum`` (whether it is reached).
    A witness that does not answer, or refuses, is no error of ours: the head stands without its signature.
    """
    from lianfang.guard.ledger import Log, Verifier, verify_note

    size = sign(inst)
    wanted = policy(inst)
    said: dict[str, str] = {}
    if wanted is None:
        return {"size": size, "witnesses": said, "quorum": None}
    for name, party in wanted.witnesses.items():
        if party.url:
            try:
                _ask(inst, party, size, reach)
                said[name] = COSIGNED
            except LianfangError as error:
                said[name] = str(error)
    with inst.store.read() as connection:
        note = Log(inst.signer.name).latest(connection)
    known = [Verifier.of(inst.signer.public), *(one.verifier for one in wanted.witnesses.values())]
    signed_by = verify_note(note, known).signed_by
    return {"size": size, "witnesses": said, "quorum": wanted.reached(signed_by)}


def _ask(inst: Installation, party: Party, size: int, reach: Callable[[str], Outside] | None) -> None:
    """One witness's cosignature on the head of ``size``, kept; LianfangError when it gives none."""
    from lianfang.guard.ledger import Log
    from lianfang.guard.ledger.witness import Request
    from lianfang.services.ledger.outside import Outside

    log = Log(inst.signer.name)
    to = (reach or Outside)(party.url)
    try:
        with inst.store.read() as connection:
            old = log.cosigned_size(connection, party.verifier)
            if old == size:
                return
            note = log.signed(connection, size)
        for _ in range(2):
            with inst.store.read() as connection:
                path = tuple(log.prove_consistency(connection, old, size))
            got = to.post("add-checkpoint", Request(old, path, note).body())
            told = _SIZE.match(got.body) if got.status == 409 else None
            if not told or int(told[1]) == old or int(told[1]) > size:
                break
            old = int(told[1])  # it cosigned another head of ours before
        if got.status != 200:
            raise _refusal(got.status)
        with inst.store.begin() as connection:
            log.keep_cosignatures(connection, size, _text(got.body), [party.verifier])
    finally:
        to.close()


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadInput("The witness's answer is no signature.", code="unreachable") from None


def _refusal(status: int) -> LianfangError:
    if status == 422:
        return Conflict(
            "The witness says that our head does not add to the one it signed before.",
            hint="Run: lianfang ledger check. A restored backup is the usual cause.",
            code="witness_refused",
        )
    return Fault(f"The witness answered {status}.", code="witness_refused")
