"""Many releases at once against a slow plain attacker, who walks through every history that agrees with them."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lianfang.foundation.errors import BadInput
from lianfang.guard import attack
from lianfang.guard.disclosure import Release, bulletin
from lianfang.guard.disclosure.inference import Inference
from lianfang.guard.disclosure.joint import Joint
from lianfang.guard.disclosure.shown import shown

NAMES = ("429901", "429902", "429903")
Day = dict[str, int | None]


def release(day: int, cells: Day, total: int) -> dict[str, Any]:
    return {
        "as_of": f"2026-01-{day + 1:02}",
        "tables": [
            {
                "name": "t", "dimensions": ["district"], "cumulative": True,
                "rows": [{"district": name, "count": count} for name, count in cells.items()],
                "margins": [{"count": total}],
            }
        ],
    }  # fmt: skip


def histories(days: list[tuple[Day, int]], least: int) -> list[dict[str, set[int]]]:
    """Per day and district every value that some non-decreasing history of whole numbers allows.

    All states of a day are listed; those that cannot be reached from the day before, or from which no next day
    can be reached, are struck out.
    """
    states = [
        [
            state
            for state in itertools.product(
                *(range(least, total + 1) if cells[n] is None else (cells[n],) for n in NAMES)
            )
            if sum(state) == total
        ]
        for cells, total in days
    ]

    def reaches(one: tuple[int, ...], two: tuple[int, ...]) -> bool:
        return all(a <= b for a, b in zip(one, two, strict=True))

    for at in range(1, len(states)):
        states[at] = [s for s in states[at] if any(reaches(b, s) for b in states[at - 1])]
    for at in range(len(states) - 2, -1, -1):
        states[at] = [s for s in states[at] if any(reaches(s, n) for n in states[at + 1])]
    return [{name: {s[i] for s in day} for i, name in enumerate(NAMES)} for day in states]


def course(seed: int, days: int) -> list[dict[str, int]]:
    random.seed(seed)
    counts = {name: random.randint(1, 9) for name in NAMES}
    made = []
    for _ in range(days):
        made.append(dict(counts))
        for name in NAMES:
            counts[name] += random.choice([0, 0, 1, 1, 2, 5])
    return made


def test_the_joint_bounds_equal_the_plain_attackers(count: Callable[[int, int], int]) -> None:
    exact = 0
    for seed in range(count(25, 200)):
        truth = course(seed, 4)
        days: list[tuple[Day, int]] = []
        for day in truth:
            hidden = set(random.sample(NAMES, random.choice([0, 2, 2, 3])))
            days.append(({n: None if n in hidden else day[n] for n in NAMES}, sum(day.values())))
        listed = histories(days, least=0)
        history = shown(release(i, cells, total) for i, (cells, total) in enumerate(days))
        made = Inference(Joint(history, minimum=5, rules=False))
        targets = made.joint.targets()
        ends = made.intervals({t.variable for t in targets})
        certain = made.exact({t.variable for t in targets})
        for target in targets:
            values = listed[target.release][target.key[0]]
            assert truth[target.release][target.key[0]] in values
            assert ends[target.variable] == (min(values), max(values))
            assert (target.variable in certain) == (len(values) == 1)
            exact += len(values) == 1
    assert exact > 0  # the comparison has seen cells that can be told


def test_what_is_published_day_by_day_leaves_the_plain_attacker_in_doubt(
    count: Callable[[int, int], int],
) -> None:
    """The publisher's own check is not asked: every history is listed here."""
    hidden = shown_cells = 0
    for seed in range(count(12, 80)):
        truth = course(1_000 + seed, 5)
        releases: list[Release] = []
        for at, day in enumerate(truth):
            made = bulletin({
                "event": "e", "as_of": f"2026-01-{at + 1:02}", "earlier": releases,
                "tables": {"t": {
                    "rows": [{"district": n, "count": c} for n, c in day.items()], "cumulative": True,
                }},
            })  # fmt: skip
            assert isinstance(made, Release)
            releases.append(made)
        days: list[tuple[Day, int]] = []
        for made, day in zip(releases, truth, strict=True):
            table = made.tables[0]
            told = {row.get("district"): row["count"] for row in table.rows}
            days.append(({n: told.get(n) for n in NAMES}, sum(day.values())))
        # a reader sees no zero anywhere, so he takes each listed district to have a case
        for made, found, (cells, _) in zip(releases, histories(days, least=1), days, strict=True):
            for name, values in found.items():
                if cells[name] is None and made.tables[0].dimensions:
                    hidden += 1
                    assert len(values) > 1, (seed, made.as_of, name, values)
                shown_cells += cells[name] is not None
    assert hidden > 20 and shown_cells > 20


