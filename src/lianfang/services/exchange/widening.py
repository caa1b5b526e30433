"""More authorities turn out to be concerned by an alert: a recorded act of its issuer, told to all (REQ-P-40)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput, Refused
from lianfang.services.exchange import channel, outbox, peers
from lianfang.services.exchange.common import general, local_event, stated, us
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.guard.exchange.shapes import ConcernBody
    from lianfang.store import Row


def widen(inst: Installation, who: Who, alert_id: str, added: Sequence[str], *, reason: str) -> list[str]:
    """Let an alert concern further authorities; returns all that it concerns now.

    Only the authority that raised it may, and says why in clear. They get what is sent from now on; earlier
    messages are not opened to them. Every authority is told, and its register of data sets with it.

    Raises:
        Refused: another authority's alert, one that co-ordinates, personal data in the reason. BadInput: nobody
        new, no reason. NotFound: no such alert, an unknown authority.
    """
    from lianfang.guard.exchange.shapes import ConcernBody, parse
    from lianfang.records import ExchangeAlert, ExchangeAlertAct
    from lianfang.store import one, tally

    require(who, "exchange.send")
    why = stated(reason, "reason")
    with inst.store.read() as connection:
        alert = one(connection, ExchangeAlert, alert_id=alert_id)
    if alert["issuer"] != us(inst):
        raise Refused(
            "Only the authority that raised an alert widens it.", basis=("REQ-P-40",), code="not_author"
        )
    local_event(inst, who, str(alert["local_event"]))
    for name in added:
        channel.check_concerned(inst, name)
    general(inst, who, [why], alert_id)
    others = [str(row["authority"]) for row in peers.listing(inst)]
    with inst.store.begin() as connection:
        alert = one(connection, ExchangeAlert, alert_id=alert_id)
        new = sorted(set(added) - set(alert["concerned"]))
        if not new:
            raise BadInput("The alert concerns all of these already.")
        body = parse(
            ConcernBody,
            {
                **{name: alert[name] for name in ("alert_id", "issuer", "title", "text", "issued_at")},
                "concerned": sorted({*alert["concerned"], *new}),
                "number": tally(connection, ExchangeAlertAct, alert_id=alert_id) + 1,
                "added": new,
                "reason": why,
                "at": inst.now(),
            },
            "exchange alert",
        )
        keep(inst, connection, body, by=who.account)
        outbox.queue(inst, connection, "concern", others, body, ref=alert_id)
        record(
            inst,
            connection,
            "exchange_alert_widened",
            who=who,
            purpose="situation_monitoring",
            ref=alert_id,
            payload={"added": new, "reason": why, "recipients": others},
        )
    return list(body.concerned)


def keep(inst: Installation, connection: Connection, body: ConcernBody, *, by: str = "") -> None:
    """Write the act, and the alert as it stands now; a letter that came late takes nobody away again."""
    from lianfang.guard.exchange.shapes import AlertBody
    from lianfang.records import ExchangeAlert, ExchangeAlertAct
    from lianfang.store import change, insert_new, rows

    known = rows(connection, ExchangeAlert, alert_id=body.alert_id)
    held = set(known[0]["concerned"]) if known else set()
    fields = {name: getattr(body, name) for name in AlertBody.model_fields}
    whole = AlertBody.model_validate({**fields, "concerned": sorted({*held, *body.concerned})})
    if known:
        change(connection, ExchangeAlert, known[0]["id"], concerned=list(whole.concerned))
        channel.enter(inst, connection, whole)
    else:  # an authority that was entered after the alert was raised hears of it now
        channel.keep_alert(inst, connection, whole)
    insert_new(
        connection,
        ExchangeAlertAct(
            alert_id=body.alert_id,
            number=body.number,
            authority=body.issuer,
            added=list(body.added),
            reason=body.reason,
            at=body.at,
            by=by,
        ),
    )


def acts(inst: Installation, who: Who, alert_id: str) -> list[Row]:
    """How an alert was widened: by whom, to whom, why, when; the oldest first."""
    from lianfang.records import ExchangeAlertAct
    from lianfang.store import rows

    require(who, "exchange.look")
    with inst.store.read() as connection:
        return rows(connection, ExchangeAlertAct, alert_id=alert_id, order_by=["number"])
