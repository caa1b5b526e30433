"""The search at home: whose subscribers the index cases are, whom they met, the ranked list.

Memory is bounded: positions are read a batch at a time, presences only at the places where index persons
were. What leaves this module is candidates by subscriber number; tokens are put on them by the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Fault
from lianfang.foundation.progress import Progress, silent

if TYPE_CHECKING:
    import polars as pl

    from lianfang.services.holder.documents import IndexCase, OrderNote, OrderRequest

BATCH = 1_000_000
SUBSCRIBERS = 50_000
#: A candidate's evidence in the answer at most; the strongest first.
EVIDENCE = 12
PUBLIC_PLACES = frozenset({"hospital", "clinic", "school", "market", "station", "hotel", "venue"})


@dataclass
class Found:
    """What a search found: ranked candidates, and the account of what was read."""

    ranked: list[dict[str, Any]] = field(default_factory=list)
    evidence: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    matched: int = 0


def run(
    folder: Path, note: OrderNote, request: OrderRequest, *, memory_mb: int, progress: Progress | None = None
) -> Found:
    """Match the index cases, find their contacts by the order's rule, rank them."""
    report = progress or silent
    found = Found()
    numbers, windows = match(folder, request, found, report)
    if not windows:
        return found
    index = index_frame(windows)
    evidence: list[Any] = []
    if "pings" in note.sources:
        evidence.append(("co_location", _positions(folder, note, index, found, report)))
    presences: list[str] = [source for source in ("lodging", "trips", "visits") if source in note.sources]
    if presences:
        evidence.append(("presence", _presences(folder, note, index, presences, memory_mb, found, report)))
    _rank(evidence, index, numbers, venues(folder), note.row_cap, found)
    return found


# matching -------------------------------------------------------------------------------------------------


def match(
    folder: Path, request: OrderRequest, found: Found, report: Progress
) -> tuple[dict[int, list[int]], dict[int, tuple[datetime, datetime]]]:
    """Subscribers whose ID number or telephone gives an index case's token under the order's key.

    Returns subscriber -> numbers of the index cases, and subscriber -> infectious time (of several cases
    with one subscription the whole span).
    """
    import pyarrow.parquet as pq

    from lianfang.guard.vault import tokens

    wanted: dict[str, dict[str, list[IndexCase]]] = {"resident_id": {}, "phone": {}}
    for case in request.index:
        for kind in wanted:
            token = getattr(case, kind)
            if token:
                wanted[kind].setdefault(token, []).append(case)
    hits: dict[int, dict[int, IndexCase]] = {}
    source = _parquet(folder / "subscribers.parquet")
    total = source.metadata.num_rows
    done = 0
    report("matching", 0, total)
    columns = ["subscriber", "resident_id", "phone"]
    if missing := set(columns) - set(source.schema_arrow.names):
        raise Fault(f"subscribers.parquet lacks {', '.join(sorted(missing))}.")
    for batch in pq.ParquetFile(folder / "subscribers.parquet").iter_batches(SUBSCRIBERS, columns=columns):
        numbers = batch.column(0).to_pylist()
        for at, kind in ((1, "resident_id"), (2, "phone")):
            if not wanted[kind]:
                continue
            made = tokens(request.match_key, kind, batch.column(at).to_pylist())
            for number, token in zip(numbers, made, strict=True):
                for case in wanted[kind].get(token or "", ()):
                    hits.setdefault(int(number), {})[case.number] = case
        done += len(numbers)
        report("matching", done, total)
    found.rows["subscribers"] = done
    found.matched = len({number for cases in hits.values() for number in cases})
    numbers_of = {subscriber: sorted(cases) for subscriber, cases in hits.items()}
    windows = {
        subscriber: (min(c.start for c in cases.values()), max(c.end for c in cases.values()))
        for subscriber, cases in hits.items()
    }
    return numbers_of, windows


