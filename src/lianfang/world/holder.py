"""What the operator, the hotels and the railway keep at home. The centre never gets it in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lianfang.foundation.progress import Progress, tracked
from lianfang.world import movement
from lianfang.world.epidemic import CLOSES_AFTER, Outbreak
from lianfang.world.movement import Presences
from lianfang.world.people import Town, to_degrees

DAYS_BEFORE, DAYS_AFTER = 13, 3  # positions are kept around the alarm's day
ZONE_SECONDS = 8 * 3600  # local time is UTC+8 without summer time
REPORTING = 0.75  # share of subscribers whose phones report
PHONES = 20_000  # phones whose positions of a day are made at a time
MOST_A_DAY = 96  # positions of a phone: its slots from 08:00 to 23:50
ROW_GROUP = 1_000_000


def write_parquet(path: Path, table: Any) -> None:
    """One row group for ``ROW_GROUP`` rows; no time of writing, so equal tables give equal bytes."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table, path, compression="zstd", compression_level=3, row_group_size=ROW_GROUP, version="2.6"
    )


def subscribers(town: Town, seed: int) -> NDArray[np.int32]:
    """The subscriber number of each person, -1 for those who are another operator's or have no phone."""
    rng = np.random.default_rng([seed, 41])
    has = (town.age >= 12) & (rng.random(town.persons) < 0.85)
    has |= town.hall >= 0  # the market's stalls are paid by phone
    number = np.full(town.persons, -1, np.int32)
    number[has] = rng.permutation(int(has.sum())).astype(np.int32)
    return number


def local_midnight(day: date) -> int:
    """Unix seconds at which ``day`` begins in the city."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - ZONE_SECONDS


def period(event: Outbreak, days: int) -> tuple[int, int]:
    """First and last day of the positions kept."""
    middle = event.alarm if event.alarm >= 0 else days - 1
    return max(middle - DAYS_BEFORE, 0), min(middle + DAYS_AFTER, days - 1)


def attended(town: Town, there: Presences, event: Outbreak) -> Presences:
    """Presences that took place: not of those ill at home, not at a market that is closed."""
    away = _away(town, event)
    sick = (there.day + 0.5 >= away[there.person, 0]) & (there.day + 0.5 < away[there.person, 1])
    closed = np.zeros(there.day.size, bool)
    if event.alarm >= 0:
        closed = (there.setting == movement.MARKET) & (there.day >= event.alarm + CLOSES_AFTER)
    return there.where(~(sick | closed))


def _away(town: Town, event: Outbreak) -> NDArray[np.float64]:
    """From and until which day (NaN: never) illness keeps a person from going about."""
    outcome = event.outcome
    until = np.where(np.isfinite(outcome.admitted), outcome.admitted + 16, outcome.infectious_to + 3)
    return np.stack([np.fmin(outcome.home_from, outcome.admitted), until], axis=1)


def write_holder(
    folder: Path,
    town: Town,
    there: Presences,
    event: Outbreak,
    number: NDArray[np.int32],
    days: int,
    start: date,
    seed: int,
    progress: Progress | None,
) -> None:
    """Writes the holder's folder; ``there`` are the presences that took place."""
    import pyarrow as pa

    who = np.flatnonzero(number >= 0)
    who = who[np.argsort(number[who])]
    table = pa.table(
        {
            "subscriber": number[who],
            "name": town.name[who].tolist(),
            "resident_id": town.resident_id[who].tolist(),
            "phone": town.phone[who].tolist(),
            "adcode": town.adcode[who].tolist(),
        }
    )
    write_parquet(folder / "subscribers.parquet", table)
    _stays(folder, there.where(number[there.person] >= 0), town, number, start)
    _pings(folder / "pings", town, there, event, number, who, days, start, seed, progress)


def _times(day: NDArray[Any], minute: NDArray[Any], start: date) -> Any:
    import pyarrow as pa

    seconds = local_midnight(start) + day.astype(np.int64) * 86400 + minute.astype(np.int64) * 60
    return pa.array(seconds, pa.timestamp("s", tz="UTC"))


