"""A bulletin against the reports that it rests on: which they are, and which were late, changed or left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.clock import local_day
from lianfang.services.gate import ask, require, within
from lianfang.services.reports.acts import until
from lianfang.services.reports.lines import TOLD, line_commitment

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from lianfang.services.installation import Installation, Who
    from lianfang.store import Row

#: A report is late when it came more than so many days after its own date (as the daily quality check has it).
LATE_DAYS = 1
#: A file that its source committed to so long before it came here was held up on the way.
HELD_UP = timedelta(hours=24)
#: Figures that rest on reports of cases; the others rest on acts of this house, which the ledger holds too.
OF_CASES = ("cases", "confirmed", "deaths")
_BY_REPORTER = 200


@dataclass
class _Material:
    """What a reconciliation reads, once."""

    bulletin: Row
    event: Row
    zone: str
    cards: list[Row]
    lines: list[Row]
    entries: dict[int, str]
    persons: dict[str, str]
    origins: list[Row]
    received: set[str]
    days: dict[str, date | None]
    acts: dict[str, dict[int, int]] = field(default_factory=dict)
    books: list[dict[str, Any]] = field(default_factory=list)

    @property
    def as_of(self) -> date:
        found: date = self.bulletin["as_of"]
        return found

    def before(self, line: Row) -> bool:
        """Whether the line was known when the bulletin was published, and is about its day or an earlier one."""
        delivered = self.days.get(line["batch_id"])
        known = delivered is None or delivered <= self.as_of
        at_time: bool = line["log_index"] < self.bulletin["log_index"]
        return at_time and known and line["date_reporting"] <= self.as_of


def reconcile(
    inst: Installation, who: Who, event_id: str, number: int, *, books: Sequence[bytes] = ()
) -> dict[str, Any]:
    """What each published figure rests on, and what is wrong with the reports behind it.

    ``books``: nodes' books (``lianfang report book``), which show what was committed to and never came.
    Returns ``figures`` (indicator, published, recounted, reports by log index, reporters), ``findings``
    (kind, reporter, log_index, zh, en), ``reporters`` (timeliness of each) and ``agrees``.
    Cases are never named: a report is told by its reporter, its day and its place in the ledger.

    Raises:
        NotFound: no such bulletin. BadInput, Refused: a book is none, or of an unknown node.
    """
    require(who, "report.reconcile")
    found = _read(inst, who, event_id, number, books)
    figures = list(_figures(found))
    findings = sorted(
        [*_late(found), *_changed(found), *_missing(found, figures), *_altered(found), *_sources(found)],
        key=lambda one: (one["kind"], one["reporter"], one["log_index"] or 0),
    )
    return {
        "event_id": event_id,
        "number": number,
        "as_of": found.as_of,
        "published_at": found.bulletin["published_at"],
        "log_index": found.bulletin["log_index"],
        "figures": figures,
        "findings": findings,
        "reporters": _timeliness(found),
        "agrees": not findings,
        "erased": not found.lines and not found.cards,
    }


def _read(inst: Installation, who: Who, event_id: str, number: int, books: Sequence[bytes]) -> _Material:
    from lianfang.records import Batch, Bulletin, Event, ReceivedReport, Reporter, ReportLine, ReportOrigin
    from lianfang.services import cases
    from lianfang.services.reports.node import read_book
    from lianfang.store import one, rows, table

    with inst.store.read() as connection:
        event = one(connection, Event, event_id=event_id)
        bulletin = one(connection, Bulletin, event_id=event_id, number=number)
    within(who, event["adcode"])
    ask(
        inst,
        who,
        phase="use",
        purpose="situation_monitoring",
        data=["diagnosis", "confirm_date", "region_index", "sex", "symptom"],
        context={"deidentified": True},  # lines hold no identifier, and none is asked for
        event=event,
        ref=f"{event_id}/{number}",
    )
    held = table(ReportLine)
    with inst.store.read() as connection:
        cards = cases.as_of(connection, bulletin["as_of"], event_id=event_id)
        mine = {row["case_id"] for row in cards}
        # cards that came under the event after the bulletin are in its figures' reach too
        now = cases.as_of(connection, inst.today(), event_id=event_id, columns=["case_id"])
        wanted = sorted(mine | {row["case_id"] for row in now})
        lines = []
        for first in range(0, len(wanted), 500):
            part = wanted[first : first + 500]
            lines += rows(connection, ReportLine, held.c.case_id.in_(part), order_by=["log_index"])
        lines.sort(key=lambda row: row["log_index"])
        return _Material(
            bulletin,
            event,
            inst.settings.zone,
            cards,
            lines,
            _entries(connection, [row["log_index"] for row in lines]),
            cases.linked_persons(connection, bulletin["as_of"], event_id),
            rows(connection, ReportOrigin),
            {row["sha256"] for row in rows(connection, ReceivedReport)},
            {row["batch_id"]: row["day"] for row in rows(connection, Batch)},
            until(connection, event_id, bulletin["log_index"]),
            [
                read_book(raw, {row["origin"]: row["key"] for row in rows(connection, Reporter, until=None)})
                for raw in books
            ],
        )


def _entries(connection: sa.Connection, indices: Sequence[int]) -> dict[int, str]:
    """What the ledger's entries say of lines: index -> commitment, where the entry opens to it."""
    from lianfang.foundation.errors import LianfangError
    from lianfang.guard import ledger

    log = ledger.Log.only(connection)
    found = {}
    for index in indices:
        try:
            opened = ledger.opening(connection, index, log=log)
            said = ledger.verify_opening(log.entry(connection, index), opened)
            found[index] = str(said.get("line", ""))
        except LianfangError:
            continue
    return found


