"""A build that is killed leaves no city, and the next one clears up after it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from lianfang import world

BUILD = "import sys; from lianfang import world; world.build(sys.argv[1], persons=20_000, days=40)"


def test_kill_leaves_no_city_and_the_next_build_clears_up(tmp_path: Path) -> None:
    target = tmp_path / "city"
    child = subprocess.Popen([sys.executable, "-c", BUILD, str(target)])
    deadline = time.monotonic() + 60
    while not any(tmp_path.glob(".city.part-*/centre/*/*.csv")) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not target.exists()
    assert len(list(tmp_path.iterdir())) == 1
    city = world.build(target, persons=2_000, days=3)
    assert city.damaged() == []
    assert [path.name for path in tmp_path.iterdir()] == ["city"]
