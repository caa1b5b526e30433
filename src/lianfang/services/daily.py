"""The daily cycle: what is new, is it real, who is one person, how it grows, what alarms, what is needed.

Steps run in order and each writes its outcome for the day; running a day again gives the same outcome, and a
run that was killed is ended by the next. Nothing later than the day is read: a day that is asked again after a
later one is counted as it was known at its end (events by their days, cases by the day of their attachment,
persons by the links of the day), and writes nothing but that. A day that is still going on also tells what was
decided on it since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.canonical import digest, plain
from lianfang.foundation.progress import Progress, silent
from lianfang.services import attaching, cases, curves, deliveries, linking, plan, reading
from lianfang.services.gate import require
from lianfang.services.installation import ROUTINE, SYSTEM, Installation, Who

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from lianfang.store import Row

#: Serial interval of the first 425 cases in Wuhan, mean 7.5 and sd 3.4 days (Li et al. 2020, NEJM 382:1199).
SERIAL_INTERVAL = (7.5, 3.4)
#: Fewest cases from which a reproduction number is estimated (Cori et al. 2013: about 11 for a CV of 0.3).
FEWEST_FOR_RT = 12
ATTRIBUTES = cases.SHARED
#: An unattached case belongs to an event when it fell ill no longer before its first case (two incubations).
CASE_WINDOW = 28
#: Days that EARS looks at: its baseline of 7, the gap of 2, and the day itself.
EARS_DAYS = 10
EARS = ("ears_c1", "ears_c2", "ears_c3")


@dataclass
class DayReport:
    """Outcome of a day: each step's result, in order.

    ``ended``: events whose data ended because their deadline had come; ``waiting``: those whose end has to wait for
    a holder. They belong to the moment of the run, not to the day.
    """

    as_of: date
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """One digest over the steps, equal for equal days."""
        return digest({name: outcome for name, outcome in self.steps.items() if name != "import"})


def run(inst: Installation, who: Who, as_of: date, *, progress: Progress | None = None) -> DayReport:
    """Bring the installation to the end of ``as_of``'s desk work."""
    require(who, "daily.run")
    report = progress or silent
    result = DayReport(as_of)
    known = cases.Everybody(inst, as_of)
    for number, (name, step) in enumerate(STEPS.items()):
        report(f"daily {as_of}", number, len(STEPS))
        with reading.job(name):
            result.steps[name] = plain(step(inst, who, as_of, known))
        _keep(inst, as_of, name, result.steps[name])
    report(f"daily {as_of}", len(STEPS), len(STEPS))
    if as_of == inst.today():
        from lianfang.services import closing

        result.ended, result.waiting = closing.end_due(inst, SYSTEM)
    return result


def _keep(inst: Installation, as_of: date, step: str, outcome: dict[str, Any]) -> None:
    from lianfang.records import DayResult
    from lianfang.store import put

    with inst.store.begin() as connection:
        put(connection, DayResult(as_of=as_of, step=step, digest=digest(outcome), outcome=outcome))


