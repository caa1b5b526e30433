"""Alerts, the general channel, and the register of data sets. Nothing here holds personal data (REQ-P-38)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Refused
from lianfang.services.exchange import outbox, peers
from lianfang.services.exchange.common import general, local_event, new_id, us
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.guard.exchange.shapes import AlertBody, PostBody
    from lianfang.store import Row

#: The standing data set of the general channel.
GENERAL = "general-channel"


def alert(
    inst: Installation,
    who: Who,
    title: str,
    text: str,
    *,
    concerned: Sequence[str],
    event_id: str = "",
) -> str:
    """Raise an alert: every authority gets it, and those concerned may then exchange selective messages.

    ``concerned``: the other authorities whom the tracing concerns; this one is added. Its data set is entered in
    the register with controller, joint controllers and processor (REQ-P-45).

    Raises:
        Refused: title or text hold personal data; the Commission or the ECDC is named as concerned.
        NotFound: an authority is not in the register.
    """
    from lianfang.guard.exchange.shapes import AlertBody, parse

    require(who, "exchange.send")
    local_event(inst, who, event_id)
    for name in concerned:
        check_concerned(inst, name)
    alert_id = new_id("a")
    body = parse(
        AlertBody,
        {
            "alert_id": alert_id,
            "issuer": us(inst),
            "title": title.strip(),
            "text": text.strip(),
            "concerned": sorted({us(inst), *concerned}),
            "issued_at": inst.now(),
        },
        "exchange alert",
    )
    general(inst, who, [body.title, body.text], alert_id)
    others = [str(row["authority"]) for row in peers.listing(inst)]
    with inst.store.begin() as connection:
        keep_alert(inst, connection, body, local=event_id, by=who.account)
        outbox.queue(inst, connection, "alert", others, body, ref=alert_id)
        record(
            inst,
            connection,
            "exchange_alert",
            who=who,
            purpose="situation_monitoring",
            ref=alert_id,
            payload={"concerned": body.concerned, "recipients": others},
        )
    return alert_id


def check_concerned(inst: Installation, authority: str) -> None:
    """Refuse an authority that no tracing can concern: unknown ones, and the co-ordinating bodies (REQ-P-41)."""
    ours = authority == us(inst)
    kind = inst.settings.exchange_kind if ours else peers.entry(inst, authority)["kind"]
    if kind != "eu_competent_authority":
        raise Refused(
            f"{authority} co-ordinates and is not concerned by tracing.",
            basis=("REQ-P-41",),
            hint="Grant it access for co-ordination where a response needs it.",
            code="not_concerned",
        )


def keep_alert(
    inst: Installation, connection: Connection, body: AlertBody, *, local: str = "", by: str = ""
) -> None:
    """Write an alert and enter its data set in the register."""
    from lianfang.records import ExchangeAlert
    from lianfang.store import insert_new

    insert_new(
        connection,
        ExchangeAlert(
            alert_id=body.alert_id,
            issuer=body.issuer,
            title=body.title,
            text=body.text,
            concerned=list(body.concerned),
            local_event=local,
            issued_at=body.issued_at,
            issued_by=by,
        ),
    )
    enter(inst, connection, body)


def enter(inst: Installation, connection: Connection, body: AlertBody) -> None:
    """Enter an alert's data set in the register, or enter it anew.

    States concerned and the Commission are joint controllers, the ECDC is processor (REQ-P-45). Where no
    ECDC takes part, the issuing authority processes for the others itself.
    """
    from lianfang.guard.policy import get
    from lianfang.records import ExchangeDataSet, ExchangePeer
    from lianfang.store import put, rows

    members = [(row["authority"], row["kind"]) for row in rows(connection, ExchangePeer, active=True)]
    members.append((us(inst), inst.settings.exchange_kind))
    commission = [name for name, kind in members if kind == "eu_commission"]
    processors = sorted(name for name, kind in members if kind == "ecdc")
    pack = inst.settings.exchange_pack
    shared = {
        "controller": body.issuer,
        "joint_controllers": sorted({*body.concerned, *commission} - {body.issuer}) or [body.issuer],
        "processor": processors[0] if processors else body.issuer,
        "pack": pack,
    }
    put(
        connection,
        ExchangeDataSet.model_validate(
            {
                **shared,
                "data_set": body.alert_id,
                "title": body.title,
                "purpose": "contact_tracing_message",
                "retention_days": int(get(pack).retention["message_days"]),
                "registered_at": inst.now(),
            }
        ),
    )


def register(inst: Installation, who: Who) -> list[Row]:
    """The register of data sets: the general channel, and the selective messages of each alert."""
    from lianfang.records import ExchangeDataSet
    from lianfang.store import rows

    require(who, "exchange.look")
    with inst.store.read() as connection:
        found = rows(connection, ExchangeDataSet, order_by=["registered_at"])
    members = [(row["authority"], row["kind"]) for row in peers.listing(inst)]
    processors = sorted(name for name, kind in members if kind == "ecdc")
    standing = {
        "data_set": GENERAL,
        "title": "普通渠道",
        "purpose": "situation_monitoring",
        "controller": us(inst),
        "joint_controllers": sorted(name for name, kind in members if kind != "ecdc") or [us(inst)],
        "processor": processors[0] if processors else us(inst),
        "pack": inst.settings.exchange_pack,
        "retention_days": 0,
    }
    return [standing, *found]


def post(inst: Installation, who: Who, title: str, text: str) -> str:
    """Say something to every authority on the general channel; returns its id.

    Raises:
        Refused: title or text hold personal data. They are looked at before anything is stored, and not kept.
    """
    from lianfang.guard.exchange.shapes import PostBody, parse

    require(who, "exchange.post")
    if not title.strip() or not text.strip():
        raise BadInput("A general message has a title and a text.")
    post_id = new_id("p")
    body = parse(
        PostBody,
        {
            "post_id": post_id,
            "author": us(inst),
            "title": title.strip(),
            "text": text.strip(),
            "posted_at": inst.now(),
        },
        "message",
    )
    general(inst, who, [body.title, body.text], post_id)
    others = [str(row["authority"]) for row in peers.listing(inst)]
    with inst.store.begin() as connection:
        keep_post(connection, body, by=who.account)
        outbox.queue(inst, connection, "post", others, body, ref=post_id)
        record(
            inst,
            connection,
            "exchange_post",
            who=who,
            purpose="situation_monitoring",
            ref=post_id,
            payload={"recipients": others},
        )
    return post_id


def keep_post(connection: Connection, body: PostBody, *, by: str = "") -> None:
    """Write a message of the general channel."""
    from lianfang.records import ExchangePost
    from lianfang.store import insert_new

    insert_new(connection, ExchangePost.model_validate({**body.model_dump(), "posted_by": by}))


def board(inst: Installation, who: Who) -> dict[str, Any]:
    """The overview: the latest general messages, alerts, and the other authorities."""
    import sqlalchemy as sa

    from lianfang.records import ExchangeAlert, ExchangePost
    from lianfang.store import table

    require(who, "exchange.look")
    posts, alerts = table(ExchangePost), table(ExchangeAlert)
    newest = sa.select(posts).order_by(posts.c.posted_at.desc(), posts.c.id).limit(50)
    raised = sa.select(alerts).order_by(alerts.c.issued_at.desc(), alerts.c.id).limit(50)
    with inst.store.read() as connection:
        said = [dict(row) for row in connection.execute(newest).mappings()]
        found = [dict(row) for row in connection.execute(raised).mappings()]
    return {"posts": said, "alerts": found, "peers": peers.listing(inst), "us": us(inst)}


def one_alert(inst: Installation, who: Who, alert_id: str) -> Row:
    """An alert; NotFound when there is none."""
    from lianfang.records import ExchangeAlert
    from lianfang.store import one

    require(who, "exchange.look")
    with inst.store.read() as connection:
        return one(connection, ExchangeAlert, alert_id=alert_id)
