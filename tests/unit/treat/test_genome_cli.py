"""``lianfang treat genome``, ``oligos`` and ``clusters`` on good and on broken files."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import genomekit
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput

REFERENCE = genomekit.reference()
MADE = genomekit.with_changes(
    REFERENCE, "C241T", "A23403G", "C14408T", "C3037T", "G28881A", "G28882A", "G28883C"
)
TWO = f">made\n{MADE}\n>short\nACGT\n"


def run(*args: str, text: str | bytes = "") -> Any:
    return CliRunner().invoke(cli, ["treat", *args], input=text)


def test_a_report_in_words() -> None:
    done = run("genome", "-", text=TWO)
    assert done.exit_code == 0, done.output
    first, second = done.stdout.split("short\t")
    assert "made\tok" in first and "20B" in first and "S:D614G" in first
    assert "No lineage table is installed" in first and "未安装谱系表" in first
    assert "ChinaCDC_N_F doubtful 28881,28882,28883" in first
    assert second.startswith("too_short") and "过短" in second


def test_json_and_the_table(tmp_path: Path) -> None:
    source = tmp_path / "two.fasta.gz"
    source.write_bytes(gzip.compress(TWO.encode()))
    done = run("genome", str(source), "--json", "--tsv", str(tmp_path / "out.tsv"))
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == ["made", "short"]
    assert rows[0]["aa_substitutions"] == ["N:R203K", "N:G204R", "ORF1b:P314L", "S:D614G"] or set(
        rows[0]["aa_substitutions"]
    ) == {"N:R203K", "N:G204R", "ORF1b:P314L", "S:D614G"}
    table = list(csv.DictReader(io.StringIO((tmp_path / "out.tsv").read_text("utf-8")), delimiter="\t"))
    assert [row["errors"] for row in table] == ["", "too_short"]
    printed = run("genome", str(source), "--tsv", "-")
    assert printed.stdout == (tmp_path / "out.tsv").read_text("utf-8")


def test_oligos() -> None:
    done = run("oligos", "-", text=TWO)
    assert done.exit_code == 0
    assert "made\tChinaCDC_N_F\tdoubtful\t28881,28882,28883\t0" in done.stdout
    assert "short\t-\ttoo_short" in done.stdout
    found = json.loads(run("oligos", "-", "--all", "--json", text=TWO).stdout)
    assert len(found["oligos"]) == 36 and found["unread"] == [{"genome": "short", "status": "too_short"}]


def test_clusters_with_dates(tmp_path: Path) -> None:
    text = f">a\n{MADE}\n>b\n{MADE}\n>c\n{genomekit.with_changes(REFERENCE, 'C241T')}\n"
    assert run("clusters", "-", text=text).stdout == "1\t2\t0\t-\ta b\n"
    days = tmp_path / "days.csv"
    days.write_text("name,date\na,2020-02-01\nb,2020-05-01\n", "utf-8")
    assert "No cluster" in run("clusters", "-", "--dates", str(days), text=text).stdout
    found = json.loads(
        run("clusters", "-", "--dates", str(days), "--days", "200", "--json", text=text).stdout
    )
    assert (found[0]["names"], found[0]["first"]) == (["a", "b"], "2020-02-01")
    for bad, match in (
        ("name,date\na,1 February\n", "row 2, column date"),
        ("who,when\n", "columns name, date"),
        ("name,date\nz,2020-02-01\n", "does not hold"),
    ):
        days.write_text(bad, "utf-8")
        done = run("clusters", "-", "--dates", str(days), text=text)
        assert isinstance(done.exception, BadInput) and match in str(done.exception)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["genome", "-"], ""),
        (["genome", "-"], b"\x1f\x8bbroken"),
        (["genome", "missing.fasta"], ""),
        (["genome", "-", "--dataset", "nowhere"], TWO),
        (["genome", "-", "--lineages", "missing.tsv"], TWO),
        (["oligos", "-"], ""),
        (["clusters", "-", "--threshold", "-1"], TWO + TWO.replace("made", "again")),
        (["clusters", "-"], TWO + TWO),
    ],
)
def test_bad_input_is_refused_and_nothing_printed(args: list[str], text: str | bytes) -> None:
    done = run(*args, text=text)
    assert isinstance(done.exception, BadInput), done.output
    assert done.stdout == ""
