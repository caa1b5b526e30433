"""Co-ordinating bodies are excluded; one looks at one message under a justified grant that ends (REQ-P-41).

The message is shown from the grantor's own copy at each look and kept nowhere else.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from lianfang.foundation.errors import BadInput, Refused
from lianfang.services.exchange import outbox, peers
from lianfang.services.exchange.common import member, message_row, new_id, stated, us
from lianfang.services.exchange.messages import open_copy, usable
from lianfang.services.gate import ask, fresh, record, require
from lianfang.services.installation import SYSTEM, Installation, Who

LONGEST = 72


def coordinate(
    inst: Installation, who: Who, message_id: str, *, peer: str, justification: str, hours: int
) -> str:
    """Let a co-ordinating body look at one message for at most 72 hours; returns the grant's id.

    Raises:
        Refused: the justification holds personal data. BadInput: no co-ordinating body, no term.
    """
    from lianfang.guard.exchange.shapes import GrantBody, parse
    from lianfang.records import ExchangeGrant
    from lianfang.store import insert_new

    require(who, "exchange.coordinate")
    said = stated(justification, "justification")
    if not 1 <= hours <= LONGEST:
        raise BadInput(f"Access for co-ordination lasts 1 to {LONGEST} hours.")
    entry = peers.entry(inst, peer)
    if entry["kind"] == "eu_competent_authority":
        raise BadInput(
            "Co-ordination is for the Commission and the ECDC.", hint="Others are concerned or not."
        )
    now = inst.now()
    body = parse(
        GrantBody,
        {
            "grant_id": new_id("g"),
            "message_id": message_id,
            "justification": said,
            "not_before": now,
            "not_after": now + timedelta(hours=hours),
        },
        "grant",
    )
    with inst.store.begin() as connection:
        row = message_row(connection, message_id)
        usable(inst, row)
        insert_new(
            connection,
            ExchangeGrant.model_validate(
                {**body.model_dump(), "grantor": us(inst), "peer": peer, "by": who.account}
            ),
        )
        outbox.queue(inst, connection, "grant", [peer], body, ref=body.grant_id)
        record(
            inst,
            connection,
            "exchange_coordination_granted",
            who=who,
            purpose="contact_tracing_message",
            ref=body.grant_id,
            payload={
                "message": message_id,
                "peer": peer,
                "justification": said,
                "not_after": body.not_after,
            },
        )
    return body.grant_id


def granted(inst: Installation, who: Who) -> list[dict[str, Any]]:
    """Grants that this authority gave or got, the newest first."""
    from lianfang.records import ExchangeGrant
    from lianfang.store import rows

    require(who, "exchange.look")
    with inst.store.read() as connection:
        found = rows(connection, ExchangeGrant, order_by=["not_before"], limit=500)
    return [{**row, "live": row["not_before"] <= inst.now() < row["not_after"]} for row in found[::-1]]


def look(inst: Installation, who: Who, grant_id: str) -> dict[str, Any]:
    """What a message says, fetched from its holder under a grant; nothing of it is kept here.

    Raises:
        Refused: the grant has ended, or the holder refuses. Fault: it cannot be reached.
    """
    from lianfang.guard.exchange import opened, sealed
    from lianfang.guard.exchange.shapes import Look, Shown, parse, plain
    from lianfang.records import ExchangeGrant
    from lianfang.store import one

    require(who, "exchange.read")
    fresh(who)
    with inst.store.read() as connection:
        grant = one(connection, ExchangeGrant, grant_id=grant_id)
    if grant["peer"] != us(inst):
        raise Refused("This grant is another authority's.", code="not_granted")
    granted = ask(
        inst,
        member(inst, who),
        phase="read",
        purpose="contact_tracing_message",
        data=["selective_message"],
        context={"channel": "selective", "coordination_needed": True, "justification": grant_id},
        ref=str(grant["message_id"]),
        pack=inst.settings.exchange_pack,
    )
    holder = peers.entry(inst, grant["grantor"])
    keys = peers.keys_of(holder)
    note = parse(
        Look,
        {
            "grant_id": grant_id,
            "sender": us(inst),
            "recipient": holder["authority"],
            "reader": who.account,
            "at": inst.now(),
        },
        "look",
    )
    answer = outbox.call(inst, holder, "/look", sealed(inst.signer, keys, note, "look"))
    shown = opened(inst.signer, keys, json.dumps(answer).encode(), Shown, "shown")
    if (shown.grant_id, shown.message_id) != (grant_id, grant["message_id"]):
        raise Refused("The holder showed another message.", code="peer_answer")
    # the message is one datum here: which of its fields may be seen was decided where it is held
    return granted.project(plain(shown.content), dict.fromkeys(("persons", "text"), "selective_message"))


def show(inst: Installation, raw: bytes, certificate: str) -> dict[str, Any]:
    """The holder's side of :func:`look`: checked, asked for, recorded, sealed to the one who looks.

    Raises:
        Refused: no such grant for this authority, or it has ended.
    """
    from lianfang.guard.exchange import opened, sealed
    from lianfang.guard.exchange.shapes import Look, Shown, parse
    from lianfang.records import ExchangeGrant
    from lianfang.store import rows

    peer = peers.by_certificate(inst, certificate)
    keys = peers.keys_of(peer)
    note = opened(inst.signer, keys, raw, Look, "look")
    with inst.store.read() as connection:
        found = rows(connection, ExchangeGrant, grant_id=note.grant_id, peer=peer["authority"])
        if not found or not found[0]["not_before"] <= inst.now() < found[0]["not_after"]:
            raise Refused("There is no such grant, or it has ended.", basis=("REQ-P-41",), code="not_granted")
        grant = found[0]
        row = message_row(connection, grant["message_id"])
    reader = replace(SYSTEM, account=f"{peer['authority']}/{note.reader}"[:64], actor=str(peer["kind"]))
    content = open_copy(inst, reader, row, coordination_needed=True, justification=str(grant["grant_id"]))
    with inst.store.begin() as connection:
        record(
            inst,
            connection,
            "exchange_message_shown",
            who=reader,
            purpose="contact_tracing_message",
            ref=str(row["message_id"]),
            payload={"grant": grant["grant_id"], "peer": peer["authority"], "data": row["data"]},
        )
    shown = parse(
        Shown,
        {
            "grant_id": grant["grant_id"],
            "message_id": row["message_id"],
            "version": row["version"],
            "content": content,
        },
        "message",
    )
    document: dict[str, Any] = json.loads(sealed(inst.signer, keys, shown, "shown"))
    return document
