"""The end of an event: closed by a signed act; at its deadline the data end and a certificate remains.

Order of the ending, so that a crash can only leave work to finish, never data behind a certificate: holders are
told, the vault's keys go, rows are deleted, files are scrubbed, and only then the certificate is written.
"""

from __future__ import annotations

import secrets
from datetime import date
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Fault
from lianfang.services import attaching, events, incidents, paper
from lianfang.services.gate import ask, record, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

RETENTION = Who("retention", "system", "retention_job", "retention")


def close(inst: Installation, who: Who, event_id: str, reason: str) -> date:
    """Close an event by a signed act; returns the day on which its data end.

    Paper that is not back by then does not keep the event open: it is named in the signed act, batch by batch, and
    is an incident from this moment, with its clocks (REQ-P-48, 67, 68). The certificate names what is out still.

    Raises:
        BadInput: no reason. Conflict: not open, or people are still under observation.
    """
    from lianfang.records import Event, ObservationOrder
    from lianfang.store import change, one, tally

    require(who, "event.close")
    if not reason.strip():
        raise BadInput("Closing an event needs a reason.")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if event["status"] == "open":
        attaching.settle(inst, who, event_id)  # a closed event takes no case any more
    with inst.store.begin() as connection:
        event = one(connection, Event, event_id=event_id)
        if event["status"] != "open":
            raise Conflict("Only an open event can be closed.")
        watched = tally(connection, ObservationOrder, event_id=event_id, status="active")
        if watched:
            raise Conflict(
                f"{watched} persons are still under observation.", hint="Release them first, with a reason."
            )
        change(connection, Event, event["id"], status="closed", closed_at=inst.now(), closed_by=who.account)
        paper_out = paper.out(inst, connection, event_id)
        told = {"paper_out": paper_out} if paper_out else {}
        events.sign_act(inst, connection, who, event_id, "close", {"reason": reason, **told})
        if paper_out:
            _paper_incident(inst, connection, who, event_id, paper_out)
    return date.fromisoformat(str(event["retention_until"]))


def _paper_incident(
    inst: Installation, connection: sa.Connection, who: Who, event_id: str, paper_out: list[dict[str, Any]]
) -> None:
    """Sheets that nobody has brought back may be read by anybody: the officers' business from now on."""
    sheets = sum(one["sheets"] for one in paper_out)
    lost = sum(one["lost"] for one in paper_out)
    batches = ", ".join(one["batch_id"] for one in paper_out)
    what = f"事件终止时纸质表未收回 {sheets} 张、遗失 {lost} 张 (paper not back at the closing; batches: {batches})"
    fields = {"what": what[:2000], "kinds": [], "event_id": event_id, "source": "paper"}
    incidents.open_incident(inst, connection, who, f"i{secrets.token_hex(6)}", "reported", fields)


def due(inst: Installation) -> list[Row]:
    """Closed events whose data have to end now."""
    from lianfang.records import Certificate, Event
    from lianfang.store import rows

    with inst.store.read() as connection:
        done = {row["event_id"] for row in rows(connection, Certificate)}
        closed = rows(connection, Event, status="closed")
    today = inst.today()
    return [row for row in closed if row["retention_until"] <= today and row["event_id"] not in done]


def end_due(inst: Installation, who: Who) -> tuple[list[str], list[str]]:
    """End the data of every closed event whose deadline has come; gives those that ended and those that wait.

    What cannot end now, because a holder does not answer, waits for the next cycle and is told.
    """
    ended, waiting = [], []
    for event in due(inst):
        try:
            expire(inst, who, event["event_id"])
            ended.append(str(event["event_id"]))
        except Fault:
            waiting.append(str(event["event_id"]))
    return ended, waiting


