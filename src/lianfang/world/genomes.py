"""Genomes that a sequencer would find in the fictional city's samples: they mutate along who infected whom.

A simulator, and it says so in the file's first line. From the reference each transmission adds substitutions at a
clock of 8e-4 a site and year (Duchene et al. 2020, Virus Evol 6:veaa061), at sites drawn evenly; a sample's genome
lacks stretches as amplicons drop out. The same city gives the same bytes.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

#: Substitutions a day over the genome, and the ends that no change falls in.
RATE, ENDS = 8e-4 * 29_903 / 365, 300
#: The test whose positives are sequenced, as the centre's files name it.
TEST = "新型病原体核酸"
NOTICE = "; Simulated genomes of a fictional city. 虚构城市的模拟基因组，并非真实测序。"


def fasta(city: Path | str, day: date) -> str:
    """The genomes of the samples that tested positive on a day, as FASTA whose headers are sample numbers.

    Raises:
        BadInput: the folder is no built city, or the day is not one of its days.
    """
    folder = Path(city)
    source = folder / "centre" / day.isoformat() / "检测结果.csv"
    if not (folder / "truth" / "infections.parquet").is_file() or not source.is_file():
        raise BadInput(
            "There is no such day in a demonstration city here.",
            hint="Build one: lianfang world build --out DIR.",
        )
    with source.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["检测项目"] == TEST and row["结果"] == "阳性"]
    tree = Tree(folder)
    made = [NOTICE]
    for row in rows:
        person = tree.of_card(row["报告卡编号"])
        if person is not None:
            made.append(f">{row['样本编号']}")
            made += _lines(tree.genome(person, row["样本编号"]))
    return "\n".join(made) + "\n"


def _lines(sequence: str) -> list[str]:
    return [sequence[at : at + 80] for at in range(0, len(sequence), 80)]


class Tree:
    """Who infected whom in a built city, and the genome that each carried."""

    def __init__(self, folder: Path) -> None:
        import json

        import polars as pl

        self._seed = int(json.loads((folder / "manifest.json").read_text("utf-8"))["seed"])
        rows: pl.DataFrame = pl.read_parquet(folder / "truth" / "infections.parquet")
        self._rows: dict[int, dict[str, Any]] = {row["person"]: row for row in rows.iter_rows(named=True)}
        self._cards = {row["report_card"]: person for person, row in self._rows.items() if row["report_card"]}
        self._known: dict[int, dict[int, str]] = {}

    def of_card(self, card: str) -> int | None:
        """The infected person whom a report card is about, None for anybody else's."""
        return self._cards.get(card)

    def changes(self, person: int) -> dict[int, str]:
        """A person's consensus against the reference: site from 0 -> base."""
        chain = []
        while person not in self._known:
            chain.append(person)
            infector = self._rows[person]["infector"]
            if infector is None or infector not in self._rows:
                break
            person = infector
        for one in reversed(chain):
            self._known[one] = self._mutated(one)
        return self._known[chain[0] if chain else person]

    def _mutated(self, person: int) -> dict[int, str]:
        row = self._rows[person]
        before = self._rows.get(row["infector"]) if row["infector"] is not None else None
        made = dict(self._known[row["infector"]]) if before else {}
        days = (row["time"] - before["time"]).total_seconds() / 86400 if before else 0.0
        rng = self._rng(person)
        reference = _reference()
        for _ in range(int(rng.poisson(RATE * days))):
            site = int(rng.integers(ENDS, len(reference) - ENDS))
            made[site] = str(rng.choice([base for base in "ACGT" if base != made.get(site, reference[site])]))
        return made

    def genome(self, person: int, sample: str) -> str:
        """What a sequencer finds in a sample: the consensus, with the stretches that dropped out as N."""
        import numpy as np

        letters = list(_reference())
        for site, base in self.changes(person).items():
            letters[site] = base
        rng = np.random.default_rng([self._seed, 47, *sample.encode()])
        for _ in range(int(rng.poisson(1.5))):
            start, length = int(rng.integers(0, len(letters))), int(rng.integers(60, 400))
            letters[start : start + length] = "N" * len(letters[start : start + length])
        return "".join(letters)

    def _rng(self, person: int) -> np.random.Generator:
        import numpy as np

        return np.random.default_rng([self._seed, 43, person])


def _reference() -> str:
    from lianfang.treat.genome import load

    return load("sars-cov-2").reference
