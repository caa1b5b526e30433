"""The door of tracing: files in, rows out, exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from click.testing import CliRunner

from lianfang.cli import cli
from lianfang.control.tracing import reading
from lianfang.foundation.errors import BadInput

PINGS = "token,time,lat,lon\n" + "".join(
    f"{token},2026-01-05T08:{10 * k:02d}:00Z,30.0,114.{9 if token != '009' else 8}\n"
    for token in ("007", "008", "009")
    for k in range(3)
)
ARGS = ["--start", "2026-01-05", "--end", "2026-01-06"]


def run(*args, text=None):
    return CliRunner().invoke(cli, ["control", "tracing", *args], input=text, catch_exceptions=True)


def test_contacts_from_a_file_and_from_standard_input(tmp_path):
    path = tmp_path / "pings.csv"
    path.write_text(PINGS)
    shown = run("contacts", str(path), "--token", "007", *ARGS)
    assert shown.exit_code == 0 and "007,008" in shown.stdout and "009" not in shown.stdout
    assert "30 minutes together" in shown.stdout
    chinese = run("contacts", "-", "--token", "007", *ARGS, "--lang", "zh", text=PINGS)
    assert "累计30分钟" in chinese.stdout
    rows = json.loads(run("contacts", "-", "--token", "007", *ARGS, "--json", text=PINGS).stdout)
    assert [(r["index"], r["contact"], r["slots"]) for r in rows] == [("007", "008", 3)]
    reading.read(path).write_parquet(tmp_path / "pings.parquet")
    again = json.loads(
        run("contacts", str(tmp_path / "pings.parquet"), "--token", "007", *ARGS, "--json").stdout
    )
    assert again == rows


def test_the_other_commands():
    stays = "token,place,kind,start,end,room\na,H,hotel,2026-01-05,2026-01-05T09:00,1\n"
    stays += "b,H,hotel,2026-01-05,2026-01-06,1\n"
    got = run("co-presence", "-", "--token", "a", *ARGS, "--json", text=stays)
    assert json.loads(got.stdout)[0]["reason"] == ["same_room?minutes=540"]
    got = run("proximity", "-", "--minutes", "1", text="t,i,j\n20,1,2\n40,2,1\n60,1,2\n")
    assert "1,2,1.000,3" in got.stdout
    got = run("infectors", "-", "--json", text="case,onset\na,2026-01-01\nb,2026-01-05\n")
    assert [r["candidate"] for r in json.loads(got.stdout)] == [None, "a"]
    got = run("rank", "-", "--json", text="index,contact,score,reason\na,b,0.9,same_room?minutes=540\n")
    assert json.loads(got.stdout)[0]["level"] == "high"


def test_index_persons_must_be_given():
    assert "--token" in run("contacts", "-", *ARGS, text=PINGS).output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"token,time,lat,lon\na,yesterday,1,2\n", "row 1, column time"),
        (b"token,time,lat,lon\na,2026-01-05,1,2\nb,2026-01-05,one,2\n", "row 2, column lat"),
        (b"token,time\n\xff\xfe,1\n", "not a readable"),
        (b"PAR1nonsense", "not a readable"),
    ],
)
def test_unreadable_tables(text, message):
    with pytest.raises(BadInput, match=message) as caught:
        reading.read(text)
    assert "yesterday" not in str(caught.value)


def test_times_in_all_their_forms():
    text = "token,time\na,2026-01-05T08:00:00+08:00\nb,2026-01-05\nc,2026-01-05 00:00\nd,2026-01-05T00:00:00.000Z\n"
    assert reading.read(text.encode())["time"].unique().to_list() == [datetime(2026, 1, 5, tzinfo=UTC)]
    assert reading.read(b"t,i,j\n20,1,2\n")["t"].dtype == pl.Int64
