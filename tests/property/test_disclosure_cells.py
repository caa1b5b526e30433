"""Suppression against a slow plain attacker who lists every table that agrees with what was published."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import pytest

from lianfang.guard.disclosure import Release, bulletin
from lianfang.guard.disclosure.cells import ALL, Audit, Cube, Key, suppress

MINIMUM = 5


def total(key: Key) -> bool:
    return all(part == ALL for part in key)


def intervals(cube: Cube, hidden: set[Key]) -> dict[Key, tuple[int, int]]:
    """All whole-number tables of non-negative counts that agree with the published cells, one by one;
    empty when there are too many."""
    inner = [key for key in cube.keys if ALL not in key]
    unknown = [key for key in inner if key in hidden]
    limit = cube.values[cube.index[(ALL,) * len(cube.dimensions)]]
    known = {key: cube.values[cube.index[key]] for key in cube.keys if key not in hidden}
    found: dict[Key, tuple[int, int]] = {}
    covers = {
        key: [i for i in inner if all(k in (ALL, p) for k, p in zip(key, i, strict=True))]
        for key in cube.keys
    }
    caps = []
    for key in unknown:
        above = [known[margin] for margin in known if key in covers[margin]]
        caps.append(range(min(above, default=limit) + 1))
    if math.prod(map(len, caps)) > 150_000:
        return {}
    for values in itertools.product(*caps):
        table = {**{key: known.get(key, 0) for key in inner}, **dict(zip(unknown, values, strict=True))}
        sums = {key: sum(table[i] for i in parts) for key, parts in covers.items()}
        if all(sums[key] == value for key, value in known.items()):
            for key in hidden:
                low, high = found.get(key, (sums[key], sums[key]))
                found[key] = min(low, sums[key]), max(high, sums[key])
    return found


def tables(seed: int, rows: int, columns: int) -> Cube:
    random.seed(seed)
    cells = {
        (f"r{i}", f"c{j}"): random.choice([0, 1, 2, 3, 4, 6, 8]) for i in range(rows) for j in range(columns)
    }
    cube = Cube.of(("a", "b"), cells)
    assert cube is not None
    return cube


def test_no_withheld_cell_can_be_narrowed_below_the_rule(count: Callable[[int, int], int]) -> None:
    protected = 0
    for seed in range(count(10, 40)):
        cube = tables(seed, 2, 3)
        done = suppress(cube, minimum=MINIMUM, exempt=total)
        if done is None:
            continue
        primary, further = done
        assert {
            k for k, v in zip(cube.keys, cube.values, strict=True) if 0 < v < MINIMUM and not total(k)
        } == primary
        listed = intervals(cube, primary | further)
        if not listed:
            continue  # too many tables to list one by one
        assert set(listed) == primary | further
        for low, high in listed.values():
            assert high - low >= MINIMUM - 1
        protected += bool(primary)
    assert protected >= 3


def test_the_audit_equals_the_plain_attacker(count: Callable[[int, int], int]) -> None:
    for seed in range(count(8, 20)):
        cube = tables(100 + seed, 2, 3)
        hidden = {
            key for key in cube.keys if (not total(key) and (hash(key) + seed) % 3 == 0) or key[0] == "r0"
        }
        hidden = {key for key in hidden if random.random() < 0.7}
        if not hidden:
            continue
        audit = Audit(cube)
        places = {cube.index[key] for key in hidden}
        for key, (low, high) in intervals(cube, hidden).items():
            # a 2-dimensional table's relations are totally unimodular: the linear bounds are whole numbers
            found = audit.interval(cube.index[key], places)
            assert found == pytest.approx((low, high), abs=1e-6)


def test_primary_suppression_alone_would_have_been_undone() -> None:
    cells = {("a", "m"): 2, ("a", "f"): 20, ("b", "m"): 30, ("b", "f"): 40}
    cube = Cube.of(("district", "sex"), cells)
    assert cube is not None
    assert intervals(cube, {("a", "m")}) == {("a", "m"): (2, 2)}
    done = suppress(cube, minimum=MINIMUM, exempt=total)
    assert done is not None
    assert done[0] == {("a", "m")}
    assert len(done[1]) >= 2


def published(release: Release) -> dict[Key, int | None]:
    table = release.tables[0]
    return {
        tuple(str(c.get(d, ALL)) for d in table.dimensions): c["count"] for c in (*table.rows, *table.margins)
    }


def test_successive_cumulative_releases_show_no_small_difference(count: Callable[[int, int], int]) -> None:
    """REQ-P-57 in time: an attacker subtracts every release from every other one."""
    random.seed(5)
    counts = {(d, s): random.randint(8, 30) for d in ("429901", "429902", "429903") for s in ("男", "女")}
    releases: list[Release] = []
    for day in range(count(8, 20)):
        for key in counts:
            counts[key] += random.choice([0, 0, 0, 1, 2, 9])
        rows = [{"district": d, "sex": s, "count": n} for (d, s), n in counts.items()]
        release = bulletin({
            "event": "e", "as_of": f"2026-{1 + day // 28:02}-{1 + day % 28:02}", "audience": "public",
            "tables": {"t": {"rows": rows, "cumulative": True}}, "earlier": releases,
        })  # fmt: skip
        assert isinstance(release, Release)
        releases.append(release)
    compared = 0
    for one, two in itertools.combinations(
        [r for r in releases if r.tables[0].dimensions == ("district", "sex")], 2
    ):
        before, after = published(one), published(two)
        for key in before.keys() & after.keys():
            a, b = before[key], after[key]
            if a is not None and b is not None and not total(key):
                compared += 1
                assert not 0 < b - a < MINIMUM
    assert compared > 0


def test_a_coarser_table_beside_a_finer_one_gives_nothing_more_away() -> None:
    rows = [
        {"district": d, "sex": s, "count": n}
        for (d, s), n in {
            ("429901", "男"): 2,
            ("429901", "女"): 20,
            ("429902", "男"): 30,
            ("429902", "女"): 40,
        }.items()
    ]
    coarse = [{"district": "429901", "count": 22}, {"district": "429902", "count": 70}]
    release = bulletin({"event": "e", "as_of": "2026-01-30", "tables": {"coarse": coarse, "fine": rows}})
    assert isinstance(release, Release)
    assert [table.name for table in release.tables] == ["coarse", "fine"]
    fine = release.tables[1]
    known = {
        row["district"]: row["count"]
        for row in (*release.tables[0].rows, *fine.margins)
        if set(row) == {"district", "count"}
    }
    for row in release.tables[0].rows:
        assert row["count"] == known[row["district"]]
