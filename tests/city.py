"""The small demonstration city, built once for all test processes and kept for the next run.

``small_city`` (read only!): 3,000 persons, 36 days, seed 24; its cluster alarm is ``small_city.alarm``. A
test that changes files takes a copy.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from lianfang import world

PERSONS, DAYS, SEED = 3_000, 36, 24


def _source_hash() -> str:
    package = Path(world.__file__).parent
    sources = [
        *package.glob("*.py"),
        *(package.parent / "predict" / "simulation").glob("*.py"),
        Path(__file__),
    ]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def small_city() -> world.City:
    """The city; whoever comes first builds it under a lock, the others open it."""
    base = Path(tempfile.gettempdir()) / f"lianfang-test-cities-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    home = base / f"{PERSONS}-{DAYS}-{SEED}-{_source_hash()}"
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if home.exists() and world.City.open(home).damaged():
            shutil.rmtree(home)
        if not home.exists():
            for old in base.iterdir():  # of sources long changed; a younger one may be another run's
                if old.is_dir() and time.time() - old.stat().st_mtime > 2 * 86400:
                    shutil.rmtree(old, ignore_errors=True)
            world.build(home, persons=PERSONS, days=DAYS, seed=SEED)
    return world.City.open(home)
