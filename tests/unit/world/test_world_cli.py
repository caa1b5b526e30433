"""``lianfang world``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lianfang import world
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, Conflict


def test_build_and_describe(tmp_path: Path, small_city: world.City) -> None:
    out = tmp_path / "city"
    call = ["world", "build", "--persons", "2000", "--days", "3", "--seed", "7", "--out", str(out), "--json"]
    built = CliRunner().invoke(cli, call, catch_exceptions=False)
    facts = json.loads(built.stdout)
    assert facts["persons"] == 2000 and facts["days"] == 3 and facts["alarm"] is None
    again = CliRunner().invoke(
        cli, ["world", "describe", str(out), "--check", "--json"], catch_exceptions=False
    )
    assert json.loads(again.stdout) == facts
    said = CliRunner().invoke(cli, ["world", "describe", str(small_city.path)], catch_exceptions=False)
    assert small_city.manifest["story"]["alarm"] in said.stdout
    with pytest.raises(Conflict):
        CliRunner().invoke(cli, call, catch_exceptions=False)
    (out / "places.csv").write_text("changed")
    with pytest.raises(BadInput, match="1 files are missing"):
        CliRunner().invoke(cli, ["world", "describe", str(out), "--check"], catch_exceptions=False)
