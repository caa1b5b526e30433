"""The exchange on PostgreSQL: who acts and who receives is killed at commit points, and nothing is lost."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import exchangekit
from databases import drop_postgres
from exchangekit import staff
from faults import test_exchange_kills as sqlite
from lianfang.services.exchange import channel

Count = Callable[[int, int], int]
pytestmark = pytest.mark.postgres


@pytest.fixture
def homes(tmp_path: Path, postgres_server: tuple[str, str]) -> Iterator[dict[str, Path]]:
    """Two authorities that know each other and one alert, each with its two databases on the server."""
    made = {
        name: exchangekit.authority(tmp_path / name, name, **exchangekit.on_postgres(postgres_server))
        for name in ("linjiang", "yuanshan")
    }
    exchangekit.acquaint(*made.values())
    a = made["linjiang"]
    channel.alert(a, staff(a, "manager"), "列车同乘者追踪", "一切正常", concerned=["yuanshan"])
    with exchangekit.listening(*made.values()):
        exchangekit.carry(a)
    for inst in made.values():
        inst.close()
    yield {name: tmp_path / name for name in made}
    for inst in made.values():
        drop_postgres(postgres_server, inst.settings.database_url)
        drop_postgres(postgres_server, inst.settings.vault_url)


def test_one_life_of_a_message_with_kills_on_both_sides(homes: dict[str, Path], count: Count) -> None:
    """In each life every act is killed at one commit point, and at another its recipient's server."""
    kills, lives = 0, 0
    for number in range(2, count(3, 24), 2):
        died: list[str] = []

        def before(what: str, home: Path, at: int = number, found: list[str] = died) -> None:
            if sqlite.run(home, what, at):
                found.append(what)
            far = homes["yuanshan" if home.name == "linjiang" else "linjiang"]
            with exchangekit.process(far, kill=at + 1) as server:
                sqlite.run(home, what)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    found += [what] if server.wait(1) == -signal.SIGKILL else []

        sqlite.with_servers(homes, before)
        lives += 1
        kills += len(died)
    assert kills >= count(5, 20)
    sqlite.finished(homes, lives)
