"""Folds as other programs read them: dot-bracket, CT, BPSEQ."""

from __future__ import annotations

from lianfang.treat.folding.engine import Fold
from lianfang.treat.folding.sequences import partners

FORMATS = ("dot-bracket", "ct", "bpseq")


def dot_bracket(fold: Fold) -> str:
    """Three lines: name, sequence, structure with its energy (ViennaRNA's form)."""
    return f">{fold.name or 'unnamed'}\n{fold.sequence}\n{fold.structure} ({fold.energy:.2f})\n"


def ct(fold: Fold) -> str:
    """Connectivity table (mfold, RNAstructure): number, base, before, after, partner or 0, number."""
    n = len(fold.sequence)
    lines = [f"{n} ENERGY = {fold.energy:.2f} {fold.name or 'unnamed'}"]
    for i, (base, j) in enumerate(
        zip(fold.sequence, partners(fold.structure).tolist(), strict=True), start=1
    ):
        lines.append(f"{i} {base} {i - 1} {(i + 1) % (n + 1)} {j + 1} {i}")
    return "\n".join(lines) + "\n"


def bpseq(fold: Fold) -> str:
    """Number, base, partner or 0."""
    rows = zip(fold.sequence, partners(fold.structure).tolist(), strict=True)
    return f"# {fold.name or 'unnamed'}\n" + "".join(
        f"{i} {base} {j + 1}\n" for i, (base, j) in enumerate(rows, start=1)
    )
