"""Where the real data for tests lie. They are not part of the repository: tests skip without them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_data(*parts: str) -> Path:
    """Path of a shared data file, or a skip that names it."""
    base = Path(os.environ.get("LIANFANG_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs the shared data file {'/'.join(parts)}, which is not part of the repository")
    return path
