"""Folding and evaluating: what the compiled loops do, for sequences as text."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput, Fault
from lianfang.foundation.progress import Progress, silent
from lianfang.treat.folding.sequences import brackets, check_beam, clean, encode, partners

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Fold:
    """A sequence as it was read (upper case, U), its structure in dot-bracket and its energy in kcal/mol at 37 °C."""

    sequence: str
    structure: str
    energy: float
    name: str = ""


def fold(sequence: str, *, beam: int = 100, constraint: str | None = None, name: str = "") -> Fold:
    """The structure of least energy that a beam search finds, in time and memory linear in the length.

    Turner 2004 energies with dangling ends on both sides; search of Huang et al. 2019 (Bioinformatics 35:i295), so the
    energy is near the least there is, not always equal to it: a larger ``beam`` comes nearer and takes longer.

    Args:
        sequence: A C G U or T, either case; ambiguous letters pair with nothing. At most 100,000 bases.
        beam: pieces kept for each last base and kind, 1 to 2,000.
        constraint: as long as the sequence: ``.`` free, ``x`` unpaired, ``( )`` a pair that must form.

    Raises:
        BadInput: a letter that is no base, an empty or too long sequence, a constraint that cannot hold.
    """
    text = clean(sequence)
    check_beam(beam, len(text))
    from lianfang.treat.folding import _energy, _kernels, _trace

    bases = encode(text)
    able, only = _constrained(bases, constraint)
    beams, best = _kernels.search(bases, able, only, beam)
    partner = _trace.trace(bases, only, beams, best)
    if partner[0] == -2:
        raise Fault("The way back through the folding search was lost.", hint="Please report the sequence.")
    wanted = only >= 0
    if (partner[wanted] != only[wanted]).any():
        raise BadInput(
            "A pair of the constraint does not form: too few pieces were kept, or nothing can hold it.",
            hint="Try a larger beam.",
        )
    energy = _energy.structure_energy(bases, partner)
    return Fold(text, brackets(partner), round(int(energy) / 100, 2), name)


def fold_many(
    sequences: Iterable[str | tuple[str, str]],
    *,
    beam: int = 100,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Fold]:
    """Each sequence folded, in their order, on all cores; a tuple is (name, sequence).

    Raises:
        BadInput: as :func:`fold`, with the number of the sequence; nothing is folded then.
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    named = [("", item) if isinstance(item, str) else item for item in sequences]
    for number, (_, sequence) in enumerate(named, start=1):
        try:
            check_beam(beam, len(clean(sequence)))
        except BadInput as error:
            raise BadInput(f"Sequence {number}: {error.message}", hint=error.hint) from None
    report = progress or silent
    report("folding", 0, len(named))
    if not named:
        return []
    fold("GGGAAACCC", beam=beam)  # compiled once, before the threads ask for it
    found: dict[int, Fold] = {}
    with ThreadPoolExecutor(max_workers=max(1, workers or os.cpu_count() or 1)) as threads:
        longest_first = sorted(range(len(named)), key=lambda k: -len(named[k][1]))
        jobs = {threads.submit(fold, named[k][1], beam=beam, name=named[k][0]): k for k in longest_first}
        for done, job in enumerate(as_completed(jobs), start=1):
            found[jobs[job]] = job.result()
            report("folding", done, len(named))
    return [found[k] for k in range(len(named))]


def evaluate(sequence: str, structure: str) -> float:
    """Energy of a given structure (dot-bracket, no crossing pairs), kcal/mol; equal to ViennaRNA's with dangles 2."""
    text = clean(sequence)
    if len(structure) != len(text):
        raise BadInput(f"The structure has {len(structure):,} signs, the sequence {len(text):,} bases.")
    partner = partners(structure)
    from lianfang.treat.folding import _energy

    bases = encode(text)
    _check_pairs(bases, partner)
    return round(int(_energy.structure_energy(bases, partner)) / 100, 2)


def _check_pairs(bases: np.ndarray, partner: np.ndarray) -> None:
    """BadInput when a pair is none of CG, GC, GU, UG, AU, UA or closes fewer than three bases."""
    import numpy as np

    from lianfang.treat.folding._energy import PAIR

    first = np.flatnonzero(partner > np.arange(partner.size))
    bad = (PAIR[bases[first], bases[partner[first]]] < 0) | (partner[first] - first < 4)
    if bad.any():
        i = int(first[bad][0])
        raise BadInput(
            f"Bases {i + 1} and {int(partner[i]) + 1} cannot pair: only AU, CG and GU, four apart or more."
        )


def _constrained(bases: np.ndarray, constraint: str | None) -> tuple[np.ndarray, np.ndarray]:
    """(the bases as far as they may pair, the one partner that each may have or -1)."""
    import numpy as np

    only = np.full(bases.size, -1, np.int32)
    if constraint is None:
        return bases, only
    if len(constraint) != bases.size:
        raise BadInput(f"The constraint has {len(constraint):,} signs, the sequence {bases.size:,} bases.")
    only = partners(constraint, rest=".x")
    _check_pairs(bases, only)
    able = bases.copy()
    able[np.frombuffer(constraint.encode(), np.uint8) == ord("x")] = 0
    return able, only