def expire(inst: Installation, who: Who, event_id: str) -> dict[str, Any]:
    """End the data of a closed event whose deadline has come; returns the certificate's content.

    May be called again after a crash: it finishes what is left. With a certificate there it returns that.
    """
    from lianfang.records import Certificate
    from lianfang.services import orders
    from lianfang.services.exchange import ending
    from lianfang.store import rows

    require(who, "data.expire")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    with inst.store.read() as connection:
        held = rows(connection, Certificate, event_id=event_id)
    if held:
        _vacuum(inst)  # the last run may have stopped just before it
        return dict(held[0]["content"])
    if event["status"] != "closed":
        raise Conflict("Only a closed event's data can end.")
    if event["retention_until"] > inst.today():
        raise Conflict(f"The data are kept until {event['retention_until']}.")
    ask(
        inst,
        RETENTION,
        phase="delete",
        purpose="expiry",
        data=["name", "mobile", "home_address", "pseudonym", "trajectory", "diagnosis"],
        context={"ended_days": max(0, (inst.today() - event["closed_at"].date()).days), "age_days": 366},
        event=event,
        ref=event_id,
        going=("certificate",),
    )
    holders = orders.purge(inst, who, event_id)
    attaching.drop_copies(inst, event_id)
    ending.expire_event(inst, who, event_id)
    with inst.vault_store.begin() as vault:
        keys = inst.vault.destroy_event(vault, event_id)
    files = {"reject_files": 0, "whereabouts_files": 0}
    if not _others_open(inst):  # another event still works with them; its own end takes them
        files = {"reject_files": _delete_rejects(inst), "whereabouts_files": _delete_whereabouts(inst, event)}
    content = _certify(inst, who, event, keys, holders, files)
    _vacuum(inst)
    return content


def end_restored(inst: Installation, event_id: str) -> bool:
    """End an event's rows and whereabouts again, after a restore of what was there before it ended.

    For events whose keys are on the erasure list. The event stands as closed, so that its certificate is written
    anew by :func:`expire`. Gives False where the restored state had ended it already, or never knew it.
    """
    from lianfang.records import Certificate, Event
    from lianfang.store import change, rows, tally

    with inst.store.begin() as connection:
        known = rows(connection, Event, event_id=event_id)
        if not known or tally(connection, Certificate, event_id=event_id):
            return False
        event = known[0]
        if event["status"] == "open":
            event |= {"status": "closed", "closed_at": inst.now(), "closed_by": "restore"}
            change(
                connection,
                Event,
                event["id"],
                status="closed",
                closed_at=event["closed_at"],
                closed_by="restore",
            )
        _delete_rows(connection, event_id)
    if not _others_open(inst):
        _delete_rejects(inst)
        _delete_whereabouts(inst, {**event, "closed_at": inst.now()})
    return True


def _counts(connection: sa.Connection, event_id: str) -> dict[str, int]:
    """What there is of each record type, before it goes."""
    from lianfang.records import LabResult
    from lianfang.store import table, tally

    more = {LabResult: tally(connection, LabResult, table(LabResult).c.id.in_(_results_of_cards(event_id)))}
    return {
        ending.about.name: found
        for ending in _ending()
        if (found := tally(connection, ending, event_id=event_id) + more.get(ending, 0))
    }


def _results_of_cards(event_id: str) -> sa.Select[Any]:
    """Ids of results that laboratories delivered by the number of a card of the event."""
    import sqlalchemy as sa

    from lianfang.records import CaseReport, LabResult
    from lianfang.store import table

    cases, results = table(CaseReport), table(LabResult)
    cards = sa.select(cases.c.card_no).where(cases.c.event_id == event_id)
    return sa.select(results.c.id).where(
        results.c.event_id != event_id, results.c.card_no != "", results.c.card_no.in_(cards)
    )


def _ending() -> list[Any]:
    """Record types of the store whose rows end with their event."""
    from lianfang.records import REGISTRY

    return [
        record
        for record in REGISTRY.values()
        if record.about.home == "store" and record.about.retention != "keep" and "event_id" in record.fields
    ]


