"""Selective messages: sent to the authorities concerned by an alert, read there under a record, by nobody else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import Conflict, Refused
from lianfang.services.exchange import outbox, peers
from lianfang.services.exchange.common import (
    act,
    key_name,
    local_event,
    member,
    message_row,
    new_id,
    open_keys,
    parties,
    seal,
    unseal,
    us,
)
from lianfang.services.gate import ask, fresh, record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.guard.exchange.shapes import Content, MessageBody
    from lianfang.services.granting import Granted
    from lianfang.store import Row


def send(
    inst: Installation,
    who: Who,
    alert_id: str,
    persons: Sequence[Any],
    text: str = "",
    *,
    to: Sequence[str] | None = None,
    event_id: str = "",
) -> str:
    """Send a selective message under an alert; returns its id.

    ``persons``: objects of the fields that tracing needs (name, mobile, phone, address, seat, symptom ...).
    ``to``: some of the authorities concerned; left out, all of them. Everybody else is excluded.

    Raises:
        Refused: a field beyond the tracing minimum, a recipient that is not concerned, the policy.
        NotFound: no such alert. BadInput: a value is wrong.
    """
    from lianfang.guard.exchange import check_content, choose, deadline
    from lianfang.guard.exchange.shapes import MessageBody, parse
    from lianfang.records import ExchangeAlert
    from lianfang.store import one

    require(who, "exchange.send")
    fresh(who)
    with inst.store.read() as connection:
        alert = one(connection, ExchangeAlert, alert_id=alert_id)
    event = local_event(inst, who, event_id or str(alert["local_event"]))
    pack, now, message_id = inst.settings.exchange_pack, inst.now(), new_id("m")
    content = check_content(persons, text, pack)
    data = kinds(content)
    question: dict[str, Any] = {
        "phase": "send",
        "purpose": "contact_tracing_message",
        "data": data,
        "ref": message_id,
        "rows": len(content.persons),
        "pack": pack,
    }
    try:
        recipients = choose(alert["concerned"], us(inst), to)
    except Refused:  # the refusal is the policy's too, and is in its record
        context = {"channel": "selective", "recipient": "not_concerned"}
        ask(inst, member(inst, who), context=context, event=event, **question)
        raise
    for recipient in recipients:
        peers.entry(inst, recipient)
    context = {"channel": "selective", "recipient": "concerned"}
    going = ("sealed_to_peer", "registered_peer")
    granted = ask(inst, member(inst, who), context=context, event=event, going=going, **question)
    body = parse(
        MessageBody,
        {
            "message_id": message_id,
            "alert_id": alert_id,
            "author": us(inst),
            "recipients": recipients,
            "version": 1,
            "posted_at": now,
            "deadline": deadline(pack, now),
            "pack": pack,
            "content": _given(granted, content),
        },
        "message",
    )
    key = key_name(message_id, 1)
    open_keys(inst, key)
    with inst.store.begin() as connection:
        row = keep(inst, connection, body, event_id=str(event["event_id"]) if event else "")
        act(connection, row, "sent", authority=us(inst), version=1, at=now, by=who.account)
        outbox.queue(inst, connection, "message", recipients, body, ref=message_id, key=key)
        record(
            inst,
            connection,
            "exchange_message_sent",
            who=who,
            purpose="contact_tracing_message",
            ref=message_id,
            payload={"alert": alert_id, "recipients": recipients, "data": data, "persons": row["persons"]},
        )
    return message_id


def _given(granted: Granted, content: Content) -> dict[str, Any]:
    """Of a message's content what a permit gives: its persons' fields bear the policy's own words."""
    from lianfang.guard.policy.vocabulary import DATA

    plain = content.model_dump()
    text = granted.project({"text": plain["text"]}, {"text": "selective_message"}) if plain["text"] else {}
    return {"persons": granted.project(plain["persons"], {name: name for name in DATA}), "text": "", **text}


def kinds(content: Content) -> list[str]:
    """The kinds of data in a message, in the policy's words."""
    found = {field for person in content.persons for field in person}
    return sorted(found | ({"selective_message"} if content.text else set()))