def _stays(folder: Path, there: Presences, town: Town, number: NDArray[np.int32], start: date) -> None:
    import pyarrow as pa

    ids = place_ids(town)
    night = there.where(there.setting == movement.HOTEL)
    end = np.full(night.day.size, 32 * 60 - 30)
    table = pa.table(
        {
            "subscriber": number[night.person],
            "hotel": ids[night.place].tolist(),
            "room": [f"{f}{r:02d}" for f, r in zip(night.row.tolist(), night.column.tolist(), strict=True)],
            "floor": night.row,
            "start": _times(night.day, night.start, start),
            "end": _times(night.day, end, start),
        }
    )
    write_parquet(folder / "lodging" / "part.parquet", table)
    trip = there.where(there.setting == movement.TRAIN)
    dates = [(start + timedelta(days=int(d))) for d in trip.day]
    table = pa.table(
        {
            "subscriber": number[trip.person],
            "vehicle": [f"G{4201 + int(t)}" for t in trip.train],
            "date": pa.array(dates, pa.date32()),
            "row": trip.row,
            "column": trip.column,
            "start": _times(trip.day, trip.start, start),
            "end": _times(trip.day, trip.end, start),
        }
    )
    write_parquet(folder / "trips" / "part.parquet", table)
    visit = there.where(there.setting <= movement.VENUE)
    # stallholders check in once a day, guests on each visit; the station is passed on the way to the train
    doubled = (visit.setting == movement.MARKET) & (town.hall[visit.person] >= 0)
    first = visit.where(~doubled | (visit.start == 480))
    long = town.hall[first.person] >= 0
    station = town.places.of("station")[0]
    table = pa.table(
        {
            "subscriber": np.concatenate([number[first.person], number[trip.person]]),
            "place_id": ids[np.concatenate([first.place, np.full(trip.day.size, station)])].tolist(),
            "start": _times(
                np.concatenate([first.day, trip.day]), np.concatenate([first.start, trip.start - 40]), start
            ),
            "end": _times(
                np.concatenate([first.day, trip.day]),
                np.concatenate([np.where(long & (first.setting == 0), movement.SHUT, first.end), trip.start]),
                start,
            ),
        }
    )
    table = table.sort_by([("start", "ascending"), ("subscriber", "ascending")])
    write_parquet(folder / "visits" / "part.parquet", table)


def place_ids(town: Town) -> NDArray[Any]:
    """place_id by row of places."""
    return np.array([f"LJ-P{at + 1:05d}" for at in range(len(town.places.kind))])


def _pings(
    folder: Path,
    town: Town,
    there: Presences,
    event: Outbreak,
    number: NDArray[np.int32],
    who: NDArray[np.int64],
    days: int,
    start: date,
    seed: int,
    progress: Progress | None,
) -> None:
    from lianfang.world._kernels import pings

    rng = np.random.default_rng([seed, 43])
    draw, coarse = rng.random(who.size), rng.random(who.size)
    seller = town.hall[who] >= 0
    on = np.where(seller, draw < 0.9, draw < REPORTING)
    who, seller, tower = who[on], seller[on], (coarse < np.where(seller, 0.08, 0.2))[on]
    first, last = period(event, days)
    away = _away(town, event)[who]
    admitted = event.outcome.admitted[who]
    room_at = town.class_anchor[np.maximum(town.classroom[who], 0)]
    team_at = town.team_anchor[np.maximum(town.team[who], 0)]
    bus = _buses(town, rng)
    size = min(who.size, PHONES) * MOST_A_DAY
    out = (
        np.empty(size, np.int32), np.empty(size, np.int64), np.empty(size), np.empty(size),
        np.empty(size, np.int16), np.empty(size, np.int8),
    )  # fmt: skip

    def of_day(day: int) -> Iterator[list[NDArray[Any]]]:
        """The day's positions, some phones at a time."""
        workday = (start + timedelta(days=day)).weekday() < 5
        there_today = there.where(there.day == day)
        noon = day + 0.5
        absent = (noon >= admitted) & (noon < away[:, 1])
        at_home = (noon >= away[:, 0]) & (noon < away[:, 1])
        for begin in range(0, who.size, PHONES):
            some = slice(begin, begin + PHONES)
            mine = who[some]
            n = pings(
                seed, day, workday,
                number[mine].astype(np.int64), tower[some], town.household[mine], town.home[mine],
                town.team[mine], team_at[some], town.classroom[mine], room_at[some], town.ride[mine],
                absent[some], at_home[some], seller[some], town.x, town.y,
                np.searchsorted(there_today.person, mine, side="left"),
                np.searchsorted(there_today.person, mine, side="right"),
                there_today.start, there_today.end, there_today.anchor, bus, *out,
            )  # fmt: skip
            yield [column[:n] for column in out]

    for day in tracked(range(first, last + 1), progress, "positions 位置数据", last - first + 1):
        _write_day(folder, start + timedelta(days=day), of_day(day))


