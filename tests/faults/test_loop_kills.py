"""``kill -9`` anywhere in the loop: started again it ends the same; nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import journeykit
from lianfang import world
from lianfang.cli import demo
from lianfang.foundation.clock import SetClock
from lianfang.records import Alert, DayResult, Event, Reading
from lianfang.services import attaching, cases, daily, integrity, tour
from lianfang.services.installation import SYSTEM, open_installation
from lianfang.store import rows, tally

Count = Callable[[int, int], int]


def test_the_tour_killed_again_and_again_ends_the_same(
    alarmed: Path, played: Path, player: journeykit.Player, tmp_path: Path, count: Count
) -> None:
    wanted = json.loads((played / "summary.json").read_text())
    with open_installation(played / "centre") as other:
        people = sorted(map(str, journeykit.names_read(other).values()))
    for turn, every in enumerate((37, 11, 13, 17, 19, 23, 29, 41, 53, 71)[: count(1, 10)]):
        base = journeykit.stage(alarmed, tmp_path / str(turn))
        with demo.holder_process(base):
            assert journeykit.killed_until_done(player, base, "tour", every) >= 2
            with open_installation(base / "centre") as inst:
                assert journeykit.summary(inst) == wanted
                assert integrity.check(inst)["valid"]
                named = journeykit.names_read(inst)
                with inst.store.read() as connection:
                    assert {row["contact_id"] for row in rows(connection, Reading)} >= set(named)
        assert sorted(map(str, named.values())) == people


#: Steps of the tour, the longest in parts: every point of a part is another third of the step's points.
PARTS = [
    *(pytest.param(step, 0, marks=[] if step == "open" else pytest.mark.deep) for step in tour.STEPS),
    *(pytest.param("visit", part, marks=pytest.mark.deep) for part in (1, 2)),
]


@pytest.mark.parametrize(("step", "part"), PARTS)
def test_the_tour_killed_at_each_point_ends_the_same(
    alarmed: Path,
    played: Path,
    player: journeykit.Player,
    tmp_path: Path,
    count: Count,
    step: str,
    part: int,
) -> None:
    """Each point of each step once, then to the end. One holder's node answers them all."""
    wanted = json.loads((played / "summary.json").read_text())
    base = journeykit.stage(alarmed, tmp_path / "base")
    before = list(tour.STEPS)[: list(tour.STEPS).index(step)]
    killed = 0
    with demo.holder_process(base):
        # the node answers a lock once: each turn makes its own
        ready = [name for name in before if name != "lock" or step != "name"]
        if ready:
            assert player.run(base, f"tour:{ready[-1]}") == 0
        for point in range(count(11, 1 + part), count(12, 1000), 3 if step == "visit" else 1):
            turn = tmp_path / str(point)
            shutil.copytree(base / "centre", turn / "centre")
            (turn / "city").symlink_to(base / "city")
            if step == "name":
                assert player.run(turn, "tour:lock") == 0
            if not player.run(turn, f"tour:{step}", point):
                break
            killed += 1
            assert player.run(turn, "tour") == 0
            with open_installation(turn / "centre") as inst:
                assert journeykit.summary(inst) == wanted, point
                assert point % 4 or integrity.check(inst)["valid"]
            shutil.rmtree(turn)
    assert killed >= count(1, 4)


def test_a_case_whose_move_was_killed_is_moved_by_the_daily_cycle(
    alarmed: Path, player: journeykit.Player, tmp_path: Path, count: Count
) -> None:
    """Nobody presses a button again: at the end of the next day nothing is left under the standing keys."""
    city = world.City.open(alarmed / "city")
    for point in range(count(11, 1), count(12, 13)):
        base = journeykit.stage(alarmed, tmp_path / str(point))
        assert player.run(base, "tour:open", point)
        day = (city.alarm or city.start) + timedelta(days=1)
        assert player.run(base, day.isoformat()) == 0
        with open_installation(base / "centre", clock=SetClock(demo._morning(day))) as inst:
            assert attaching.orphans(inst) == set()
            with inst.store.read() as connection:
                opened = rows(connection, Event)
                wanted = {
                    case
                    for row in rows(connection, Alert, status="opened")
                    for case in row["evidence"]["case_ids"]
                }
                known = cases.as_of(connection, day, case_ids=wanted) if wanted else []
            assert {row["event_id"] for row in known} == {row["event_id"] for row in opened}
            held = journeykit.subjects(inst, {row["event_id"] for row in opened})
            assert held.get("event case_report", 0) >= len(wanted) and (not opened or wanted)


def test_a_day_killed_again_and_again_ends_the_same(
    alarmed: Path, player: journeykit.Player, tmp_path: Path, count: Count
) -> None:
    city = world.City.open(alarmed / "city")
    digests = json.loads((alarmed / "digests.json").read_text())
    with open_installation(alarmed / "centre") as inst:
        wanted = journeykit.summary(inst)
    for turn, every in enumerate((29, 3, 5, 7, 12)[: count(1, 5)]):
        base = journeykit.stage(alarmed, tmp_path / str(turn), centre="eve")
        day = city.alarm
        assert day is not None
        with open_installation(base / "centre", clock=SetClock(demo._morning(day))) as inst:
            demo.deliver(inst, city, day)
        demo._set_clocks(base, day)
        assert journeykit.killed_until_done(player, base, day.isoformat(), every) >= 1
        with open_installation(base / "centre", clock=SetClock(demo._morning(day))) as inst:
            assert journeykit.summary(inst) == wanted
            assert daily.run(inst, SYSTEM, day).digest == digests[day.isoformat()]
            assert not list(inst.inbox.iterdir())
            assert integrity.check(inst)["valid"]
            with inst.store.read() as connection:
                assert tally(connection, DayResult, as_of=day) == len(daily.STEPS)


def test_the_end_killed_again_and_again_leaves_nothing(
    played: Path, player: journeykit.Player, tmp_path: Path, count: Count
) -> None:
    for turn, every in enumerate((9, 3, 5, 7)[: count(1, 4)]):
        base = journeykit.stage(played, tmp_path / str(turn))
        with demo.holder_process(base):
            assert journeykit.killed_until_done(player, base, "end", every) >= 1
        with open_installation(base / "centre") as inst:
            kept = journeykit.summary(inst)
            assert kept["contacts"] == kept["locks"] == kept["visits"] == []
            assert not [name for name in kept["subjects"] if name.startswith("event")]
            assert integrity.check(inst)["valid"]
