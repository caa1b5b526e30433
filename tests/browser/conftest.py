"""A real browser before a real centre and a real holder's node, over the small city.

``LIANFANG_SHOTS=FOLDER`` keeps a picture of every page of the tour, in light and dark.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lianfang import world
from lianfang.cli import demo
from ports import free_port

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SOURCE = Path(demo.__file__).parents[2]


def _executable() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright; the test is skipped where either is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    with api.sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        path = _executable() or (str(own) if own.exists() else None)
        if path is None:
            pytest.skip("needs a browser: install chromium, or run `playwright install chromium`")
        # Chromium's sandbox needs user namespaces, which most containers lack; the pages are our own
        started = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def morning(small_city: world.City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration on the morning of its alarm, made once for all test processes; never written to."""
    base = tmp_path_factory.getbasetemp()
    base = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "morning"
    base.mkdir(exist_ok=True)
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / "demo.json").exists():
            home = base / "city"
            shutil.copytree(small_city.path, home)
            day = demo._to_the_alarm(base, world.City.open(home), 8000, None)
            demo._set_clocks(base, day)
            (base / "demo.json").write_text(json.dumps({"morning": day.isoformat()}), encoding="utf-8")
    return base


@contextmanager
def demonstration(base: Path) -> Iterator[str]:
    """``lianfang demo`` as a process (which starts the holder's node as another); yields its one-time link."""
    command = [
        sys.executable,
        "-m",
        "lianfang",
        "demo",
        "--folder",
        str(base),
        "--port",
        str(free_port()),
    ]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1", "SERVE": "1"}
    with (base / "server.log").open("w+") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=environment, start_new_session=True, text=True
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"http://localhost:\d+/enter\?link=\S+", line):
                    break
            else:
                log.seek(0)
                raise AssertionError(f"the demonstration did not start:\n{log.read()[-3000:]}")
            yield found.group(0)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def started(morning: Path, tmp_path: Path) -> Iterator[str]:
    """The one-time link of a demonstration of this test's own."""
    base = tmp_path / "demo"
    shutil.copytree(morning, base, ignore=shutil.ignore_patterns("truth", "lock"))
    with demonstration(base) as link:
        yield link


@pytest.fixture(scope="session")
def people(small_city: world.City) -> list[str]:
    """Names and phones of everybody in the city (names of three characters and more: shorter ones are words)."""
    import polars as pl

    truth = pl.read_parquet(small_city.path / "truth" / "persons.parquet", columns=["name", "phone"])
    names = [name for name in truth["name"].to_list() if name and len(name) >= 3]
    return names + [phone for phone in truth["phone"].to_list() if phone]


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def lianfang(tmp_path: Path) -> Run:
    """The command line as a process."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lianfang", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            cwd=tmp_path,
            timeout=120,
        )

    return run
