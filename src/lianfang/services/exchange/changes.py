"""Correction, deletion and the report of unlawful processing: each reaches every copy (REQ-P-42, 47)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Refused
from lianfang.services.exchange import ending, outbox
from lianfang.services.exchange.common import (
    act,
    key_name,
    local_event,
    member,
    message_row,
    open_keys,
    parties,
    stated,
    us,
)
from lianfang.services.exchange.messages import keep, kinds
from lianfang.services.gate import ask, record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.guard.exchange.shapes import ErasureBody
    from lianfang.store import Row

#: Why data are corrected or deleted (REQ-P-42), and what that is to the policy.
REASONS = {
    "inaccurate": "inaccurate",
    "outdated": "inaccurate",
    "unnecessary": "no_longer_necessary",
    "unlawful": "no_longer_necessary",
}


def correct(
    inst: Installation, who: Who, message_id: str, persons: Sequence[Any], text: str = "", *, reason: str
) -> int:
    """Replace what a message says, here and in every recipient's copy; returns its new version.

    ``reason``: inaccurate, outdated, unnecessary or unlawful; the last two may take kinds of data away only.
    The old version's key is destroyed, here at once and at each recipient when the letter arrives. A block is
    lifted by it.

    Raises:
        Refused: another authority's message, a field beyond the minimum, the policy. Conflict: erased or past
        its deadline.
    """
    from lianfang.guard.exchange import check_content
    from lianfang.guard.exchange.shapes import MessageBody, parse

    require(who, "exchange.send")
    row = _own(inst, who, message_id, reason)
    if inst.now() >= row["deadline"]:
        raise Refused("The message is past its deadline.", basis=("REQ-P-44",), code="expired")
    content = check_content(persons, text, inst.settings.exchange_pack)
    data = kinds(content)
    taking = REASONS[reason] == "no_longer_necessary"
    if taking and (not set(data) <= set(row["data"]) or len(content.persons) > row["persons"]):
        raise BadInput("What is unnecessary or unlawful is taken away; nothing is added.")
    ask(
        inst,
        member(inst, who),
        phase="delete" if taking else "rectify",
        purpose="erasure" if taking else "rectification",
        data=sorted(set(row["data"]) - set(data)) or data if taking else _personal(data),
        context={REASONS[reason]: True},
        ref=message_id,
        rows=len(content.persons),
        pack=inst.settings.exchange_pack,
        going=("letters_to_recipients", "erasure_entry"),
    )
    while True:
        version = int(row["version"]) + 1
        key = key_name(message_id, version)
        open_keys(inst, key)
        with inst.store.begin() as connection:
            now = message_row(connection, message_id)
            if now["state"] not in ("held", "blocked"):
                raise Conflict("The message was erased.")
            if now["version"] != row["version"]:  # somebody corrected it meanwhile
                row = now
                continue
            body = parse(
                MessageBody,
                {
                    **{name: row[name] for name in ("message_id", "alert_id", "author", "recipients")},
                    **{name: row[name] for name in ("posted_at", "deadline", "pack")},
                    "version": version,
                    "reason": reason,
                    "content": content.model_dump(),
                },
                "message",
            )
            fresh = keep(inst, connection, body)
            outbox.forget(connection, [key_name(message_id, old) for old in range(1, version)])
            outbox.queue(inst, connection, "correction", row["recipients"], body, ref=message_id, key=key)
            act(
                connection,
                fresh,
                "corrected",
                authority=us(inst),
                reason=reason,
                version=version,
                at=inst.now(),
                by=who.account,
            )
            record(
                inst,
                connection,
                "exchange_message_corrected",
                who=who,
                purpose="rectification",
                ref=message_id,
                payload={"version": version, "reason": reason, "recipients": row["recipients"]},
            )
        break
    ending.tidy(inst, message_id)
    return version


def _personal(data: Sequence[str]) -> list[str]:
    """Kinds that the policy counts as personal by themselves; a day alone is corrected with the rest."""
    return [kind for kind in data if kind != "confirm_date"] or ["selective_message"]


def delete(inst: Installation, who: Who, message_id: str, *, reason: str) -> None:
    """Erase a message here and in every recipient's copy, before its deadline.

    Raises:
        Refused: another authority's message, the policy. Conflict: it was erased before.
    """
    require(who, "exchange.erase")
    row = _own(inst, who, message_id, reason)
    ask(
        inst,
        member(inst, who),
        phase="delete",
        purpose="erasure",
        data=_personal(row["data"]),
        context={REASONS[reason]: True},
        ref=message_id,
        rows=int(row["persons"]),
        pack=inst.settings.exchange_pack,
        going=("letters_to_recipients", "erasure_entry"),
    )
    with inst.store.begin() as connection:
        now = message_row(connection, message_id)
        if now["state"] not in ("held", "blocked"):
            raise Conflict("The message was erased.")
        body = erasure(now, reason)
        ending.erase_row(inst, connection, now)
        outbox.queue(inst, connection, "erasure", now["recipients"], body, ref=message_id)
        act(
            connection,
            now,
            "erased",
            authority=us(inst),
            reason=reason,
            version=now["version"],
            at=inst.now(),
            by=who.account,
        )
        record(
            inst,
            connection,
            "exchange_message_erased",
            who=who,
            purpose="erasure",
            ref=message_id,
            payload={"reason": reason, "recipients": now["recipients"]},
        )
    ending.tidy(inst, message_id)


def erasure(row: Row, reason: str) -> ErasureBody:
    """The letter that ends a message at its recipients."""
    from lianfang.guard.exchange.shapes import ErasureBody, parse

    names = ("message_id", "alert_id", "author", "recipients", "posted_at", "deadline", "pack", "version")
    return parse(ErasureBody, {**{name: row[name] for name in names}, "reason": reason}, "erasure")


def report_unlawful(inst: Installation, who: Who, message_id: str, *, reason: str) -> None:
    """Say that a message is processed against the law: one transaction blocks it and tells all that have it.

    Raises:
        Conflict: erased or reported before. Refused: the reason holds personal data.
    """
    from lianfang.guard.exchange.shapes import UnlawfulBody, parse
    from lianfang.records import ExchangeMessage
    from lianfang.store import change

    require(who, "exchange.report")
    said = stated(reason, "reason")
    body = parse(UnlawfulBody, {"message_id": message_id, "reason": said, "at": inst.now()}, "report")
    with inst.store.begin() as connection:
        row = message_row(connection, message_id)
        if row["state"] != "held":
            raise Conflict("The message is blocked or erased already.")
        others = [one for one in parties(row) if one != us(inst)]
        change(connection, ExchangeMessage, row["id"], state="blocked", updated_at=inst.now())
        outbox.queue(inst, connection, "unlawful", others, body, ref=message_id)
        act(
            connection,
            row,
            "unlawful",
            authority=us(inst),
            reason=said,
            version=row["version"],
            at=inst.now(),
            by=who.account,
        )
        record(
            inst,
            connection,
            "exchange_unlawful_reported",
            who=who,
            purpose="erasure",
            ref=message_id,
            payload={"reason": said, "told": others},
        )


def _own(inst: Installation, who: Who, message_id: str, reason: str) -> Row:
    """The row of a message that this authority wrote and may still change."""
    if reason not in REASONS:
        raise BadInput(f"The reason is one of: {', '.join(REASONS)}.")
    with inst.store.read() as connection:
        row = message_row(connection, message_id)
    if row["author"] != us(inst):
        raise Refused(
            "Another authority wrote this message.",
            basis=("REQ-P-42",),
            hint="Open a request, or report it as unlawful.",
            code="not_author",
        )
    if row["state"] not in ("held", "blocked"):
        raise Conflict("The message was erased.")
    if row["event_id"]:
        local_event(inst, who, str(row["event_id"]), ended=True)
    return row