def _import(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    """Folders of the inbox up to the day; a file that is known already changes nothing.

    Delivered files hold names, so none stays: one that was taken is deleted, one that cannot be used goes to
    ``refused/DATE/``, for its owner only, with a finding that says why.
    """
    from lianfang.services import importing

    totals = {"files": 0, "rows": 0, "changed": 0, "rejected": 0, "refused": 0}
    for folder, day in deliveries.folders(inst, as_of):
        for report in importing.import_day(inst, who, folder, day):
            totals["files"] += 1
            totals["rows"] += report.rows
            totals["changed"] += report.changed
            totals["rejected"] += report.rejected
            totals["refused"] += report.status == "refused"
            deliveries.clear(
                inst, folder / report.file, as_of, report.error if report.status == "refused" else ""
            )
        deliveries.leave(folder)
    return totals


def _quality(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    from lianfang.records import QualityFinding
    from lianfang.services import genomes, quality
    from lianfang.store import rows

    quality.check(inst, as_of)
    with inst.store.read() as connection:
        held = rows(connection, QualityFinding, as_of=as_of)
    # assays are told of by a later step and at any hour: the day run again has to count the same
    found = [row["severity"] for row in held if row["check"] != genomes.MISFIT]
    return {"findings": len(found), **{level: found.count(level) for level in ("error", "warning", "info")}}


def _attach(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    """Put new cases that meet an open event's case rule under it; told is how many it has by then.

    What a crash left of earlier attaching is ended here, whether or not an event is open. A day of the past
    that is asked again attaches nothing.
    """
    attaching.sweep(inst)
    attached: dict[str, int] = {}
    past = cases.is_past(inst, as_of)
    for event in _open(inst, as_of):
        if event["status"] == "open" and not past:
            attaching.settle(inst, who, event["event_id"], day=as_of)
            with inst.store.read() as connection:
                new = _belonging(connection, as_of, event)
            if new:
                attaching.attach_cases(inst, who, event["event_id"], new, day=as_of)
        with inst.store.read() as connection:
            held = cases.as_of(connection, as_of, event_id=event["event_id"], columns=["case_id"])
        if event["status"] == "open" and as_of == inst.today():
            with inst.store.begin() as connection:
                plan.open_tasks(inst, connection, event, as_of)
        # not how many were new to this run: the day run again has none, and its outcome is the same
        attached[event["event_id"]] = len(held)
    return {"attached": attached}


def _belonging(connection: sa.Connection, as_of: date, event: Row) -> list[str]:
    """Cases of the event, and unattached ones that its rule takes: the shared place, an onset in its time.

    A case that an earlier card put under the event is its own, whatever the later card says.
    """
    from lianfang.records import CaseAttachment
    from lianfang.store import rows

    read = ["case_id", "date_onset", "unexplained", "classification"]
    mine = cases.as_of(connection, as_of, event_id=event["event_id"], columns=read)
    earlier = {row["case_id"] for row in rows(connection, CaseAttachment, event_id=event["event_id"])}
    if again := earlier - {row["case_id"] for row in mine}:
        mine += cases.as_of(connection, as_of, case_ids=again, columns=read)
    rule = event["plan"].get("case_rule") or {}
    attribute, value = rule.get("attribute", ""), rule.get("value", "")
    new = [row["case_id"] for row in mine]
    if attribute not in ATTRIBUTES or not value:
        return new
    onsets = [row["date_onset"] or row["first_reported"] for row in mine]
    since = (min(onsets) if onsets else event["opened_at"].date()) - timedelta(days=CASE_WINDOW)
    sharing = {"event_id": ["", ROUTINE], attribute: [value]}
    for row in cases.as_of(connection, as_of, where=sharing, columns=read):
        asked = row["unexplained"] or row["classification"] not in ("not_classified", "no_case")
        if asked and (row["date_onset"] or row["first_reported"]) >= since:
            new.append(row["case_id"])
    return new


def _link(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    past = cases.is_past(inst, as_of)
    result: dict[str, Any] = {ROUTINE: linking.link_event(inst, who, None, as_of, past=past)}
    for event in _open(inst, as_of):
        ended = event["status"] != "open"  # its links are looked at no more
        result[str(event["event_id"])] = linking.link_event(inst, who, event, as_of, past=past or ended)
    return result


def _genomes(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    """Genomes that the laboratory delivered, and what those of each open event say by now."""
    from lianfang.services import genomes_day

    return genomes_day.step(inst, as_of, _open(inst, as_of), past=cases.is_past(inst, as_of))


def _curves(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    """Epidemic curves by day of onset and of first report, over all cases and by event."""
    import polars as pl

    once = known.persons
    result: dict[str, Any] = {"all": curves.curve(once, as_of)}
    for event in _open(inst, as_of):
        mine = once.filter(pl.col("event_id") == event["event_id"])
        result[event["event_id"]] = curves.curve(mine, as_of)
    result["unexplained"] = curves.curve(once.filter("unexplained"), as_of)
    return result


def _counts(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    """What published counts of the whole country say: total, new, growth and Rt, by source.

    A cumulative count that falls is a correction (the quality step says so): until it passes its former
    height nothing is new, so that no case counts twice.
    """
    import polars as pl

    from lianfang.predict import reproduction
    from lianfang.services.quality.table import published

    result: dict[str, Any] = {}
    rows = published(inst, as_of).filter((pl.col("role") == "country") & pl.col("confirmed").is_not_null())
    for (source,), frame in rows.group_by(["source"], maintain_order=True):
        by_day = {row["date"]: int(row["confirmed"]) for row in frame.sort("date").to_dicts()}
        first, last = min(by_day), max(by_day)
        total, new = by_day[first], []
        for n in range(1, (last - first).days + 1):
            told_by_then = max(total, by_day.get(first + timedelta(days=n), total))
            new.append(told_by_then - total)
            total = told_by_then
        told: dict[str, Any] = {"until": last, "confirmed": total, "new": new[-1] if new else 0}
        if sum(new) >= FEWEST_FOR_RT and len(new) >= 9:
            rt = reproduction.estimate(new, serial_interval=SERIAL_INTERVAL).tail(1).to_dicts()[0]
            told |= {name: round(float(rt[name]), 4) for name in ("mean", "q025", "q975")}
        result[str(source)] = told
    return result


def _reproduction(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    """Rt of every open event from its curve by onset (Cori et al. 2013), up to the day that is known by now.

    Recent onsets are not reported yet, which makes a growing outbreak look over; so the window ends before
    ``as_of`` by the delay from onset to report within which nine in ten of the event's cases were reported.
    """
    import polars as pl

    from lianfang.predict import reproduction

    result: dict[str, Any] = {}
    for event in _open(inst, as_of):
        mine = known.persons.filter(pl.col("event_id") == event["event_id"])
        by_onset = curves.curve(mine, as_of)["by_onset"]
        counts, first = curves.incidence(by_onset, as_of - timedelta(days=curves.delay(mine)))
        if sum(counts) < FEWEST_FOR_RT or len(counts) < 9 or first is None:
            result[event["event_id"]] = {"cases": sum(counts), "estimated": False}
            continue
        last = reproduction.estimate(counts, serial_interval=SERIAL_INTERVAL).tail(1).to_dicts()[0]
        result[event["event_id"]] = {
            "cases": sum(counts),
            "estimated": True,
            "day": (first + timedelta(days=int(last["t_end"]) - 1)).isoformat(),
            **{name: round(float(last[name]), 4) for name in ("mean", "q025", "q975")},
        }
    return result


def _alerts(inst: Installation, who: Who, as_of: date, known: cases.Everybody) -> dict[str, Any]:
    found = [*_series_alerts(inst, as_of), *_cluster_alerts(inst, as_of, known.persons)]
    kept = _keep_alerts(inst, as_of, found)
    return {"found": len(found), "alert_ids": sorted(kept)}


def _series_alerts(inst: Installation, as_of: date) -> list[dict[str, Any]]:
    """EARS C1-C3 on the fever clinics' and the searches' totals, on the day itself."""
    from lianfang.lake import queries
    from lianfang.predict import detection
    from lianfang.records import ClinicCount, SearchCount
    from lianfang.services import importing

    series: dict[str, dict[date, int]] = {}
    with inst.engine() as engine:
        for record in (ClinicCount, SearchCount):
            # what finished deliveries had brought by that day, the last of equal keys
            engine.register(record.about.name, importing.delivered(inst, record, as_of=as_of).to_arrow())
        for row in engine.sql(queries.CLINIC_TOTALS, {"as_of": as_of}).to_pylist():
            series.setdefault("fever_clinics", {})[row["date"]] = int(row["fever"])
        for row in engine.sql(queries.SEARCH_TOTALS, {"as_of": as_of}).to_pylist():
            series.setdefault(f"search:{row['term']}", {})[row["date"]] = int(row["count"])
    found = []
    for name, by_day in sorted(series.items()):
        if not all(as_of - timedelta(days=n) in by_day for n in range(EARS_DAYS)):
            continue  # a day whose file did not come is not a day without patients
        first = min(by_day)
        counts = [by_day.get(first + timedelta(days=n), 0) for n in range((as_of - first).days + 1)]
        judged = {}
        for method in EARS:
            last = detection.detect(counts, method=method, points=[len(counts)]).to_dicts()[-1]
            judged[method] = last
        plainest = judged["ears_c1"]
        if not any(row["alarm"] for row in judged.values()):
            continue
        if plainest["expected"] is not None and counts[-1] <= plainest["expected"]:
            continue  # C3 sums three days: nobody need act on a day that is itself below its level
        found.append(
            {
                "method": "+".join(method for method in EARS if judged[method]["alarm"]),
                "attribute": "series",
                "value": name,
                "observed": float(counts[-1]),
                "expected": plainest["expected"],
                "p_value": None,
                "evidence": {"sigma": _sigma(plainest), "recent": counts[-14:]},
            }
        )
    return found


def _sigma(judged: dict[str, Any]) -> float | None:
    """Standard deviations above the mean: EARS C1's bound lies 3 above it."""
    expected, bound = judged["expected"], judged["bound"]
    if expected is None or bound is None or bound <= expected:
        return None
    return round(float(3 * (judged["observed"] - expected) / (bound - expected)), 2)


def _cluster_alerts(inst: Installation, as_of: date, once: pl.DataFrame) -> list[dict[str, Any]]:
    """At least N unexplained cases within D days that share workplace, school or household."""
    import polars as pl

    from lianfang.predict import clusters

    known = once.filter("unexplained").select(
        pl.col("case_id").alias("token"),
        pl.coalesce("date_onset", "first_reported").alias("onset"),
        pl.col(ATTRIBUTES).replace("", None),
    )
    if known.is_empty():
        return []
    alarms = clusters.alarm(
        known,
        attributes=ATTRIBUTES,
        as_of=as_of,
        min_cases=inst.settings.cluster_cases,
        days=inst.settings.cluster_days,
    )
    found = []
    for row in alarms.to_dicts():
        tokens = sorted(row["tokens"])
        found.append(
            {
                "method": "cluster",
                "attribute": row["attribute"],
                "value": row["value"],
                "observed": float(row["cases"]),
                "expected": row.get("expected"),
                "p_value": row.get("p_value"),
                "evidence": {
                    "case_ids": tokens,
                    "first": row["first"].isoformat(),
                    "last": row["last"].isoformat(),
                    # of the cluster's own days, in the cluster or not
                    "unexplained_in_window": int(known["onset"].is_between(row["first"], row["last"]).sum()),
                },
            }
        )
    return found


def _keep_alerts(inst: Installation, as_of: date, found: list[dict[str, Any]]) -> list[str]:
    """Write the day's alerts; one that a person decided keeps its decision, an older one is superseded."""
    from lianfang.records import Alert
    from lianfang.store import change, put, rows

    ids: list[str] = []
    claimed = {
        (str(rule.get("attribute")), str(rule.get("value")))
        for rule in ((event["plan"].get("case_rule") or {}) for event in _open(inst, as_of))
    }
    with inst.store.begin() as connection:
        for one in found:
            text = "\x1f".join((as_of.isoformat(), one["method"], one["attribute"], one["value"]))
            alert_id = "a" + hashlib.sha256(text.encode()).hexdigest()[:12]
            ids.append(alert_id)
            if rows(connection, Alert, alert_id=alert_id) or _judged(connection, one):
                continue
            same = rows(connection, Alert, attribute=one["attribute"], value=one["value"], status="new")
            for old in same:
                if old["as_of"] < as_of:
                    change(connection, Alert, old["id"], status="superseded")
            taken = (one["attribute"], one["value"]) in claimed
            alert = {**one, "alert_id": alert_id, "as_of": as_of, "adcode": inst.settings.adcode}
            put(connection, Alert.model_validate({**alert, "status": "superseded" if taken else "new"}))
    return ids


def _judged(connection: sa.Connection, one: dict[str, Any]) -> bool:
    """Whether a person dismissed this very evidence before: the same cases, or fewer of them."""
    from lianfang.records import Alert
    from lianfang.store import rows

    now = set(one["evidence"].get("case_ids", []))
    same = rows(connection, Alert, attribute=one["attribute"], value=one["value"], status="dismissed")
    return bool(now) and any(now <= set(old["evidence"].get("case_ids", [])) for old in same)


def _open(inst: Installation, as_of: date) -> list[Row]:
    """Events that were open at the day's end, whatever became of them since."""
    from lianfang.foundation.clock import local_day
    from lianfang.records import Event
    from lianfang.store import rows

    zone = inst.settings.zone
    with inst.store.read() as connection:
        found = [row for row in rows(connection, Event) if row["opened_at"] is not None]
    return [
        row
        for row in found
        if local_day(row["opened_at"], zone) <= as_of
        and (row["closed_at"] is None or as_of < local_day(row["closed_at"], zone))
    ]


STEPS: dict[str, Callable[[Installation, Who, date, cases.Everybody], dict[str, Any]]] = {
    "import": _import,
    "quality": _quality,
    "attach": _attach,
    "link": _link,
    "genomes": _genomes,
    "curves": _curves,
    "counts": _counts,
    "reproduction": _reproduction,
    "alerts": _alerts,
}
