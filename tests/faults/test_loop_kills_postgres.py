"""``kill -9`` in the loop of a centre on PostgreSQL: it ends as one on SQLite does that nobody killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import journeykit
from lianfang import world
from lianfang.cli import demo
from lianfang.foundation.clock import SetClock
from lianfang.records import DayResult
from lianfang.services import daily, integrity
from lianfang.services.installation import SYSTEM, open_installation
from lianfang.store import tally

Count = Callable[[int, int], int]
pytestmark = pytest.mark.postgres


def test_both_databases_tell_the_same_of_each_day(alarmed: Path, alarmed_postgres: Path) -> None:
    assert json.loads((alarmed / "digests.json").read_text()) == json.loads(
        (alarmed_postgres / "digests.json").read_text()
    )


def test_the_tour_and_the_end_killed_again_and_again(
    alarmed_postgres: Path,
    played: Path,
    postgres_server: journeykit.Server,
    player: journeykit.Player,
    tmp_path: Path,
    count: Count,
) -> None:
    wanted = json.loads((played / "summary.json").read_text())
    with open_installation(played / "centre") as other:
        people = sorted(map(str, journeykit.names_read(other).values()))
    for turn, (every, end) in enumerate(((37, 9), (11, 3), (17, 5), (23, 7))[: count(1, 4)]):
        base = journeykit.stage_postgres(alarmed_postgres, tmp_path / str(turn), postgres_server)
        with demo.holder_process(base):
            assert journeykit.killed_until_done(player, base, "tour", every) >= 2
            with open_installation(base / "centre") as inst:
                assert journeykit.summary(inst) == wanted
                assert integrity.check(inst)["valid"]
                assert sorted(map(str, journeykit.names_read(inst).values())) == people
            assert journeykit.killed_until_done(player, base, "end", end) >= 1
        with open_installation(base / "centre") as inst:
            kept = journeykit.summary(inst)
            assert kept["contacts"] == kept["locks"] == kept["visits"] == []
            assert not [name for name in kept["subjects"] if name.startswith("event")]
            assert integrity.check(inst)["valid"]
        journeykit.drop_databases(base / "centre", postgres_server)


def test_opening_an_event_killed_at_each_point_leaves_nothing_behind(
    alarmed_postgres: Path,
    played: Path,
    postgres_server: journeykit.Server,
    player: journeykit.Player,
    tmp_path: Path,
    count: Count,
) -> None:
    wanted = json.loads((played / "summary.json").read_text())
    for point in range(count(11, 1), count(12, 13)):
        base = journeykit.stage_postgres(alarmed_postgres, tmp_path / str(point), postgres_server)
        assert player.run(base, "tour:open", point)
        assert player.run(base, "tour:open") == 0
        with open_installation(base / "centre") as inst:
            told = journeykit.summary(inst)
            assert told["left under the standing keys"] == 0
            standing = {name: n for name, n in told["subjects"].items() if name.startswith("routine")}
            assert standing == {n: v for n, v in wanted["subjects"].items() if n.startswith("routine")}
            assert integrity.check(inst)["valid"]
        journeykit.drop_databases(base / "centre", postgres_server)


def test_a_day_killed_again_and_again_ends_the_same(
    alarmed_postgres: Path,
    postgres_server: journeykit.Server,
    player: journeykit.Player,
    tmp_path: Path,
    count: Count,
) -> None:
    city = world.City.open(alarmed_postgres / "city")
    digests = json.loads((alarmed_postgres / "digests.json").read_text())
    day = city.alarm
    assert day is not None
    for turn, every in enumerate((29, 3, 5, 8)[: count(1, 4)]):
        base = journeykit.stage_postgres(
            alarmed_postgres, tmp_path / str(turn), postgres_server, centre="eve"
        )
        with open_installation(base / "centre", clock=SetClock(demo._morning(day))) as inst:
            demo.deliver(inst, city, day)
        demo._set_clocks(base, day)
        assert journeykit.killed_until_done(player, base, day.isoformat(), every) >= 1
        with open_installation(base / "centre", clock=SetClock(demo._morning(day))) as inst:
            assert daily.run(inst, SYSTEM, day).digest == digests[day.isoformat()]
            assert not list(inst.inbox.iterdir())
            assert integrity.check(inst)["valid"]
            with inst.store.read() as connection:
                assert tally(connection, DayResult, as_of=day) == len(daily.STEPS)
        journeykit.drop_databases(base / "centre", postgres_server)