def _delete_rows(connection: sa.Connection, event_id: str) -> None:
    import sqlalchemy as sa

    from lianfang.records import (
        CaseAttachment,
        CaseReport,
        CaseTransition,
        ClinicalVisit,
        LabResult,
        ReportLine,
        Returnee,
        SubjectLink,
        SubjectLinkPast,
        SubjectNotice,
        SubjectRequest,
    )
    from lianfang.store import table

    cases, attached = table(CaseReport), table(CaseAttachment)
    before = sa.select(attached.c.subject_before).where(attached.c.event_id == event_id)
    others = sa.select(table(Returnee).c.subject_id)  # a returnee who became a case is followed on
    for link in (SubjectLink, SubjectLinkPast):
        rows = table(link)
        connection.execute(
            sa.delete(rows).where(rows.c.subject_id.in_(before), rows.c.subject_id.not_in(others))
        )
    results = table(LabResult)
    connection.execute(sa.delete(results).where(results.c.id.in_(_results_of_cards(event_id))))
    mine = sa.select(cases.c.case_id).where(cases.c.event_id == event_id)
    for dependent in (CaseTransition, ClinicalVisit, ReportLine):
        rows = table(dependent)
        connection.execute(sa.delete(rows).where(rows.c.case_id.in_(mine)))
    for ending in _ending():
        rows = table(ending)
        connection.execute(sa.delete(rows).where(rows.c.event_id == event_id))
    # who was told of a correction stays as proof; which of the event's persons he was does not
    requests, notices = table(SubjectRequest), table(SubjectNotice)
    connection.execute(sa.update(requests).where(requests.c.event_id == event_id).values(subjects=[]))
    connection.execute(sa.update(notices).where(notices.c.event_id == event_id).values(places=[]))


def _others_open(inst: Installation) -> bool:
    from lianfang.records import Event
    from lianfang.store import tally

    with inst.store.read() as connection:
        return bool(tally(connection, Event, status="open"))


def _delete_rejects(inst: Installation) -> int:
    """Rejected rows and refused files are as they came; none outlives an event."""
    gone = 0
    for folder in ("rejects", "refused"):
        for path in sorted((inst.home / folder).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
                gone += 1
    return gone


def _delete_whereabouts(inst: Installation, event: Row) -> int:
    """Whereabouts in the centre's own lake identify by themselves: they go with the last event that needs them."""
    from lianfang.foundation.clock import local_day
    from lianfang.records import REGISTRY

    until = local_day(event["closed_at"], inst.settings.zone)
    traces = [
        one for one in REGISTRY.values() if one.about.home == "lake" and one.about.retention == "coarsen"
    ]
    return sum(inst.lake.remove_days(trace, until=until) for trace in traces)


def _vacuum(inst: Installation) -> None:
    """Deleted rows leave no bytes: the databases give their pages back."""
    inst.store.vacuum()
    inst.vault_store.vacuum()


def _certify(
    inst: Installation,
    who: Who,
    event: Row,
    keys: dict[str, Any],
    holders: dict[str, Any],
    files: dict[str, int],
) -> dict[str, Any]:
    """Delete the event's rows and write the certificate, in one transaction."""
    from lianfang.foundation.canonical import canonical, plain
    from lianfang.guard.signing import sign
    from lianfang.records import REGISTRY, Certificate
    from lianfang.store import put

    now = inst.now()
    kept = {
        one.about.name: "no personal data, or proof of what was done"
        for one in REGISTRY.values()
        if one.about.home == "store" and one.about.retention == "keep" and "event_id" in one.fields
    }
    with inst.store.begin() as connection:
        content = plain(
            {
                "event_id": event["event_id"],
                "title": event["title"],
                "closed_at": event["closed_at"],
                "issued_at": now,
                "retention_until": event["retention_until"],
                "pack": event["retention_pack"],
                "authority": inst.settings.authority_id,
                "deleted_rows": _counts(connection, event["event_id"]),
                "deleted_files": files,
                "keys_destroyed": keys,
                "holders": holders,
                "paper_out": paper.out(inst, connection, event["event_id"]),
                "kept": kept,
            }
        )
        _delete_rows(connection, event["event_id"])
        index = record(
            inst,
            connection,
            "event_expired",
            who=who,
            purpose="expiry",
            ref=event["event_id"],
            payload=content,
        )
        put(
            connection,
            Certificate(
                event_id=event["event_id"],
                issued_at=now,
                content=content,
                signature=canonical(sign(inst.signer, content)).decode(),
                log_index=index,
            ),
        )
    return dict(content)


def certificate(inst: Installation, who: Who, event_id: str) -> Row:
    """The certificate of an event whose data have ended."""
    from lianfang.records import Certificate
    from lianfang.store import one

    require(who, "event.read")
    with inst.store.read() as connection:
        return one(connection, Certificate, event_id=event_id)
