"""The simulated genomes follow who infected whom, say that they are simulated, and are the same each time."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from lianfang.cli import cli
from lianfang.foundation.errors import BadInput
from lianfang.treat import genome
from lianfang.treat.folding import fasta as read_fasta
from lianfang.world import City, genomes
from lianfang.world.genomes import Tree


def days_with_positives(folder: Path) -> list[date]:
    found = []
    for source in sorted((folder / "centre").glob("*/检测结果.csv")):
        with source.open(encoding="utf-8-sig", newline="") as stream:
            if any(
                row["检测项目"] == genomes.TEST and row["结果"] == "阳性" for row in csv.DictReader(stream)
            ):
                found.append(date.fromisoformat(source.parent.name))
    return found


def test_they_differ_as_the_transmissions_lie_apart(small_city: City) -> None:
    tree = Tree(small_city.path)
    rows = pl.read_parquet(small_city.path / "truth" / "infections.parquet")
    times = dict(zip(rows["person"].to_list(), rows["time"].to_list(), strict=True))
    gained, days = [], []
    for person, infector in rows.select("person", "infector").iter_rows():
        if infector is None or infector not in times:
            continue
        mine, theirs = tree.changes(person), tree.changes(infector)
        gained.append(sum(mine.get(site) != theirs.get(site) for site in set(mine) | set(theirs)))
        days.append((times[person] - times[infector]).total_seconds() / 86400)
    assert len(gained) > 30
    expected = genomes.RATE * sum(days)
    assert abs(sum(gained) - expected) < 4 * np.sqrt(expected)  # Poisson


def test_a_days_samples(small_city: City) -> None:
    day = days_with_positives(small_city.path)[0]
    text = genomes.fasta(small_city.path, day)
    assert text.startswith("; Simulated") and "模拟" in text.splitlines()[0]
    assert genomes.fasta(small_city.path, day) == text
    records = list(read_fasta(text.encode()))
    assert records and all(name.startswith("S") for name, _ in records)
    tree = Tree(small_city.path)
    with (small_city.path / "centre" / day.isoformat() / "检测结果.csv").open(
        encoding="utf-8-sig", newline=""
    ) as stream:
        card = {row["样本编号"]: row["报告卡编号"] for row in csv.DictReader(stream)}
    for report in genome.analyse(records):
        person = tree.of_card(card[report.name])
        assert person is not None
        reference = genome.load().reference
        wanted = {site: base for site, base in tree.changes(person).items() if base != reference[site]}
        hidden = {at for one in report.missing for at in range(*_span(one))}
        seen = {int(one[1:-1]) - 1: one[-1] for one in report.substitutions}
        assert seen == {site: base for site, base in wanted.items() if site not in hidden}


def _span(told: str) -> tuple[int, int]:
    low, _, high = told.partition("-")
    return int(low) - 1, int(high or low)


def test_on_the_command_line(small_city: City, tmp_path: Path) -> None:
    day = days_with_positives(small_city.path)[0]
    done = CliRunner().invoke(cli, ["world", "genomes", str(small_city.path), "--day", day.isoformat()])
    assert done.exit_code == 0 and done.stdout == genomes.fasta(small_city.path, day)
    for folder, when in ((tmp_path, day), (small_city.path, date(1999, 1, 1))):
        with pytest.raises(BadInput):
            genomes.fasta(folder, when)
