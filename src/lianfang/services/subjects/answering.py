"""The answer to a person: his report, a correction, an erasure. Each is asked at the gate in his name and recorded."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, LianfangError, NotFound
from lianfang.services.gate import ask, fresh, record, require
from lianfang.services.installation import ROUTINE, Installation, Who
from lianfang.services.subjects import holding, telling
from lianfang.services.subjects.finding import GROUNDS, Identity, Place, places
from lianfang.services.subjects.remedies import remedies

if TYPE_CHECKING:
    from lianfang.services.exchange.concerning import Mention
    from lianfang.services.granting import Granted

#: What the answer may hold, as the policy calls it.
_DATA = (
    "name", "resident_id", "mobile", "home_address", "age", "sex", "region_index", "symptom", "diagnosis",
    "confirm_date", "travel_history", "location", "trajectory_generalised", "pseudonym",
)  # fmt: skip
#: Fields of the vault that can be corrected, and the policy's word for each.
CORRECTABLE = {
    "name": "name",
    "resident_id": "resident_id",
    "phone": "mobile",
    "address": "home_address",
}
MOST_CHARACTERS = 400
#: How the obligations of a correction and an erasure are met here.
_WAYS = ("recipients_named", "erasure_entry")


def report(inst: Installation, who: Who, asked: Identity, *, identity_verified: bool) -> dict[str, Any]:
    """Everything the house holds about the person and has decided about him, and what he can do about it.

    ``identity_verified``: the officer has seen who it is. Dates and moments are UTC. Parts: ``request_id``,
    ``made_at``, ``found``, ``events`` (``identifiers``, ``data_sets``, ``recipients``), ``decisions`` (each about
    him alone), ``shared_decisions`` (he among others: how often, first and last), ``readings``, ``orders``,
    ``remedies``, ``not_searched`` (events of areas that the officer's rights do not reach). Bulletins hold
    aggregates and name nobody; they are left out.

    Raises:
        Refused: another role, or the policy (identity not verified); the refusal is recorded.
    """
    request, subject = _asked(inst, who, "read", "rectification", {"identity_verified": identity_verified})
    found, passed = places(inst, who, asked)
    context = {"identity_verified": identity_verified}
    given = {
        place.event_id: _ask_each(inst, subject, place, "read", "rectification", context) for place in found
    }
    refs, sets = holding.collect(inst, found)
    orders = holding.orders(inst, found, refs)
    meant = _mentioned(inst, who, asked, found, "read", "rectification", "", request)
    own, shared = holding.decisions(inst, found, refs)
    readings = holding.readings(inst, refs)
    with inst.store.begin() as connection:
        payload = {"events": len(found), "subjects": len(refs.subjects), "decisions": len(own)}
        record(
            inst, connection, "subject_report", who=who, purpose="rectification", ref=request, payload=payload
        )
    return {
        "request_id": request,
        "made_at": inst.now(),
        "made_by": who.account,
        "authority": {"zh": inst.settings.authority_name_zh, "en": inst.settings.authority_name_en},
        "found": bool(found),
        "events": [
            _event(given[place.event_id], place, sets.get(place.event_id, {}), orders, readings)
            for place in found
        ],
        "messages": [
            {"message_id": one.message_id, "event_id": one.event_id, "authorities": list(one.others)}
            for one in meant
        ],
        "decisions": own,
        "shared_decisions": shared,
        "readings": readings,
        "orders": orders,
        "remedies": remedies(inst.settings.policy_pack, inst.today()),
        "not_searched": passed,
    }


def correct(
    inst: Installation,
    who: Who,
    asked: Identity,
    changes: Mapping[str, Any],
    *,
    reason: str,
    identity_verified: bool,
    ground: str = "inaccurate",
) -> dict[str, Any]:
    """Correct the person's identifiers in the vault, in every event at once; an empty value removes the field.

    ``ground``: inaccurate, outdated, unnecessary or unlawful; the last two take fields away only. Whoever received
    the data is told. Returns ``request_id``, ``corrected`` (sets of identifiers), ``fields`` and ``recipients``.

    Raises:
        BadInput: no change, an unknown field or ground, no reason. NotFound: nothing is held of the person.
        Conflict: another person of the event has exactly these identifiers. Refused: role or policy.
    """
    require(who, "subject.answer")
    values = _changes(changes)
    why, fact = _reason(reason), _fact(ground)
    taking = fact == "no_longer_necessary"
    if taking and any(values.values()):
        raise BadInput("What is unnecessary or unlawful is taken away; nothing is put in its place.")
    phase, purpose = ("delete", "erasure") if taking else ("rectify", "rectification")
    verified = {"identity_verified": identity_verified}
    request, subject = _asked(inst, who, phase, purpose, {**verified, fact: True})
    found, _ = places(inst, who, asked)
    meant = _mentioned(inst, who, asked, found, phase, purpose, ground, request)
    if not found and not meant:
        raise NotFound("Nothing is held of this person.")
    data = [CORRECTABLE[name] for name in values]
    for place in found:
        context = {**verified, fact: _holds(ground, place)}
        _ask_each(inst, subject, place, phase, purpose, context, data)
    recipients = _begin(inst, who, request, "rectification", ground, values, found, meant)
    done = 0
    try:
        with inst.vault_store.begin() as vault:
            for place in found:
                for held in place.held:
                    changed = {
                        name: value for name, value in values.items() if held.fields.get(name, "") != value
                    }
                    if changed:
                        inst.vault.amend(vault, place.event_id, held.subject_id, changed)
                        done += 1
    except LianfangError:
        telling.release(inst, who, request, done=False)
        raise
    for place in found:
        payload = {"fields": sorted(values), "reason": why, "ground": ground}
        _note(inst, who, "subject_corrected", request, place, "rectification", payload)
    told = bool(done or not found)  # what stood right already changes nothing for anybody
    telling.release(inst, who, request, done=told)
    return {
        "request_id": request,
        "corrected": done,
        "fields": sorted(values),
        "recipients": recipients if told else [],
    }


def erase(
    inst: Installation,
    who: Who,
    asked: Identity,
    *,
    ground: str,
    reason: str,
    identity_verified: bool,
    event_id: str = "",
) -> dict[str, Any]:
    """Erase the person's identifiers, in all events or in one (``routine``: the standing surveillance).

    ``ground``: inaccurate, outdated, unnecessary or unlawful. What an open event holds is still needed: there
    ``unnecessary`` is no ground, and the policy refuses. The rows stay without anybody to whom they point, until
    the event's data end. Nothing is erased where one of the events refuses. Whoever received the data is told.

    Raises:
        As :func:`correct`.
    """
    require(who, "subject.answer")
    why, fact = _reason(reason), _fact(ground)
    verified = {"identity_verified": identity_verified}
    request, subject = _asked(inst, who, "delete", "erasure", {**verified, fact: True})
    found, _ = places(inst, who, asked, event_id)
    meant = [
        one
        for one in _mentioned(inst, who, asked, found, "delete", "erasure", ground, request)
        if not event_id or (one.event_id or ROUTINE) == event_id
    ]
    if not found and not meant:
        raise NotFound("Nothing is held of this person.")
    identifiers = list(CORRECTABLE.values())
    for place in found:
        context = {**verified, fact: _holds(ground, place)}
        _ask_each(inst, subject, place, "delete", "erasure", context, identifiers)
    recipients = _begin(inst, who, request, "erasure", ground, CORRECTABLE, found, meant)
    erased = 0
    try:
        with inst.vault_store.begin() as vault:
            for place in found:
                for held in place.held:
                    inst.vault.destroy_subject(vault, place.event_id, held.subject_id)
                    erased += 1
    except LianfangError:
        telling.release(inst, who, request, done=False)
        raise
    for place in found:
        payload = {"ground": ground, "reason": why, "subjects": len(place.held)}
        _note(inst, who, "subject_erased", request, place, "erasure", payload)
    telling.release(inst, who, request)
    return {"request_id": request, "erased": erased, "recipients": recipients}


def _fact(ground: str) -> str:
    """What a ground is to the policy."""
    if ground not in GROUNDS:
        raise BadInput(f"Data are corrected or erased because they are one of: {', '.join(GROUNDS)}.")
    return GROUNDS[ground]


def _holds(ground: str, place: Place) -> bool:
    """Whether the ground holds there: what an open event has is needed, unless it should not be there at all."""
    needed = place.event is not None and place.event["status"] == "open"
    return ground != "unnecessary" or not needed


def _mentioned(
    inst: Installation,
    who: Who,
    asked: Identity,
    found: Sequence[Place],
    phase: str,
    purpose: str,
    ground: str,
    request: str,
) -> list[Mention]:
    """Messages of the exchange in which he stands, under what he says of himself or what is held of him."""
    from lianfang.services.exchange import concerning

    known = [asked.given(), *(dict(held.fields) for place in found for held in place.held)]
    return concerning.mentions(inst, who, known, phase=phase, purpose=purpose, ground=ground, ref=request)


def _begin(
    inst: Installation,
    who: Who,
    request_id: str,
    request: str,
    ground: str,
    fields: Iterable[str],
    found: list[Place],
    mentions: list[Mention],
) -> list[str]:
    refs, _ = holding.collect(inst, found)
    return telling.begin(
        inst,
        who,
        request_id,
        request=request,
        ground=ground,
        fields=sorted(fields),
        found=found,
        refs=refs,
        orders=holding.orders(inst, found, refs),
        mentions=mentions,
    )


def _asked(
    inst: Installation, who: Who, phase: str, purpose: str, context: Mapping[str, Any]
) -> tuple[str, Who]:
    """The request's id and the one in whose name it is: the person, through this officer's account."""
    require(who, "subject.answer")
    fresh(who)
    request = f"s{secrets.token_hex(8)}"
    subject = replace(who, actor="data_subject")
    ask(
        inst,
        subject,
        phase=phase,
        purpose=purpose,
        data=["name", "resident_id", "mobile"],
        context=context,
        ref=request,
        rows=1,
        going=_WAYS,
    )
    return request, subject


def _ask_each(
    inst: Installation,
    subject: Who,
    place: Place,
    phase: str,
    purpose: str,
    context: Mapping[str, Any],
    data: Sequence[str] = _DATA,
) -> Granted:
    """Ask for each set of identifiers of the person there: he is told of each. The permits are alike; one is given."""
    given = [
        ask(
            inst,
            subject,
            phase=phase,
            purpose=purpose,
            data=data,
            context=context,
            event=place.event,
            ref=one,
            rows=1,
            going=_WAYS,
        )
        for one in place.subjects
    ]
    return given[-1]


def _note(
    inst: Installation,
    who: Who,
    what: str,
    request: str,
    place: Place,
    purpose: str,
    payload: Mapping[str, Any],
) -> None:
    """Into the ledger, sealed under the event's key: the reason is words that a person typed."""
    with inst.store.begin() as connection:
        record(
            inst,
            connection,
            what,
            who=who,
            purpose=purpose,
            ref=request,
            payload=payload,
            event=place.event_id,
        )


def _event(
    granted: Granted,
    place: Place,
    sets: dict[str, Any],
    orders: list[dict[str, Any]],
    readings: list[dict[str, Any]],
) -> dict[str, Any]:
    from lianfang.records import identifiers

    kinds = identifiers()
    event = place.event or {}
    mine = [one for one in orders if one["event_id"] == place.event_id]
    readers = sorted({one["account"] for one in readings if one["event_id"] == place.event_id})
    recipients = [{"recipient": name, "kind": "holder"} for name in _holders(mine)]
    recipients += [{"recipient": name, "kind": "worker"} for name in readers]
    return {
        "event_id": place.event_id,
        "title": event.get("title", ""),
        "status": event.get("status", "open"),
        "legal_basis": event.get("legal_basis", []),
        "until": event.get("retention_until"),
        "identifiers": [
            {"since": held.created_at, "from": held.kind, "fields": granted.project(held.fields, kinds)}
            for held in place.held
        ],
        "data_sets": holding.data_sets(granted, place, sets),
        "recipients": recipients,
    }


def _holders(orders: list[dict[str, Any]]) -> list[str]:
    """Holders who were sent something of him: a draft has left nobody's desk."""
    return sorted({str(one["holder"]) for one in orders if one["status"] != "draft"})


def _changes(changes: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(changes, Mapping) or not changes or not set(changes) <= set(CORRECTABLE):
        raise BadInput(f"A correction names at least one of these fields: {', '.join(CORRECTABLE)}.")
    values = {}
    for name, value in changes.items():
        if not isinstance(value, str) or len(value) > MOST_CHARACTERS or "\x00" in value:
            raise BadInput(f"The corrected {name} is a text of at most {MOST_CHARACTERS} characters.")
        values[name] = value.strip()
    return values


def _reason(reason: str) -> str:
    why = reason.strip() if isinstance(reason, str) else ""
    if not why or len(why) > MOST_CHARACTERS:
        raise BadInput(f"A reason of at most {MOST_CHARACTERS} characters is needed.")
    return why