# what it rests on ---------------------------------------------------------------------------------------------


def _figures(found: _Material) -> Iterator[dict[str, Any]]:
    tables = {one["name"]: one["rows"] for one in found.bulletin["content"]["tables"]}
    standing = _standing(found)
    people = _people(found, standing)
    confirmed = people.filter(people["classification"].str.starts_with("confirmed"))
    recounted = {
        "cases": people,
        "confirmed": confirmed,
        "deaths": people.filter(people["date_death"].is_not_null()),
    }
    for row in tables.get("figures", []):
        name = str(row.get("indicator"))
        if name in recounted:
            yield _figure(found, name, row.get("count"), recounted[name], standing)
        else:
            acts = found.acts.get(name)
            told = {
                "figure": name,
                "published": row.get("count"),
                "rests_on": "acts",
                "recounted": None,
                "acts": [],
            }
            if acts is not None:
                told |= {"recounted": sum(acts.values()), "acts": sorted(acts)}
            yield told
    by_district = people["adcode"].str.slice(0, 6)
    for row in tables.get("by_district", []):
        code = str(row.get("district"))
        here = people.filter(by_district == ("" if code == "unknown" else code))
        yield _figure(found, f"district {code}", row.get("count"), here, standing)


def _standing(found: _Material) -> dict[str, Row]:
    """The line by which each case stood when the bulletin was published."""
    standing: dict[str, Row] = {}
    for line in found.lines:
        if not found.before(line):
            continue
        held = standing.get(line["case_id"])
        if held is None or line["date_reporting"] >= held["date_reporting"]:
            standing[line["case_id"]] = line
    return standing


def _people(found: _Material, standing: dict[str, Row]) -> pl.DataFrame:
    """Each person once, as the lines say it; the same rule by which the bulletin counted."""
    import polars as pl

    from lianfang.services import cases

    first: dict[str, date] = {}
    for line in found.lines:
        if found.before(line):
            day = line["date_reporting"]
            first[line["case_id"]] = min(day, first.get(line["case_id"], day))
    cards = [
        {
            "case_id": card["case_id"],
            "event_id": card["event_id"],
            "subject_id": card["subject_id"],
            "date_onset": card["date_onset"],
            "unexplained": card["unexplained"],
            **{name: standing[card["case_id"]]["told"].get(name) for name in TOLD if name != "symptoms"},
            "person_id": found.persons.get(card["subject_id"]),
            "first_reported": first[card["case_id"]],
        }
        for card in found.cards
        if card["case_id"] in standing
    ]
    schema = {
        **dict.fromkeys(("case_id", "event_id", "subject_id"), pl.String),
        "date_onset": pl.Date,
        "unexplained": pl.Boolean,
        **dict.fromkeys((name for name in TOLD if name != "symptoms"), pl.String),
        "person_id": pl.String,
        "first_reported": pl.Date,
    }
    return cases.one_per_person(pl.DataFrame(cards, schema=schema))


