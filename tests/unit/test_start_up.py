"""``lianfang --help`` starts cold in little time because it loads nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "polars",
    "sqlalchemy",
    "numba",
    "duckdb",
    "pydantic_settings",
    "numpy",
    "pyarrow",
    "fastapi",
    "alembic",
}
SCRIPT = """
import json, sys
from click.testing import CliRunner
from lianfang.cli import cli
result = CliRunner().invoke(cli, sys.argv[1:])
print(json.dumps([result.exit_code, sorted({name.partition('.')[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize("words", [["--help"], ["guard", "--help"], ["control", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    source = str(Path(__file__).parents[2] / "src")
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stdout)
    assert code == 0 and "click" in modules
    assert not HEAVY & set(modules)
