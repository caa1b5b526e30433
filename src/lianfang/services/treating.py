"""The engines of diagnosis for one case at the desk: nothing of what is given is kept, and nobody is named.

Folding is ``services.folding``.
Long work is the command line's: a page answers within seconds, so sequences are bounded here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.services.gate import require
from lianfang.services.installation import Installation, Who

#: Bases that are read as a genome on a page.
MOST_READ = 60_000


def read_genome(inst: Installation, who: Who, text: str) -> dict[str, Any]:
    """One genome's report as ``lianfang.treat.genome`` gives it.

    Raises:
        BadInput: no sequence, more than one, or a longer one than MOST_READ.
    """
    from lianfang.treat import genome

    require(who, "treat.use")
    _, sequence = _one(text, MOST_READ)
    table = inst.settings.lineage_table or None
    found = genome.analyse(
        [("pasted", sequence)], dataset=inst.settings.genome_dataset, lineage_table=table, workers=1
    )
    made = asdict(found[0])
    for row, one in zip(made["oligos"], found[0].oligos, strict=True):
        row["new"] = one.new
    return made


def classify(
    inst: Installation,
    who: Who,
    yes: Sequence[str],
    no: Sequence[str],
    numbers: Mapping[str, float],
    edition: str,
) -> dict[str, Any]:
    """One person's findings against an edition, without the person: a Classification as a mapping.

    Raises:
        BadInput: a name that is no finding, or one that is both yes and no. NotFound: no such edition.
    """
    from lianfang.treat import casedef

    require(who, "treat.use")
    both = sorted(set(yes) & set(no))
    if both:
        raise BadInput(f"{both[0]} is marked yes and no.", hint="Mark one of the two, or neither.")
    findings: dict[str, Any] = {**dict.fromkeys(yes, True), **dict.fromkeys(no, False), **numbers}
    return asdict(casedef.classify(findings, edition=edition))


def _one(text: str, most: int) -> tuple[str, str]:
    from lianfang.treat.folding import fasta

    records = list(fasta(text.encode("utf-8", "replace")))
    if len(records) != 1:
        raise BadInput("Give one sequence.", hint="For a file of several use the command line.")
    name, sequence = records[0]
    if len(sequence) > most:
        raise BadInput(
            f"The sequence has {len(sequence):,} letters; this page takes {most:,}.",
            hint="Longer ones are for the command line: lianfang treat genome.",
        )
    return name, sequence