def keep(inst: Installation, connection: Connection, body: MessageBody, *, event_id: str = "") -> Row:
    """Write this authority's copy of a version of a message; its key must be there.

    Its term is the author's or this authority's own, whichever ends first.
    """
    from lianfang.guard.exchange import deadline
    from lianfang.guard.exchange.shapes import plain
    from lianfang.records import ExchangeMessage
    from lianfang.store import put_rows

    key = key_name(body.message_id, body.version)
    ends, pack = min(
        (body.deadline, body.pack),
        (deadline(inst.settings.exchange_pack, body.posted_at), inst.settings.exchange_pack),
    )
    inside = json.dumps(plain(body.content), ensure_ascii=False).encode()
    row: Row = {
        "message_id": body.message_id,
        "alert_id": body.alert_id,
        "event_id": event_id,
        "author": body.author,
        "recipients": list(body.recipients),
        "version": body.version,
        "posted_at": body.posted_at,
        "deadline": ends,
        "pack": pack,
        "data": kinds(body.content),
        "persons": len(body.content.persons),
        "state": "held",
        "key": key,
        "sealed": seal(inst, key, body.message_id, inside),
        "updated_at": inst.now(),
    }
    put_rows(connection, ExchangeMessage, [row], keep=("event_id",))
    return row


def listing(inst: Installation, who: Who) -> list[Row]:
    """Copies of selective messages at this authority, the newest first; outsides only."""
    import sqlalchemy as sa

    from lianfang.records import ExchangeMessage
    from lianfang.store import table

    require(who, "exchange.look")
    messages = table(ExchangeMessage)
    columns = [column for column in messages.c if column.name not in ("sealed", "key")]
    statement = sa.select(*columns).order_by(messages.c.posted_at.desc(), messages.c.id).limit(200)
    with inst.store.read() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def show(inst: Installation, who: Who, message_id: str) -> dict[str, Any]:
    """A message from outside: who has it, what was done to it, letters about it, cases, access, certificate."""
    from lianfang.records import ExchangeAct, ExchangeAlert, ExchangeCase, ExchangeCertificate, ExchangeGrant
    from lianfang.store import rows

    require(who, "exchange.look")
    with inst.store.read() as connection:
        row = message_row(connection, message_id)
        cases = rows(connection, ExchangeCase, message_id=message_id, order_by=["opened_at"])
        alerts = rows(connection, ExchangeAlert, alert_id=row["alert_id"])
        certificates = rows(connection, ExchangeCertificate, message_id=message_id)
        return {
            "message": {name: value for name, value in row.items() if name not in ("sealed", "key")},
            "alert": alerts[0] if alerts else None,
            "acts": rows(connection, ExchangeAct, message_id=message_id, order_by=["number"]),
            "letters": outbox.state(connection, message_id),
            "cases": [{k: v for k, v in case.items() if k not in ("sealed", "key")} for case in cases],
            "grants": rows(connection, ExchangeGrant, message_id=message_id, order_by=["not_before"]),
            "certificate": certificates[0] if certificates else None,
            "us": us(inst),
            "peers": peers.listing(inst),
        }


def read(inst: Installation, who: Who, message_id: str) -> dict[str, Any]:
    """What a message says: ``persons`` and ``text``. Each reading is asked for and recorded (REQ-P-34).

    Raises:
        Refused: this authority is not concerned, the deadline has passed, the policy denies. Conflict: it is
        blocked or erased.
    """
    require(who, "exchange.read")
    fresh(who)
    with inst.store.read() as connection:
        row = message_row(connection, message_id)
    content = open_copy(inst, member(inst, who), row)
    with inst.store.begin() as connection:
        record(
            inst,
            connection,
            "exchange_message_read",
            who=who,
            purpose="contact_tracing_message",
            ref=message_id,
            payload={"version": row["version"], "data": row["data"]},
        )
    return content


def open_copy(inst: Installation, reader: Who, row: Row, **context: Any) -> dict[str, Any]:
    """The inside of a copy for ``reader``, after the policy agreed; ``context`` says why a co-ordinator may."""
    from lianfang.guard.exchange import age_days
    from lianfang.guard.exchange.shapes import Content

    usable(inst, row)
    if not context:
        concerned = us(inst) in parties(row)
        context = {"reader": "concerned" if concerned else "not_concerned"}
    granted = ask(
        inst,
        reader,
        phase="read",
        purpose="contact_tracing_message",
        data=row["data"],
        context={
            "channel": "selective",
            "age_days": age_days(row["posted_at"], inst.now()),
            **context,
        },
        ref=str(row["message_id"]),
        rows=int(row["persons"]),
        pack=inst.settings.exchange_pack,
    )
    raw = unseal(inst, row["key"], row["message_id"], str(row["sealed"]))
    return _given(granted, Content.model_validate_json(raw))


def usable(inst: Installation, row: Row) -> None:
    """Refuse a copy that is blocked, erased, or past its deadline."""
    if row["state"] == "blocked":
        raise Conflict(
            "The message is blocked: it was reported as unlawful.", hint="Its author corrects or deletes it."
        )
    if row["state"] != "held":
        raise Conflict("The message was erased.")
    if inst.now() >= row["deadline"]:
        raise Refused("The message is past its deadline.", basis=("REQ-P-44",), code="expired")
