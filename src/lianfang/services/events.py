"""Events: proposed by an alert or a person, opened by a signed act, raised, lowered, dismissed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound
from lianfang.guard import plan as rules
from lianfang.services import attaching, plan
from lianfang.services.gate import reaches, record, require, within
from lianfang.services.installation import ROUTINE, Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

#: Bases of an event by pack: the articles an order and a visit rest on (privacy.md 1.2; REQ-P-19).
LEGAL_BASIS = (
    "Law on Prevention and Treatment of Infectious Diseases (2013) art. 12",
    "Law on Prevention and Treatment of Infectious Diseases (2013) arts 39-41",
    "Regulation on Public Health Emergencies (2003) arts 10-11",
    "Regulation on Public Health Emergencies (2003) arts 21, 44",
)
LEVELS = ("I", "II", "III", "IV")


def propose(inst: Installation, who: Who, alert_id: str) -> dict[str, Any]:
    """What opening an event for an alert would say; nothing is written.

    Response level III, the interim case definition, legal basis, an emergency plan that delegates visits in
    this area to the community, and the day on which the data end are proposed; a person confirms or changes.
    """
    from lianfang.records import Alert
    from lianfang.store import one

    require(who, "event.open")
    within(who, inst.settings.adcode)  # an alert is of the whole house
    with inst.store.read() as connection:
        alert = one(connection, Alert, alert_id=alert_id)
    if alert["status"] != "new":
        raise Conflict(f"This alert has been decided already ({alert['status']}).")
    today = inst.today()
    area = inst.settings.adcode
    place = str(alert["value"])
    return {
        "alert_id": alert_id,
        "title": f"{place}聚集性不明原因肺炎"
        if alert["method"].startswith("cluster")
        else f"{place}异常升高",
        "adcode": area,
        "disease": "pneumonia of unknown cause",
        "case_definition": f"interim-{today.isoformat()}",
        "level": "III",
        "start_conditions": (
            f"{int(alert['observed'])} unexplained cases sharing {alert['attribute']} within "
            f"{inst.settings.cluster_days} days"
        ),
        "stop_conditions": "28 days without a new confirmed case and all observation orders released",
        "legal_basis": list(LEGAL_BASIS),
        "plan": plan.propose(inst, str(alert["attribute"]), place),
        "retention_pack": inst.settings.policy_pack,
        "retention_until": today + timedelta(days=inst.settings.retention_days),
    }


def open_event(inst: Installation, who: Who, fields: Mapping[str, Any]) -> str:
    """Open an event by a signed act; the alert's cases move under the event's own keys.

    ``fields``: as :func:`propose` gives them, changed by a person. Returns the event's id.

    Raises:
        BadInput: a field is missing, or there is no retention plan (REQ-P-67). Conflict: decided already.
    """
    from pydantic import ValidationError

    from lianfang.records import Alert, Event
    from lianfang.store import change, insert_new, one

    require(who, "event.open")
    values = {name: fields[name] for name in Event.fields if name in fields}
    today = inst.today()
    event_id = f"e{today:%Y%m%d}-{secrets.token_hex(3)}"
    try:
        event = Event.model_validate(
            {
                **values,
                "event_id": event_id,
                "status": "open",
                "opened_at": inst.now(),
                "opened_by": who.account,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"The event's field {first['loc'][0]}: {first['msg']}.") from error
    within(who, event.adcode)
    rules.read(event.plan)
    if event.retention_until <= today:
        raise BadInput("An event needs a retention plan that ends after today (REQ-P-67).")
    if not event.legal_basis:
        raise BadInput("An event needs a legal basis (REQ-P-17).")
    with inst.vault_store.begin() as vault:
        inst.vault.open_event(vault, event_id)
    alert_id = str(fields.get("alert_id", ""))
    case_ids: list[str] = []
    with inst.store.begin() as connection:
        if alert_id:
            alert = one(connection, Alert, alert_id=alert_id)
            if alert["status"] != "new":
                raise Conflict(f"This alert has been decided already ({alert['status']}).")
            case_ids = list(alert["evidence"].get("case_ids", []))
            change(
                connection,
                Alert,
                alert["id"],
                status="opened",
                event_id=event_id,
                decided_by=who.account,
                decided_at=inst.now(),
            )
        insert_new(connection, event)
        plan.open_tasks(inst, connection, event.model_dump(), today)
        sign_act(inst, connection, who, event_id, "open", event.model_dump(mode="json"))
    if case_ids:
        attaching.attach_cases(inst, who, event_id, case_ids)
    return event_id


def change_level(inst: Installation, who: Who, event_id: str, level: str, reason: str) -> None:
    """Raise or lower the response level: a signed act with its reason."""
    from lianfang.records import Event
    from lianfang.store import change, one

    require(who, "event.level")
    if level not in LEVELS:
        raise BadInput(f"The response level is one of {', '.join(LEVELS)}.")
    if not reason.strip():
        raise BadInput("A change of level needs a reason.")
    with inst.store.begin() as connection:
        event = one(connection, Event, event_id=event_id)
        within(who, event["adcode"])
        if event["status"] != "open":
            raise Conflict("Only an open event has a level to change.")
        if event["level"] == level:
            raise Conflict(f"The level is {level} already.")
        change(connection, Event, event["id"], level=level)
        plan.open_tasks(inst, connection, {**event, "level": level}, inst.today())
        content = {"before": event["level"], "after": level, "reason": reason}
        sign_act(inst, connection, who, event_id, "level", content)


def change_definition(inst: Installation, who: Who, event_id: str, edition: str, reason: str) -> None:
    """Count by another edition of the case definition from today on: a signed act, marked in every curve.

    ``edition``: one of ``lianfang.treat.casedef``, or a name of the authority's own for another disease.
    """
    from lianfang.records import Event
    from lianfang.store import change, one

    require(who, "event.level")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{1,59}", edition):
        raise BadInput("An edition is named by 2 to 60 letters, digits, dots and hyphens, such as cn-6.")
    if not reason.strip():
        raise BadInput("A change of the case definition needs a reason.")
    with inst.store.begin() as connection:
        event = one(connection, Event, event_id=event_id)
        within(who, event["adcode"])
        if event["status"] != "open":
            raise Conflict("Only an open event has a case definition to change.")
        if event["case_definition"] == edition:
            raise Conflict(f"The case definition is {edition} already.")
        change(connection, Event, event["id"], case_definition=edition)
        content = {"before": event["case_definition"], "after": edition, "reason": reason}
        sign_act(inst, connection, who, event_id, "definition", content)


def dismiss_alert(inst: Installation, who: Who, alert_id: str, reason: str) -> None:
    """Judge an alert a false alarm; it keeps its evidence and the reason."""
    from lianfang.records import Alert
    from lianfang.store import change, one

    require(who, "alert.decide")
    within(who, inst.settings.adcode)
    if not reason.strip():
        raise BadInput("Dismissing an alert needs a reason.")
    with inst.store.begin() as connection:
        alert = one(connection, Alert, alert_id=alert_id)
        if alert["status"] != "new":
            raise Conflict(f"This alert has been decided already ({alert['status']}).")
        change(
            connection,
            Alert,
            alert["id"],
            status="dismissed",
            reason=reason,
            decided_by=who.account,
            decided_at=inst.now(),
        )
        record(
            inst,
            connection,
            "alert_dismissed",
            who=who,
            purpose="situation_monitoring",
            ref=alert_id,
            payload={"reason": reason},
            event=ROUTINE,
        )


def get(inst: Installation, event_id: str) -> Row:
    """The event's row; :class:`NotFound` otherwise."""
    from lianfang.records import Event
    from lianfang.store import one

    with inst.store.read() as connection:
        return one(connection, Event, event_id=event_id)


