"""The co-location search over frames of pings: index positions first, then one pass a block of slots.

Memory is that of the index persons' positions, one piece of at most ``PIECE`` pings at a time, and one bit a
slot for every pair that met: it grows with the contacts, not with the pings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lianfang.control.tracing._frames import Parts, degrees, moments, need, tokens
from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import polars as pl

PIECE = 2_000_000
BLOCK = 4096
MAX_SLOTS = 50_000_000
MIN_CELL_M = 20.0


@dataclass(frozen=True)
class Rule:
    """What counts as a meeting."""

    low: int
    high: int
    radius_m: float
    slot_seconds: int
    max_pairs: int
    threads: int = field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))

    @property
    def slot_us(self) -> int:
        return self.slot_seconds * 1_000_000

    @property
    def height(self) -> float:
        """Height of a cell: never below the radius, with room for rounding."""
        return max(self.radius_m * 1.0001, MIN_CELL_M)


@dataclass(frozen=True)
class Windows:
    """Index tokens, each with the time in which it counts: [low, high) in microseconds."""

    token: pl.Series
    low: np.ndarray[Any, Any]
    high: np.ndarray[Any, Any]


def pieces(parts: Parts, *, check: bool) -> Iterator[tuple[pl.Series, Any, Any, Any]]:
    """Tokens, microseconds, latitude, longitude, a bounded number of rows at a time.

    The range check runs on the first pass only: later passes read the same frames again.
    """
    import polars as pl

    offset = 0
    for frame in parts:
        need(frame, ("token", "time", "lat", "lon"), parts.what)
        for begin in range(0, frame.height, PIECE):
            piece = frame.slice(begin, PIECE)
            at = offset + begin
            token = tokens(piece, "token", parts.what, offset=at)
            time = moments(piece, "time", parts.what, offset=at)
            if check:
                lat = degrees(piece, "lat", 90.0, parts.what, offset=at)
                lon = degrees(piece, "lon", 180.0, parts.what, offset=at)
            else:
                lat, lon = piece["lat"].cast(pl.Float64), piece["lon"].cast(pl.Float64)
            yield token, time.to_numpy(), lat.to_numpy(), lon.to_numpy()
        offset += frame.height


def match_kind(wanted: pl.Series, given: pl.Series) -> pl.Series:
    """The index's tokens in the pings' kind (text or whole numbers)."""
    if wanted.dtype == given.dtype or not len(wanted):
        return wanted.cast(given.dtype)
    raise BadInput(
        "The tokens of the index and of the pings are of different kinds (text and whole numbers).",
        hint="Give both as text.",
    )


def index_positions(parts: Parts, windows: Windows, rule: Rule, *, check: bool) -> pl.DataFrame:
    """The index persons' own pings: token, t, lat, lon and the window (from, to) they count in."""
    import polars as pl

    empty: dict[str, Any] = {"token": pl.String, "t": pl.Int64, "lat": pl.Float64, "lon": pl.Float64}
    found = [pl.DataFrame(schema={**empty, "from": pl.Int64, "to": pl.Int64})]
    for token, t, lat, lon in pieces(parts, check=check):
        wanted = pl.DataFrame(
            {"token": match_kind(windows.token, token), "from": windows.low, "to": windows.high}
        )
        mine = token.is_in(wanted["token"].unique().implode()).to_numpy()
        mine &= (t >= rule.low) & (t < rule.high)
        if not mine.any():
            continue
        frame = pl.DataFrame(
            {"token": token.filter(pl.Series(mine)), "t": t[mine], "lat": lat[mine], "lon": lon[mine]}
        )
        frame = frame.join(wanted, on="token", how="inner").filter(
            (pl.col("t") >= pl.col("from")) & (pl.col("t") < pl.col("to"))
        )
        found.append(frame)
    if len(found) > 1:
        return pl.concat(found[1:]).unique()
    return found[0]


