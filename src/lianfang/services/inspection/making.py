"""Making the report, signing it so that nobody needs us to check it, and checking it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, LianfangError, Refused
from lianfang.services import integrity
from lianfang.services.gate import record, require, within
from lianfang.services.inspection import dealings, house, machine
from lianfang.services.inspection.findings import SEVERITIES, finding, ordered
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.foundation.progress import Progress

FORMAT = "lianfang-inspection/1"
DAYS = 30
#: Sealed identities that an inspection opens at most; ``lianfang ledger verify`` opens all.
SAMPLE = 5_000
MAX_FILE = 8_000_000


def report(
    inst: Installation, who: Who, *, days: int = DAYS, progress: Progress | None = None
) -> dict[str, Any]:
    """The state of the installation now and its dealings of the last ``days`` days, findings first.

    For an auditor, the security officer and the data-protection officer whose rights reach the installation's
    area; that it was made is recorded. No identifier and nothing that somebody typed is in it; staff are named
    by their accounts. A key or a vault that cannot be read is a finding, not an error.

    Raises:
        Refused: another role, or rights for a part of the area only. BadInput: a period out of 1 to 366 days.
    """
    content = _content(inst, who, days, progress)
    with inst.store.begin() as connection:
        record(
            inst,
            connection,
            "inspection_read",
            who=who,
            purpose="maintenance",
            ref="inspection",
            payload={"days": days, "totals": content["totals"]},
        )
    return content


def _content(inst: Installation, who: Who, days: int, progress: Progress | None) -> dict[str, Any]:
    from lianfang.foundation.canonical import plain

    require(who, "inspect.make")
    within(who, inst.settings.adcode)
    if not 1 <= days <= 366:
        raise BadInput("An inspection looks back over 1 to 366 days.")
    now = inst.now()
    since = now - timedelta(days=days)
    parts: dict[str, Callable[[], machine.Part]] = {
        "installation": lambda: house.installation(inst),
        "ledger": lambda: _ledger(inst, progress),
        "accounts": lambda: house.accounts(inst),
        "keys": lambda: house.keys(inst),
        "events": lambda: dealings.events(inst),
        "decisions": lambda: dealings.decisions(inst, since),
        "readings": lambda: dealings.readings(inst, since),
        "locks": lambda: dealings.locks(inst),
        "orders": lambda: dealings.orders(inst),
        "tasks": lambda: dealings.tasks(inst),
        "paper": lambda: dealings.paper_forms(inst),
        "jobs": lambda: house.jobs(inst, since),
        "backups": lambda: house.backups(inst),
        "listeners": lambda: machine.listeners(inst),
        "files": lambda: machine.files(inst),
        "leftovers": lambda: machine.leftovers(inst),
    }
    made: dict[str, Any] = {}
    found: list[dict[str, str]] = []
    for name, part in parts.items():
        made[name], more = part()
        found += more
    totals = {one: sum(f["severity"] == one for f in found) for one in SEVERITIES}
    head = {
        "format": FORMAT,
        "authority": inst.settings.authority_id,
        "made_at": now,
        "made_by": who.account,
        "role": who.role,
        "period": {"days": days, "since": since},
        "totals": totals,
        "findings": ordered(found)[: 5 * house.SHOWN],
    }
    return dict(plain({**head, **made}))


def _ledger(inst: Installation, progress: Progress | None) -> machine.Part:
    """The log read again whole, and every sealed identity opened, or a random sample of :data:`SAMPLE` of them.

    What was opened of how many is said. A sample of n out of N finds at least one of k broken ones with probability
    1 - C(N-k, n)/C(N, n): one in a thousand of 10^5 persons with 5,000 opened in more than 99 %.
    """
    try:
        whole = integrity.check(inst, most=SAMPLE, progress=progress)
    except LianfangError as error:
        return {"valid": False}, [finding("not_readable", "ledger", code=error.code)]
    wrong = len(whole["findings"])
    part = {name: whole[name] for name in ("valid", "entries", "subjects", "opened")}
    return part, [finding("ledger_changed", "ledger", n=wrong)] if wrong else []


def document(
    inst: Installation, who: Who, *, days: int = DAYS, progress: Progress | None = None
) -> tuple[str, dict[str, Any]]:
    """The report as a signed file that verifies offline, and its content.

    In it beside the report: the ledger's entry that the report was made, which commits to it, with its proof
    up to the signed head.

    Raises:
        As :func:`report`; Refused as well when the authority's key is open to others.
    """
    from lianfang.foundation.canonical import canonical, digest
    from lianfang.guard import ledger
    from lianfang.guard.signing import sign

    signer = inst.signer
    content = _content(inst, who, days, progress)
    with inst.store.begin() as connection:
        index = record(
            inst,
            connection,
            "inspection_made",
            who=who,
            purpose="maintenance",
            ref="inspection",
            payload={"sha256": digest(content), "days": days, "totals": content["totals"]},
        )
        log = ledger.Log.only(connection)
        log.checkpoint(connection, ledger.Signer.of(signer), now=inst.now())
        proof = log.proof(connection, index).text()
        opened = ledger.opening(connection, index)
    return canonical(sign(signer, {"report": content, "proof": proof, "opening": opened})).decode(), content


def verify(text: str, *, key: str) -> dict[str, Any]:
    """The report in a signed file, if the key signed it and its log holds it; needs no installation.

    ``key``: the authority's verifier key (name+8 digits+base64), from a source that is trusted. Each byte
    counts: the file is the one canonical text of its content.

    Raises:
        BadInput: this is no such file or key. Refused: changed, signed by another, or not in the log.
    """
    from lianfang.foundation.canonical import digest
    from lianfang.guard import ledger
    from lianfang.guard.signing import PublicKeys
    from lianfang.guard.signing import verify as verify_signature

    if len(text) > MAX_FILE:
        raise BadInput("The file is too large for a report of an inspection.")
    verifier = ledger.Verifier.parse(key)
    signed = _parse(text)
    held = verify_signature(PublicKeys(verifier.name, verifier.key, bytes(32)), signed)
    content = held.get("report")
    if set(held) != {"report", "proof", "opening"} or not isinstance(content, dict):
        raise BadInput("This is no report of an inspection.")
    proven = ledger.verify_proof(str(held["proof"]), [verifier])
    logged = ledger.verify_opening(proven.entry, held["opening"])
    if content.get("format") != FORMAT or logged.get("sha256") != digest(content):
        raise Refused("The log's entry is about another report.", code="other_entry")
    return {
        "valid": True,
        "key": str(verifier),
        "log_index": proven.index,
        "log_size": proven.checkpoint.size,
        "report": content,
    }


def _parse(text: str) -> dict[str, Any]:
    """The signed document, if the text is its one spelling."""
    from lianfang.guard.signing import canonical

    try:
        signed = json.loads(text)
        raw = base64.b64decode(signed["signature"], validate=True)
        written = {**signed, "signature": base64.b64encode(raw).decode()}
        same = canonical(written) == text.encode()
    except (ValueError, KeyError, TypeError, RecursionError, BadInput):
        raise BadInput("This is no report of an inspection.") from None
    if not same:
        raise Refused("The file is not as it was written.", code="not_valid")
    return written