def index_frame(windows: dict[int, tuple[datetime, datetime]]) -> pl.DataFrame:
    """The index argument of the tracing engines."""
    import polars as pl

    moment = pl.Datetime("us", "UTC")
    subscribers = sorted(windows)
    return pl.DataFrame(
        {
            "token": pl.Series(subscribers, dtype=pl.Int64),
            "infectious_from": pl.Series([windows[s][0] for s in subscribers], dtype=moment),
            "infectious_to": pl.Series([windows[s][1] for s in subscribers], dtype=moment),
        }
    )


# positions ------------------------------------------------------------------------------------------------


def ping_files(folder: Path, start: datetime, end: datetime) -> list[Path]:
    """The day files that may hold positions of the period, whatever zone their days are in."""
    first, last = (start - timedelta(days=1)).date(), (end + timedelta(days=1)).date()
    paths = []
    for path in sorted((folder / "pings").glob("date=????-??-??/*.parquet")):
        try:
            day = date.fromisoformat(path.parent.name[5:])
        except ValueError:
            raise Fault("The folder pings has a day that is no date.") from None
        if first <= day <= last:
            paths.append(path)
    return paths


def _positions(
    folder: Path, note: OrderNote, index: pl.DataFrame, found: Found, report: Progress
) -> pl.DataFrame:
    from lianfang.control.tracing import contacts

    files = ping_files(folder, note.period.start, note.period.end)
    total = sum(_parquet(path).metadata.num_rows for path in files)
    found.rows["pings"] = total
    passes = 0

    def parts() -> Iterator[pl.DataFrame]:
        nonlocal passes
        passes += 1
        stage = "positions of the index cases" if passes == 1 else "positions near them"
        yield from _batches(files, stage, total, report)

    return contacts(
        parts if files else _no_pings(),
        index,
        start=note.period.start,
        end=note.period.end,
        radius_m=note.rule.radius_m,
        slot_seconds=note.rule.slot_seconds,
        minutes=note.rule.minutes,
        order=note.rule.order,
    )


def _batches(files: list[Path], stage: str, total: int, report: Progress) -> Iterator[pl.DataFrame]:
    import polars as pl
    import pyarrow.parquet as pq

    done = 0
    report(stage, 0, total)
    for path in files:
        source = _parquet(path)
        columns = ["subscriber", "time", "lat", "lon"]
        if set(columns) - set(source.schema_arrow.names):
            raise Fault("A file of positions lacks subscriber, time, lat or lon.")
        for batch in pq.ParquetFile(path).iter_batches(BATCH, columns=columns):
            yield pl.DataFrame(batch).rename({"subscriber": "token"})
            done += batch.num_rows
            report(stage, done, total)


def _no_pings() -> pl.DataFrame:
    import polars as pl

    moment = pl.Datetime("us", "UTC")
    return pl.DataFrame(schema={"token": pl.Int64, "time": moment, "lat": pl.Float64, "lon": pl.Float64})


# presences ------------------------------------------------------------------------------------------------


