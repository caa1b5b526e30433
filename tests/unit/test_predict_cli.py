"""``lianfang predict`` on good and on broken files."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, LianfangError, UsageError
from lianfang.predict import detection, reproduction
from lianfang.services import prediction

COUNTS = [3, 2, 4, 6, 5, 9, 12, 11, 20, 26, 24, 30, 41, 38]
PLAIN = "date,cases\n" + "".join(f"2020-01-{i + 10},{c}\n" for i, c in enumerate(COUNTS))
LIST = "token,onset,workplace,unexplained\n" + "".join(
    f"t{i},2020-01-{day:02d},{work},{flag}\n"
    for i, (day, work, flag) in enumerate(
        [
            (20, "城南市场", "true"),
            (22, "城南市场", "是"),
            (25, "城南市场", "1"),
            (24, "w2", "false"),
            (5, "w3", ""),
        ]
    )
)


def run(*args, text=""):
    return CliRunner().invoke(cli, ["predict", *args], input=text)


@pytest.mark.parametrize("name", ["reproduction", "rt"])
def test_rt_equals_the_engine(name):
    done = run(name, "-", "--serial-interval", "4.7", "2.9", "--json", text=PLAIN)
    assert done.exit_code == 0, done.output
    rows = json.loads(done.output)
    ours = reproduction.estimate(COUNTS, serial_interval=(4.7, 2.9))
    assert [row["mean"] for row in rows] == ours["mean"].to_list()
    assert rows[-1]["date"] == "2020-01-23"


def test_rt_from_weights_imported_cases_and_a_gb18030_file(tmp_path):
    file = tmp_path / "cases.csv"
    rows = "".join(f"{c},{min(c, 2)}\n" for c in COUNTS)
    file.write_bytes(("新增,imported\n" + rows).encode("gb18030"))
    done = run("rt", str(file), "--weights", "0,0.2,0.5,0.3", "--window", "3", "--json")
    assert done.exit_code == 0, done.output
    ours = reproduction.estimate(
        COUNTS, serial_interval=[0, 0.2, 0.5, 0.3], window=3, imported=[min(c, 2) for c in COUNTS]
    )
    assert [row["mean"] for row in json.loads(done.output)] == ours["mean"].to_list()


def test_detection_equals_the_engine():
    done = run("detection", "-", "--method", "ears_c1", "--last", "4", "--json", text=PLAIN)
    rows = json.loads(done.output)
    ours = detection.detect(COUNTS, method="ears_c1", points=[11, 12, 13, 14])
    assert [(row["bound"], row["alarm"]) for row in rows] == list(ours.select("bound", "alarm").iter_rows())


def test_clusters_prints_the_rule_and_the_scan():
    answer = json.loads(run("clusters", "-", "--json", text=LIST).output)
    assert [(row["value"], row["cases"]) for row in answer["alarms"]] == [("城南市场", 3)]
    assert answer["scan"][0]["value"] == "城南市场"
    assert "城南市场" in run("clusters", "-", text=LIST).output
    early = json.loads(run("clusters", "-", "--as-of", "2020-01-23", "--json", text=LIST).output)
    assert early["alarms"] == []


@pytest.mark.parametrize("command", [("rt", "-", "--serial-interval", "4.7", "2.9"), ("detection", "-")])
def test_tables_are_printed(command):
    done = run(*command, text=PLAIN)
    assert done.exit_code == 0
    assert "2020-01-23" in done.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no line of column names"),
        ("date,cases\n", "no rows"),
        ("date,cases\n2020-01-01,SECRET\n", "Line 2, column cases"),
        ("date,cases\n2020-01-01,1\n2020-01-02,-4\n", "Line 3, column cases"),
        ("date,cases\n2020-01-01,nan\n", "Line 2, column cases"),
        ("date,cases\n2020-01-01,1_000\n", "Line 2, column cases"),
        ("date,cases\n20 Jan,1\n", "Line 2, column date"),
        ("date,cases\n" + "2020-01-01,1\n" * 9, "Line 3, column date"),
        (PLAIN.replace("2020-01-15,9\n", ""), "Line 7, column date"),
        ("date,cases\n2020-01-01,1,2\n", "Line 2: 3 cells"),
        ("cases,cases\n1,2\n", "same name"),
        ('date,cases\n2020-01-01,"1\n', "broken CSV"),
        ("a,b\n1,2\n", "--column"),
        ("cases\n\x001\n", "NUL"),
        ("cases\n" + "9" * 200_000 + "\n", "broken CSV"),
    ],
)
def test_bad_rows_are_named_by_line_and_column_without_their_value(text, words):
    done = run("rt", "-", "--serial-interval", "4.7", "2.9", text=text)
    assert isinstance(done.exception, LianfangError)
    assert words in str(done.exception)
    assert "SECRET" not in str(done.exception)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LIST.replace("2020-01-22", "22.1."), "Line 3, column onset"),
        (LIST.replace("false", "perhaps"), "Line 5, column unexplained"),
        (LIST.replace("token", "name"), "'token'"),
    ],
)
def test_bad_line_lists(text, words):
    done = run("clusters", "-", text=text)
    assert isinstance(done.exception, BadInput)
    assert words in str(done.exception)


def test_usage():
    assert isinstance(run("rt", "-", text=PLAIN).exception, UsageError)
    both = run("rt", "-", "--weights", "0,1", "--serial-interval", "4", "2", text=PLAIN)
    assert isinstance(both.exception, UsageError)
    assert run("rt", "-", "--weights", "a,b", text=PLAIN).exit_code == 2
    assert isinstance(run("detection", "-", "--method", "farrington", text=PLAIN).exception, UsageError)
    assert isinstance(run("rt", "no-such-file.csv", "--weights", "0,1").exception, BadInput)


def test_a_file_too_large_is_refused():
    with pytest.raises(BadInput, match="larger"):
        prediction.sheet(b"1" * (prediction.MOST_BYTES + 1))
