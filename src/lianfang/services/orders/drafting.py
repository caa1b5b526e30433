"""An order is drawn up: index cases as tokens, period, rule, cap, expiry, the one who answers for it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.clock import day_bounds
from lianfang.foundation.errors import BadInput, Conflict
from lianfang.services import attaching, cases, events
from lianfang.services.gate import ask, record, require, within
from lianfang.services.installation import Installation, Who
from lianfang.services.orders.holders import entry

if TYPE_CHECKING:
    from lianfang.services.holder.documents import IndexCase
    from lianfang.store import Row

INDEX_CLASSES = ("suspect", "probable", "confirmed", "confirmed_no_symptoms")
#: A case counts as infectious from two days before onset (NHC control plan, 4th edition, 2020).
BEFORE_ONSET = timedelta(days=2)
VALID = timedelta(hours=24)
#: Longest period asked for by default: what nodes answer unless told otherwise.
LONGEST = timedelta(days=31)


def draft(
    inst: Installation,
    who: Who,
    event_id: str,
    *,
    holder: str,
    sources: Sequence[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    rule: Mapping[str, Any] | None = None,
    row_cap: int = 500,
    responsible: str | None = None,
    case_ids: Sequence[str] | None = None,
) -> Row:
    """Draw up an order about the event's cases; its ``document`` is the signed note exactly as it is sent.

    Index cases: the event's suspect, probable and confirmed cases as of today (or ``case_ids`` among them),
    each infectious from two days before onset (before the first report where onset is not known) until it
    was isolated (admission, else today: a visit to a clinic isolates nobody). The period spans them
    all.

    Raises:
        Refused: the holder is not registered, the role may not, the policy denies. Conflict: the event is
        not open, no case has an identifier to match. BadInput: an argument is out of range.
    """
    from lianfang.guard.redaction import find
    from lianfang.services.holder import documents

    require(who, "order.send")
    event = events.get(inst, event_id)
    if event["status"] != "open":
        raise Conflict("The event is not open.")
    attaching.settle(inst, who, event_id)
    register = entry(inst, holder)
    if responsible is not None and find(responsible, point="mask", tagger=False):
        raise BadInput("The responsible person of an order is told by the account: no name, no number.")
    now = inst.now()
    order_id = f"o{now:%Y%m%d}-{secrets.token_hex(8)}"
    ask(
        inst,
        who,
        phase="share",
        purpose="close_contact_tracing",
        data=["pseudonym"],
        context={"recipient": register["kind"], "deidentified": True},
        event=event,
        ref=order_id,
        rows=len(case_ids or ()),
        going=("kept_until_sent", "registered_holder", "order_on_record"),
    )
    index, of_case = _index(inst, event, order_id, case_ids)
    until = end or now
    since = max(start or min(case.start for case in index), until - LONGEST)
    note = documents.parse(
        documents.OrderNote,
        {
            "order_id": order_id,
            "event_id": event_id,
            "centre": inst.signer.name,
            "holder": holder,
            "issued_at": now,
            "issued_by": who.account,
            "responsible": who.account if responsible is None else responsible,
            "expires_at": now + VALID,
            "basis": list(event["legal_basis"]),
            "sources": list(sources if sources is not None else register["sources"]),
            "period": {"start": since, "end": until},
            "rule": dict(rule or {}),
            "row_cap": row_cap,
            "index_count": len(index),
            "index_sha256": documents.commitment(inst.vault.match_key(event_id, order_id), index),
        },
        "order",
    )
    return _keep(inst, who, note, index, of_case)


def _keep(inst: Installation, who: Who, note: Any, index: list[IndexCase], of_case: list[str]) -> Row:
    from lianfang.records import HolderOrder
    from lianfang.services.holder import documents
    from lianfang.store import insert_new, one

    told = documents.payload(note)
    kept = [
        {**documents.payload(case), "case_id": identity}
        for case, identity in zip(index, of_case, strict=True)
    ]
    order = HolderOrder.model_construct(
        order_id=note.order_id,
        event_id=note.event_id,
        holder=note.holder,
        issued_at=note.issued_at,
        issued_by=note.issued_by,
        responsible=note.responsible,
        basis=note.basis,
        sources=note.sources,
        period_start=note.period.start,
        period_end=note.period.end,
        rule=told["rule"],
        row_cap=note.row_cap,
        expires_at=note.expires_at,
        index_count=note.index_count,
        index_cases=kept,
        document=json.dumps(documents.signed(inst.signer, note), ensure_ascii=False, indent=1),
        status="draft",
    )
    with inst.store.begin() as connection:
        insert_new(connection, order)
        record(
            inst,
            connection,
            "order_drawn",
            who=who,
            purpose="close_contact_tracing",
            ref=note.order_id,
            payload=told,
        )
        return one(connection, HolderOrder, order_id=note.order_id)


def _index(
    inst: Installation, event: Row, order_id: str, case_ids: Sequence[str] | None
) -> tuple[list[IndexCase], list[str]]:
    """The index cases with tokens under the order's key, and beside each its case's id."""
    from lianfang.services.holder.documents import IndexCase

    event_id = str(event["event_id"])
    with inst.store.read() as connection:
        known = cases.as_of(connection, inst.today(), event_id=event_id, classifications=INDEX_CLASSES)
    if case_ids is not None:
        wanted = set(case_ids)
        known = [row for row in known if row["case_id"] in wanted]
        if len(known) != len(wanted):
            raise BadInput("One of the cases is not an index case of this event.")
    subjects = [str(row["subject_id"]) for row in known]
    tokens: dict[str, dict[str, str]] = {}
    with inst.vault_store.read() as vault:
        for kind in ("resident_id", "phone"):
            matched = inst.vault.match_subjects(vault, event_id, order_id, kind, subjects)
            tokens[kind] = {subject: token for token, subject in matched.items()}
    index: list[IndexCase] = []
    identities: list[str] = []
    for row in known:
        own = {kind: tokens[kind].get(str(row["subject_id"])) for kind in tokens}
        since, until = infectious(inst, row)
        if not any(own.values()) or since >= until:
            continue
        index.append(IndexCase(number=len(index), start=since, end=until, **own))
        identities.append(str(row["case_id"]))
    if not index:
        raise Conflict(
            "No case of this event can be matched at a holder.", hint="A case needs an ID number or phone."
        )
    return index, identities


def infectious(inst: Installation, row: Row) -> tuple[datetime, datetime]:
    """When a case could infect others: two days before onset until admitted, or until now."""
    zone = inst.settings.zone
    onset = row["date_onset"] or row["first_reported"]
    isolated = row["date_admission"]
    if isolated is not None and isolated < onset:
        isolated = None  # admitted before it fell ill, for something else
    until = day_bounds(isolated, zone)[1] if isolated else inst.now()
    return day_bounds(onset, zone)[0] - BEFORE_ONSET, min(until, inst.now())


def show(inst: Installation, who: Who, order_id: str) -> dict[str, Any]:
    """An order and its answer (None until there is one): ``{"order", "answer"}``; index tokens left out."""
    from lianfang.records import HolderOrder, OrderAnswer
    from lianfang.store import one, rows

    require(who, "event.read")
    with inst.store.read() as connection:
        order = one(connection, HolderOrder, order_id=order_id)
        answers = rows(connection, OrderAnswer, order_id=order_id)
    within(who, str(events.get(inst, order["event_id"])["adcode"]))
    order.pop("index_cases")
    return {"order": order, "answer": answers[0] if answers else None}
