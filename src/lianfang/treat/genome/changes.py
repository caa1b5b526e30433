"""What differs between an aligned genome and its reference, as the field writes it: C241T, 21765-21770, 22204:GAG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lianfang.treat.genome import _codes

if TYPE_CHECKING:
    import numpy as np

    from lianfang.treat.genome.align import Alignment

Range = tuple[int, int]


@dataclass(frozen=True)
class Changes:
    """Positions count from 0, ranges are half open.

    ``substitutions``: (position, reference, base); ``deletions`` inside what was sequenced; ``insertions``: (bases of
    the reference before it, letters); ``missing``: runs of N; ``mixed``: (position, letter) of the other ambiguous
    bases.
    """

    substitutions: list[tuple[int, str, str]]
    deletions: list[Range]
    insertions: list[tuple[int, str]]
    missing: list[Range]
    mixed: list[tuple[int, str]]


def runs(positions: np.ndarray) -> list[Range]:
    """Sorted positions as half-open ranges."""
    import numpy as np

    if not len(positions):
        return []
    cuts = np.flatnonzero(np.diff(positions) > 1)
    starts = positions[np.concatenate(([0], cuts + 1))]
    ends = positions[np.concatenate((cuts, [len(positions) - 1]))] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def changes(alignment: Alignment, reference: np.ndarray) -> Changes:
    """All changes of one genome; ``reference`` are the codes of the reference."""
    import numpy as np

    codes = alignment.codes
    inside = np.zeros(len(codes), bool)
    inside[alignment.start : alignment.end] = True
    plain = _codes.plain(codes)
    differs = np.flatnonzero(plain & (codes != reference)).tolist()
    letters = _codes.LETTERS
    mixed = np.flatnonzero(~plain & (codes != _codes.ANY) & (codes != _codes.GAP)).tolist()
    return Changes(
        [(at, letters[reference[at]], letters[codes[at]]) for at in differs],
        runs(np.flatnonzero(inside & (codes == _codes.GAP))),
        [(at, _codes.decode(bases)) for at, bases in alignment.insertions],
        runs(np.flatnonzero(codes == _codes.ANY)),
        [(at, letters[codes[at]]) for at in mixed],
    )


def told(one: Range) -> str:
    """A range as people write it: from 1, inclusive, one number where it is one base."""
    return f"{one[0] + 1}" if one[1] == one[0] + 1 else f"{one[0] + 1}-{one[1]}"