def test_a_small_step_between_two_releases_is_found() -> None:
    days = [({"a": 10, "b": 20}, 30), ({"a": 12, "b": 20}, 32)]
    report = attack.attack([release(i, dict(c), t) for i, (c, t) in enumerate(days)])
    assert [d.cell for d in report.differences] == [{"district": "a"}]
    assert report.recovered == 1


def test_a_later_release_tells_what_an_earlier_one_withheld() -> None:
    days: list[tuple[Day, int]] = [
        ({"a": 10, "b": 8, "c": 9}, 27),
        ({"a": None, "b": None, "c": 9}, 29),
        ({"a": None, "b": 8, "c": 20}, 42),
    ]
    report = attack.attack([release(i, c, t) for i, (c, t) in enumerate(days)])
    told = {(c.as_of, c.cell["district"]): c.low for c in report.certain}
    assert told == {("2026-01-02", "a"): 12, ("2026-01-02", "b"): 8, ("2026-01-03", "a"): 14}


def test_a_listing_tells_what_a_table_of_the_same_persons_withholds() -> None:
    listing = [{"sex": "male"}] * 2 + [{"sex": "female"}] * 9
    table = {
        "name": "by sex", "dimensions": ["sex"], "cumulative": True, "margins": [{"count": 11}],
        "rows": [{"sex": "male", "count": None}, {"sex": "female", "count": None}],
    }  # fmt: skip
    both = {
        "as_of": "2026-01-01",
        "tables": [table, {"name": "cases", "dimensions": ["sex"], "rows": listing, "listing": True}],
    }
    assert {c.low for c in attack.attack([both]).certain} == {2, 9}


def test_cells_all_withheld_as_small_are_bounded_by_the_rule_itself() -> None:
    cells: Day = {"a": None, "b": None}
    made = {**release(0, cells, 8), "withheld": {"small_cell": 2}}
    assert {c.low for c in attack.attack([made]).certain} == {4}
    # with another cell withheld for their sake nothing follows
    made = {**release(0, {**cells, "c": None}, 20), "withheld": {"small_cell": 2, "complementary_cell": 1}}
    assert attack.attack([made]).certain == ()


def test_the_publisher_withholds_more_where_the_rule_itself_would_tell() -> None:
    rows = [{"district": n, "count": c} for n, c in zip(NAMES, (4, 4, 30), strict=True)]
    made = bulletin({"event": "e", "as_of": "2026-01-01", "tables": {"t": rows}})
    assert isinstance(made, Release)
    assert attack.attack([made.payload()]).certain == ()
    assert [row["count"] for row in made.tables[0].rows] == [None, None, None]


@pytest.mark.parametrize(
    "broken",
    [
        [release(0, {"a": 1, "b": 2}, 9)],
        [{"as_of": "2026-01-01", "tables": [{"name": "t", "dimensions": ["d"], "rows": [{"d": "a", "count": -1}]}]}],
        [{"as_of": "2026-01-01", "tables": "t"}],
        [{"as_of": "2026-01-01", "tables": [{"name": "t", "dimensions": ["d"] * 2, "rows": []}]}],
    ],
)  # fmt: skip
def test_what_is_no_release_is_bad_input(broken: list[dict[str, Any]]) -> None:
    with pytest.raises(BadInput):
        attack.attack(broken)


NAMES_OF_PARTS = (
    "name",
    "dimensions",
    "rows",
    "margins",
    "cumulative",
    "listing",
    "count",
    "d",
    "kind",
    "where",
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "*", "d"])
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES_OF_PARTS), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(
    st.fixed_dictionaries(
        {"tables": st.lists(ANYTHING, max_size=2), "reasons": ANYTHING, "withheld": ANYTHING}
    )
)
def test_whatever_a_file_holds_it_is_read_or_bad_input(release: dict[str, Any]) -> None:
    with contextlib.suppress(BadInput):
        assert attack.attack([release, release]).releases == 2