def _buses(town: Town, rng: np.random.Generator) -> NDArray[np.float64]:
    """Each ride's way, from a stop near a rider's home to one near his work."""
    rides = int(town.ride.max(initial=-1)) + 1
    bus = np.zeros((max(rides, 1), 4))
    ride, rider = np.unique(town.ride, return_index=True)  # the first rider of each
    ride, rider = ride[ride >= 0], rider[ride >= 0]
    near, far = town.home[rider], town.team_anchor[town.team[rider]]
    bus[ride] = np.stack([town.x[near], town.y[near], town.x[far], town.y[far]], axis=1)
    return bus + rng.uniform(-25, 25, size=bus.shape)


def _write_day(folder: Path, today: date, parts: Iterator[list[NDArray[Any]]]) -> None:
    """The day's file, a row group at a time: memory is that of a row group, the bytes those of one table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept = pa.Table.from_batches([], _POSITIONS())
    path = folder / f"date={today.isoformat()}" / "part.parquet"
    path.parent.mkdir(parents=True)
    with pq.ParquetWriter(
        path,
        kept.schema,
        compression="zstd",
        compression_level=3,
        version="2.6",
        use_dictionary=["subscriber", "lat", "lon", "accuracy_m", "source"],
        column_encoding={"time": "DELTA_BINARY_PACKED"},
    ) as file:
        for part in parts:
            kept = pa.concat_tables([kept, _positions(today, part)])
            while kept.num_rows >= ROW_GROUP:
                file.write_table(kept.slice(0, ROW_GROUP).combine_chunks(), ROW_GROUP)
                kept = kept.slice(ROW_GROUP)
        if kept.num_rows:
            file.write_table(kept.combine_chunks(), ROW_GROUP)


def _POSITIONS() -> Any:  # noqa: N802
    import pyarrow as pa

    return pa.schema({
        "subscriber": pa.int32(), "time": pa.timestamp("s", tz="UTC"), "lat": pa.float64(),
        "lon": pa.float64(), "accuracy_m": pa.int16(), "source": pa.dictionary(pa.int8(), pa.string()),
    })  # fmt: skip


def _positions(today: date, columns: list[NDArray[Any]]) -> Any:
    """A table of positions; the columns are copied, since they are written over for the next phones."""
    import pyarrow as pa

    phone, second, x, y, accuracy, tower = columns
    lat, lon = to_degrees(x, y)
    seconds = pa.array(local_midnight(today) + second, pa.timestamp("s", tz="UTC"))
    source = pa.DictionaryArray.from_arrays(pa.array(tower.copy()), pa.array(["gps", "tower"]))
    return pa.table(
        [pa.array(phone.copy()), seconds, lat, lon, pa.array(accuracy.copy()), source], _POSITIONS()
    )