def _presences(
    folder: Path,
    note: OrderNote,
    index: pl.DataFrame,
    sources: list[str],
    memory_mb: int,
    found: Found,
    report: Progress,
) -> pl.DataFrame:
    """Stays at the places where index persons were; the rest of the table is never loaded."""
    import polars as pl

    from lianfang.control.tracing import co_presence
    from lianfang.lake import DuckEngine, queries

    frames: list[pl.DataFrame] = []
    engine = DuckEngine(memory_mb=memory_mb, folders=[folder])
    try:
        engine.register("index_cases", index.select("token").to_arrow())
        for done, source in enumerate(sources):
            report("places, rooms and seats", done, len(sources))
            files = sorted((folder / source).rglob("*.parquet"))
            found.rows[source] = sum(_parquet(path).metadata.num_rows for path in files)
            if not files:
                continue
            engine.register(source, files)
            query = queries.PRESENCES[source]
            bounds = {"since": _naive(note.period.start), "until": _naive(note.period.end)}
            frames.append(pl.DataFrame(engine.sql(query, bounds)))
        report("places, rooms and seats", len(sources), len(sources))
    finally:
        engine.close()
    together = pl.concat(frames, how="vertical_relaxed") if frames else _no_presences()
    return co_presence(
        together,
        index,
        start=note.period.start,
        end=note.period.end,
        seat_rows=note.rule.seat_rows,
        min_minutes=note.rule.minutes,
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _no_presences() -> pl.DataFrame:
    import polars as pl

    moment = pl.Datetime("us", "UTC")
    shape: dict[str, Any] = {
        "token": pl.Int64,
        "place": pl.String,
        "kind": pl.String,
        "start": moment,
        "end": moment,
    }
    return pl.DataFrame(schema=shape)


def venues(folder: Path) -> dict[str, str]:
    """Names of public venues, where the holder has a list of them (``places.csv``)."""
    import csv

    path = folder / "places.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {
        row["place_id"]: row["name_zh"][:120]
        for row in rows
        if row.get("kind") in PUBLIC_PLACES and row.get("place_id") and row.get("name_zh")
    }


# ranking --------------------------------------------------------------------------------------------------


def _rank(
    evidence: list[tuple[str, Any]],
    index: pl.DataFrame,
    numbers: dict[int, list[int]],
    names: dict[str, str],
    cap: int,
    found: Found,
) -> None:
    """The ranked list, and the evidence of those in it who can be in the answer."""
    import polars as pl

    from lianfang.control.tracing import rank

    frames = [frame for _, frame in evidence if len(frame)]
    if not frames:
        return
    ranked = rank(frames, index=index["token"].to_list())
    found.ranked = ranked.to_dicts()
    returned = ranked["candidate"].head(cap)
    for frame in frames:
        told = frame.filter(pl.col("contact").is_in(returned.implode()))
        for row in told.sort("score", descending=True, maintain_order=True).iter_rows(named=True):
            contact = int(row["contact"])
            for number in numbers.get(int(row["index"]), ()):
                found.evidence.setdefault(contact, []).append(_evidence(row, number, names))


def _evidence(row: dict[str, Any], number: int, names: dict[str, str]) -> dict[str, Any]:
    code = str(row["reason"][0] if not isinstance(row["reason"], str) else row["reason"])
    return {
        "kind": code.partition("?")[0],
        "index": number,
        "order": int(row["order"]),
        "minutes": float(row["minutes"]),
        "slots": row.get("slots"),
        "min_distance_m": round(row["min_distance_m"], 1) if row.get("min_distance_m") is not None else None,
        "first": row["first"],
        "last": row["last"],
        "venue": names.get(str(row["place"])) if row.get("kind") == "place" else None,
    }


def candidates(found: Found, cap: int, token: Callable[[int], str]) -> list[dict[str, Any]]:
    """The best ``cap`` candidates as they go into the answer."""
    out = []
    for rank, row in enumerate(found.ranked[:cap], start=1):
        subscriber = int(row["candidate"])
        evidence = found.evidence.get(subscriber, [])
        out.append(
            {
                "token": token(subscriber),
                "rank": rank,
                "score": round(min(1.0, max(0.0, float(row["score"]))), 6),
                "level": row["level"],
                "index": sorted({one["index"] for one in evidence}),
                "first": row["first"],
                "last": row["last"],
                "reasons": [str(code) for code in row["reasons"]],
                "evidence": evidence[:EVIDENCE],
            }
        )
    return out


def _parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException):
        raise Fault(f"The holder's file {path.name} cannot be read.", hint="Is it complete?") from None


def check_sources(folder: Path, sources: tuple[str, ...]) -> list[str]:
    """Which of the declared sources have no file; a node says so before it serves."""
    if not (folder / "subscribers.parquet").is_file():
        raise BadInput("The folder has no subscribers.parquet.")
    return [source for source in sources if not any((folder / source).rglob("*.parquet"))]