class Pairs:
    """Pairs met in one block of slots, by one thread: hash table, closest distance, one bit a slot."""

    def __init__(self, words: int, room: int = 4096) -> None:
        self.n = 0
        self.table = np.full(room * 2, -1, np.int64)
        self.keys = np.empty(room, np.int64)
        self.nearest = np.full(room, np.inf)
        self.bits = np.zeros((room, words), np.uint64)

    def grow(self) -> None:
        from lianfang.control.tracing._kernels import rebuild

        room = len(self.keys) * 2
        self.keys = np.concatenate([self.keys, np.empty_like(self.keys)])
        self.nearest = np.concatenate([self.nearest, np.full(room // 2, np.inf)])
        self.bits = np.concatenate([self.bits, np.zeros_like(self.bits)])
        self.table = np.empty(room * 2, np.int64)
        rebuild(self.table, self.keys, self.n)


class Codes:
    """Whole numbers for tokens, the index's first; the same over all pieces."""

    def __init__(self, first: list[Any]) -> None:
        self.number: dict[Any, int] = {token: i for i, token in enumerate(first)}

    def of(self, series: pl.Series) -> Any:
        import polars as pl

        seen = series.unique()
        number = self.number
        codes = [number.setdefault(token, len(number)) for token in seen.to_list()]
        return series.replace_strict(seen, pl.Series(codes, dtype=pl.Int64), return_dtype=pl.Int64).to_numpy()


def search(
    parts: Parts, windows: Windows, rule: Rule, *, check: bool = True, without: list[Any] | None = None
) -> pl.DataFrame:
    """All pairs that met: index, contact, slots, min_distance_m, first_slot, last_slot (slot numbers).

    ``without``: tokens that are not asked for as contacts.
    """
    import polars as pl

    positions = index_positions(parts, windows, rule, check=check)
    kind = positions["token"].dtype
    schema: dict[str, Any] = {
        "index": kind, "contact": kind, "slots": pl.Int64,
        "min_distance_m": pl.Float64, "first_slot": pl.Int64, "last_slot": pl.Int64,
    }  # fmt: skip
    if positions.is_empty():
        return pl.DataFrame(schema=schema)
    codes = Codes(without if without is not None else positions["token"].unique().sort().to_list())
    skip = len(without or [])
    slot = positions["t"].to_numpy() // rule.slot_us
    active = np.unique(slot)
    if active[-1] - active[0] >= MAX_SLOTS:
        raise BadInput(
            f"The index persons' positions span more than {MAX_SLOTS} slots.",
            hint="Ask for a shorter period or longer slots.",
        )
    dense = np.full(int(active[-1] - active[0]) + 1, -1, np.int32)
    dense[active - active[0]] = np.arange(len(active), dtype=np.int32)
    met: list[pl.DataFrame] = []
    for d0 in range(0, len(active), BLOCK):
        of_block = active[d0 : d0 + BLOCK]
        inside = (slot >= of_block[0]) & (slot <= of_block[-1])
        block = _Block(
            positions.filter(pl.Series(inside)), codes, of_block, dense, int(active[0]), d0, rule, skip
        )
        met += block.run(parts, sum(len(frame) for frame in met))
    if not met:
        return pl.DataFrame(schema=schema)
    both = (
        pl.concat(met)
        .group_by("i", "j")
        .agg(
            pl.col("slots").sum(), pl.col("min_distance_m").min(),
            pl.col("first_slot").min(), pl.col("last_slot").max(),
        )
    )  # fmt: skip
    names = pl.Series(list(codes.number), dtype=kind)
    return both.select(
        names.gather(both["i"]).alias("index"),
        names.gather(both["j"]).alias("contact"),
        "slots", "min_distance_m", "first_slot", "last_slot",
    )  # fmt: skip


class _Block:
    """The index's positions of up to ``BLOCK`` slots as a table, and the pass of all pings over it."""

    def __init__(
        self,
        positions: pl.DataFrame,
        codes: Codes,
        slots: Any,
        dense: Any,
        first: int,
        d0: int,
        rule: Rule,
        skip: int,
    ) -> None:
        from lianfang.control.tracing import _kernels as k

        self.rule, self.codes, self.slots, self.skip = rule, codes, slots, skip
        self.dense, self.first, self.d0 = dense, first, d0
        lat, lon = positions["lat"].to_numpy(), positions["lon"].to_numpy()
        slot = (dense[positions["t"].to_numpy() // rule.slot_us - first] - d0).astype(np.int64)
        height = rule.height
        rows = ((lat + 90.0) * k.DEGREE * k.R / height).astype(np.int64)
        # one row of margin on each side: a contact may stand in the next row
        self.row0 = max(0, int(rows.min()) - 1)
        self.columns = k.grid_columns(self.row0, int(rows.max()) + 2 - self.row0, height, rule.radius_m)
        keys = k.index_keys(slot, lat, lon, height, self.row0, self.columns)
        order = np.argsort(keys, kind="stable")
        self.keys = keys[order]
        self.runs = np.empty(_power(2 * len(keys)), np.int64)
        k.build_table(self.keys, self.runs)
        # some 16 bits a marked cell keep false alarms rare; 128 MiB at most
        self.sieve = np.zeros(min(_power(9 * 16 * len(keys)), 1 << 30) // 64, np.uint64)
        k.build_sieve(slot, lat, lon, height, self.row0, self.columns, self.sieve)
        self.own = (
            slot[order], lat[order], lon[order], np.cos(lat[order] * k.DEGREE),
            codes.of(positions["token"])[order],
            positions["from"].to_numpy()[order], positions["to"].to_numpy()[order],
        )  # fmt: skip

    def run(self, parts: Parts, before: int) -> list[pl.DataFrame]:
        """One pass over the pings; a frame of pairs for each thread."""

        rule = self.rule
        threads = rule.threads
        tables = [Pairs((len(self.slots) + 63) // 64) for _ in range(threads)]
        low = max(rule.low, int(self.slots[0]) * rule.slot_us)
        high = min(rule.high, (int(self.slots[-1]) + 1) * rule.slot_us)
        with ThreadPoolExecutor(threads) as pool:
            for token, t, lat, lon in pieces(parts, check=False):
                which = self._near(pool, t, lat, lon, low, high)
                if not len(which):
                    continue
                code = self.codes.of(token.gather(which))
                # by contact, so that the pairs being counted stay in the cache
                order = np.argsort(code, kind="stable")
                order = order[np.searchsorted(code[order], self.skip) :]
                which = which[order]
                rows = (t[which], lat[which], lon[which], code[order])
                list(pool.map(lambda part, rows=rows: self._meet(tables[part], part, rows), range(threads)))
                known = before + sum(table.n for table in tables)
                if known > rule.max_pairs:
                    raise BadInput(
                        f"More than {rule.max_pairs} pairs met: the question is too wide.",
                        hint="Ask for a shorter period, fewer index persons or a smaller radius.",
                        code="too_many_pairs",
                    )
        return [frame for table in tables if (frame := self._summary(table)) is not None]

    def _near(self, pool: ThreadPoolExecutor, t: Any, lat: Any, lon: Any, low: int, high: int) -> Any:
        """Rows of the pings that lie within the radius of an index position (its own included)."""
        from lianfang.control.tracing import _kernels as k

        rule = self.rule
        near = np.empty(len(t), np.bool_)

        def sift(part: slice) -> Any:
            k.sift(
                t[part], lat[part], lon[part], low, high, rule.slot_us, self.first, self.dense, self.d0,
                self.d0 + len(self.slots), rule.height, self.row0, self.columns, self.sieve, near[part],
            )  # fmt: skip
            which = np.flatnonzero(near[part]) + part.start
            k.touch(
                which, t, lat, lon, rule.slot_us, self.first, self.dense, self.d0, rule.height, self.row0,
                self.columns, rule.radius_m, self.runs, self.keys, *self.own[1:4], near,
            )  # fmt: skip
            return which[near[which]]

        step = -(-len(t) // rule.threads) or 1
        parts = [slice(begin, min(begin + step, len(t))) for begin in range(0, len(t), step)]
        return np.concatenate([np.empty(0, np.int64), *pool.map(sift, parts)])

    def _meet(self, pairs: Pairs, part: int, rows: tuple[Any, ...]) -> None:
        from lianfang.control.tracing import _kernels as k

        rule = self.rule
        meet: Any = k.meet  # its compiled signature is too long for the checker
        begin = 0
        while begin < len(rows[0]):
            begin, pairs.n = meet(
                begin, part, rule.threads, *rows, rule.slot_us, self.first, self.dense, self.d0,
                rule.height, self.row0, self.columns, rule.radius_m, self.runs, self.keys, *self.own,
                pairs.table, pairs.keys, pairs.nearest, pairs.bits, pairs.n,
            )  # fmt: skip
            if begin < len(rows[0]):
                pairs.grow()

    def _summary(self, pairs: Pairs) -> pl.DataFrame | None:
        import polars as pl

        from lianfang.control.tracing import _kernels as k

        n = pairs.n
        if not n:
            return None
        count, first, last = (np.empty(n, np.int64) for _ in range(3))
        k.tally(pairs.bits[:n], self.slots, count, first, last)
        keys = pairs.keys[:n]
        return pl.DataFrame({
            "i": keys >> 32, "j": keys & 0xFFFFFFFF, "slots": count, "min_distance_m": pairs.nearest[:n],
            "first_slot": first, "last_slot": last,
        })  # fmt: skip


def _power(n: int) -> int:
    """The power of two at or above n (64 at least)."""
    return 1 << max(6, (n - 1).bit_length())