def _figure(
    found: _Material, name: str, published: Any, people: pl.DataFrame, standing: dict[str, Row]
) -> dict[str, Any]:
    """One figure: recounted from the lines, with the lines by their index in the ledger."""
    lines = [standing[one] for one in people["case_id"]]
    told = {"figure": name, "published": published, "rests_on": "reports", "recounted": len(lines)}
    if published is not None and not isinstance(published, int):
        told["withheld"] = True
    told["reports"] = sorted(line["log_index"] for line in lines)
    told["by_reporter"] = _tally(line["reporter"] for line in lines)
    return told


def _tally(names: Iterator[str]) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(names).most_common(_BY_REPORTER))


# what is wrong ------------------------------------------------------------------------------------------------


def _finding(kind: str, line: Row | None, zh: str, en: str, *, reporter: str = "") -> dict[str, Any]:
    return {
        "kind": kind,
        "reporter": line["reporter"] if line is not None else reporter,
        "log_index": line["log_index"] if line is not None else None,
        "date_reporting": line["date_reporting"] if line is not None else None,
        "received_at": line["received_at"] if line is not None else None,
        "zh": zh,
        "en": en,
    }


def _days_late(found: _Material, line: Row) -> int:
    delivered = found.days.get(line["batch_id"]) or local_day(line["received_at"], found.zone)
    reported: date = line["date_reporting"]
    return max(0, (delivered - reported).days)


def _late(found: _Material) -> Iterator[dict[str, Any]]:
    for line in found.lines:
        late = _days_late(found, line) if line["batch_id"] else 0
        if found.before(line) and late > LATE_DAYS:
            yield _finding(
                "late",
                line,
                f"迟报：报告日期 {line['date_reporting']}，晚到 {late} 天。",
                f"late: dated {line['date_reporting']}, it came {late} days after.",
            )


def _changed(found: _Material) -> Iterator[dict[str, Any]]:
    """Reports that say something else than their source committed to, or than they said before."""
    earlier: dict[str, Row] = {}
    for line in found.lines:
        if line["committed"] == "changed":
            yield _finding(
                "changed",
                line,
                "有改动：与报告单位承诺的内容不一致。",
                "changed: it is not what its source committed to.",
            )
        held = earlier.get(line["row"])
        # what this house revised before it published is its daily work; what it revised after is told
        if held is not None and (line["batch_id"] or not found.before(line)):
            differs = _differs(held, line)
            after = "发布后" if not found.before(line) else "发布前"
            when = "after" if not found.before(line) else "before"
            yield _finding(
                "changed",
                line,
                f"{after}改写：同日报告（日志 {held['log_index']}）原为另一内容（{'、'.join(differs)}）。",
                f"rewritten {when} publication: entry {held['log_index']} said otherwise ({', '.join(differs)}).",
            )
        earlier[line["row"]] = line


def _differs(before: Row, after: Row) -> list[str]:
    """What two lines of one report say otherwise. Lines of one report differ, or there would be no second."""
    names = [name for name in TOLD if before["told"].get(name) != after["told"].get(name)]
    return names or ["other fields"]