def find(inst: Installation, text: str) -> Row:
    """The event with this id, the only one whose id begins so, or the only one of the authority named so."""
    from lianfang.records import Event
    from lianfang.store import rows

    with inst.store.read() as connection:
        known = [row for row in rows(connection, Event) if row["status"] in ("open", "closed")]
    of_authority = bool(text) and inst.settings.authority_id.startswith(text)
    found = [row for row in known if row["event_id"] == text] or [
        row for row in known if text and (row["event_id"].startswith(text) or of_authority)
    ]
    if len(found) != 1:
        raise NotFound("There is no such event." if not found else "Several events are meant by that.")
    return found[0]


def listing(inst: Installation, who: Who) -> list[Row]:
    """Events, the open ones first."""
    from lianfang.records import Event
    from lianfang.store import rows

    require(who, "event.read")
    with inst.store.read() as connection:
        found = [row for row in rows(connection, Event) if reaches(who, row["adcode"])]
    return sorted(found, key=lambda row: (row["status"] != "open", str(row["opened_at"])))


def acts(inst: Installation, who: Who, event_id: str) -> list[Row]:
    """The signed acts upon an event, in order."""
    from lianfang.records import EventAct
    from lianfang.store import rows

    require(who, "event.read")
    within(who, get(inst, event_id)["adcode"])
    with inst.store.read() as connection:
        return rows(connection, EventAct, event_id=event_id, order_by=["number"])


def sign_act(
    inst: Installation,
    connection: sa.Connection,
    who: Who,
    event_id: str,
    act: str,
    content: Mapping[str, Any],
) -> None:
    """Sign an act, keep it, and enter it in the ledger: all in the caller's transaction."""
    from lianfang.foundation.canonical import plain
    from lianfang.guard.signing import sign
    from lianfang.records import EventAct
    from lianfang.store import insert_new, tally

    number = tally(connection, EventAct, event_id=event_id) + 1
    body = plain(
        {"event_id": event_id, "number": number, "act": act, "at": inst.now(), "by": who.account, **content}
    )
    signed = sign(inst.signer, body)
    insert_new(
        connection,
        EventAct.model_validate(
            {
                "event_id": event_id,
                "number": number,
                "act": act,
                "at": inst.now(),
                "by": who.account,
                "content": body,
                "signature": signed["signature"],
                "key_id": signed["signer"],
            }
        ),
    )
    record(
        inst,
        connection,
        f"event_{act}",
        who=who,
        purpose="situation_monitoring",
        ref=event_id,
        payload=body,
        event=event_id,
    )


def due_until(last_exposure: date | None, today: date, days: int = 14) -> date:
    """Last day of observation: 14 days after the last exposure (NHC control plan, 2020)."""
    return (last_exposure or today) + timedelta(days=days)