def _missing(found: _Material, figures: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Reports that the figures should rest on and do not."""
    known = {line["case_id"] for line in found.lines if found.before(line)}
    for line in found.lines:
        if line["case_id"] in known or line["date_reporting"] > found.as_of or found.before(line):
            continue
        known.add(line["case_id"])
        yield _finding(
            "missing",
            line,
            f"未计入：报告日期 {line['date_reporting']}，通报发布之后才到。",
            f"missing: dated {line['date_reporting']}, it came after the bulletin was published.",
        )
    for figure in figures:
        published, recounted = figure["published"], figure["recounted"]
        if recounted is not None and isinstance(published, int) and published != recounted:
            source = (
                ("报告", "reports") if figure["rests_on"] == "reports" else ("行为记录", "acts in the ledger")
            )
            yield _finding(
                "missing" if published < recounted else "unfounded",
                None,
                f"{figure['figure']}：公布 {published}，{source[0]}核计 {recounted}。",
                f"{figure['figure']}: {published} published, {recounted} by the {source[1]}.",
            )


def _altered(found: _Material) -> Iterator[dict[str, Any]]:
    """Lines that are not what the ledger's entry commits to, and cards that are not what their line says."""
    from lianfang.services.reports.receipt import row_commit

    last: dict[str, Row] = {}
    for line in found.lines:
        last[line["row"]] = line
        if found.entries.get(line["log_index"]) != line_commitment(line):
            yield _finding(
                "altered",
                line,
                "账本不符：所存内容与日志承诺不一致。",
                "altered: what is stored is not what the ledger committed to.",
            )
    for card in found.cards:
        told = last.get(card["id"])
        stored = {name: value for name, value in card.items() if name != "first_reported"}
        if told is None:
            if found.lines:
                said = (
                    "无承诺：该病例报告在账本中没有条目。",
                    "altered: a case report without an entry in the ledger.",
                )
                yield _finding("altered", None, *said, reporter=card["reporter"])
        elif row_commit(told["salt"], stored) != told["digest"]:
            yield _finding(
                "altered",
                told,
                "病例记录被改：与收到的报告不一致。",
                "altered: the case's record is not what was received.",
            )


def _sources(found: _Material) -> Iterator[dict[str, Any]]:
    """What the chains that came with files say, and what books show that never came."""
    from lianfang.services.reports.node import extends

    for link in found.origins:
        name = link["origin"]
        if link["status"] == "broken":
            said = (
                "承诺链断裂：随文件送达的回执无效。",
                "broken: the receipt that came with a file does not hold.",
            )
            yield _finding("broken", None, *said, reporter=name)
        elif link["committed_at"] and link["received_at"] - link["committed_at"] > HELD_UP:
            hours = int((link["received_at"] - link["committed_at"]).total_seconds() // 3600)
            said = (
                f"缓报：其承诺 {hours} 小时后文件才到。",
                f"held up: a file came {hours} hours after it was committed to.",
            )
            yield _finding("late", None, *said, reporter=name)
        if link["omitted"]:
            said = (
                f"缺失：其承诺的 {link['rows']} 行中有 {link['omitted']} 行未随文件送达。",
                f"missing: {link['omitted']} of the {link['rows']} rows that it committed to did not come.",
            )
            yield _finding("missing", None, *said, reporter=name)
    came = found.received | {link["source_sha256"] for link in found.origins}
    for book in found.books:
        name = book["origin"]
        for one in book["committed"]:
            day = local_day(one["at"], found.zone)
            if one["sha256"] not in came and day <= found.as_of:
                said = (
                    f"漏报：其 {day} 承诺的文件（{one['kind']}）从未收到。",
                    f"missing: a file ({one['kind']}) that it committed to on {day} never came.",
                )
                yield _finding("missing", None, *said, reporter=name)
        for link in found.origins:
            if (
                link["origin"] == name
                and link["root"]
                and not extends(book["entries"], link["size"], link["root"])
            ):
                said = (
                    "分裂：其账本与先前回执不一致。",
                    "split view: its book contradicts a receipt that it gave.",
                )
                yield _finding("altered", None, *said, reporter=name)
                break


# timeliness ---------------------------------------------------------------------------------------------------


def _timeliness(found: _Material) -> list[dict[str, Any]]:
    """Each reporter: how many reports, how many in time, days from the report's date to its receipt."""
    from statistics import median

    by: dict[str, list[Row]] = {}
    for line in found.lines:
        if line["batch_id"] and line["date_reporting"] <= found.as_of:
            by.setdefault(line["reporter"], []).append(line)
    told = []
    for name in sorted(by):
        days = [_days_late(found, line) for line in by[name]]
        hours = [
            _hours(line["committed_at"], line["received_at"])
            for line in by[name]
            if line["committed_at"] is not None
        ]
        told.append(
            {
                "reporter": name,
                "reports": len(days),
                "in_time": sum(one <= LATE_DAYS for one in days),
                "median_days": float(median(days)),
                "longest_days": max(days),
                "committed_at_source": len(hours),
                "median_hours_on_the_way": float(median(hours)) if hours else None,
            }
        )
    return told


def _hours(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds() / 3600, 2)
