"""From a sequencer's reads to a consensus: mapped, primers trimmed, each place called by depth and share.

Reads are mapped with minimap2 (Li 2018, Bioinformatics 34:3094) through ``mappy`` and parsed by ``dnaio``, both in the
extra ``reads``. What does not map is not kept anywhere: a sample's reads hold the patient's own genome too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Fault
from lianfang.foundation.progress import Progress, silent
from lianfang.treat.genome import _codes
from lianfang.treat.genome.dataset import Dataset, load, read

if TYPE_CHECKING:
    import numpy as np

#: Bases of a file's reads, and of one read.
MOST_BASES, LONGEST = 50_000_000_000, 2_000_000
#: Reads of a mean length above this are taken for long ones, which are mapped and judged by other figures.
LONG = 600
#: Phred quality from which a base is seen: 20 as ivar has it (Grubaugh et al. 2019, Genome Biol 20:8), 10 for long.
SHORT_QUALITY, LONG_QUALITY = 20, 10
LEAST_MAPPED = 20
#: What sequencers write behind a sample's name on the first file of a pair.
_FIRST_OF_PAIR = re.compile(r"(_S\d+)?(_L\d{3})?_R?1(_001)?$")
_BED_NAME = re.compile(r"(?:_|\b)(LEFT|RIGHT)(?:_|\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Primer:
    """A primer's place: from 0, the end not in it, and whether it reads forward."""

    name: str
    start: int
    end: int
    forward: bool


@dataclass(frozen=True)
class Consensus:
    """What the reads of one sample say.

    ``sequence``: of the reference's length but for deletions and insertions; N where fewer than ``min_depth``
    fragments saw the place, an IUPAC letter where two or more bases hold ``min_share`` of them.
    ``mixed``: those places, ``(position from 1, shares of A, C, G, T)``. ``shallow``: stretches of N,
    ``(first, last)`` from 1. ``depth``: int32, one a place of the reference.
    """

    name: str
    sequence: str
    total: int
    mapped: int
    trimmed: int
    long: bool
    depth: np.ndarray = field(repr=False)
    mixed: tuple[tuple[int, tuple[float, float, float, float]], ...]
    shallow: tuple[tuple[int, int], ...]
    insertions: tuple[tuple[int, str], ...]

    @property
    def covered(self) -> float:
        """Share of the reference that was called."""
        hidden = sum(last - first + 1 for first, last in self.shallow)
        return 1 - hidden / len(self.depth)


def primers(raw: bytes, name: str, length: int) -> list[Primer]:
    """Primers of a BED file: reference, start, end, name, [score], strand; of the tiled schemes that laboratories use.

    Raises:
        BadInput: a row that is none, with its number; a place outside the reference; no primer at all.
    """
    found = []
    for row, line in enumerate(raw.decode("utf-8-sig", "replace").splitlines(), start=1):
        cells = line.rstrip().split("\t")
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        if len(cells) < 4 or not (cells[1].isdecimal() and cells[2].isdecimal()):
            raise BadInput(f"{name}: row {row}: BED has reference, start, end, name, score, strand, by tabs.")
        start, end = int(cells[1][:12]), int(cells[2][:12])
        if not 0 <= start < end <= length:
            raise BadInput(
                f"{name}: row {row}: {start}-{end} is no place on a reference of {length:,} bases."
            )
        strand = cells[5] if len(cells) > 5 and cells[5] in "+-" else ""
        side = _BED_NAME.search(cells[3])
        if not strand and side is None:
            raise BadInput(f"{name}: row {row}: neither a strand nor LEFT or RIGHT in the name.")
        forward = strand == "+" if strand else side is not None and side.group(1).upper() == "LEFT"
        found.append(Primer(cells[3], start, end, forward))
    if not found:
        raise BadInput(f"{name} holds no primer.")
    return found


def consensus(
    files: Sequence[Path | str],
    *,
    name: str = "",
    dataset: str = "sars-cov-2",
    primer_bed: Path | str | None = None,
    min_depth: int = 10,
    min_share: float = 0.25,
    min_quality: int | None = None,
    progress: Progress | None = None,
) -> Consensus:
    """The consensus of one sample's reads: one FASTQ file, or the two of a paired run; gzip or not.

    A read's end that lies in a primer was made by the primer, not by the virus, and is cut to the primer's inner edge.
    Mates that overlap count once, by the better base. min_depth counts fragments, min_share is 0 < s <= 0.5,
    min_quality is Phred, 20 for short and 10 for long reads unless given.

    Raises:
        BadInput: no FASTQ, with the line; pairs that do not go together; a figure out of range; no reads at all.
        Fault: the extra ``reads`` is not installed.
    """
    _within(min_depth, min_share, min_quality, files)
    mapper, parser = _extra()
    against = load(dataset)
    cut = (
        _Cut(primers(read(Path(primer_bed)), Path(primer_bed).name, len(against.reference)))
        if primer_bed
        else None
    )
    long = _are_long(parser, files)
    aligner = mapper.Aligner(seq=against.reference, preset="map-ont" if long else "sr", best_n=1)
    least = min_quality if min_quality is not None else LONG_QUALITY if long else SHORT_QUALITY
    piled = _Pile(against, cut, least)
    report = progress or silent
    for fragment in _fragments(parser, files):
        piled.add(aligner, fragment)
        if piled.total % 10_000 < len(fragment):
            report("reads", piled.total, 0)
    if not piled.total:
        raise BadInput("The file holds no reads.")
    return _called(piled, name or _sample(files), against, min_depth, min_share, long)


def _sample(files: Sequence[Path | str]) -> str:
    """The sample's name as the file bears it: ``S000123_S4_L001_R1_001.fastq.gz`` -> S000123."""
    stem = Path(files[0]).name.split(".")[0]
    return (_FIRST_OF_PAIR.sub("", stem) if len(files) == 2 else stem) or stem


def _within(min_depth: int, min_share: float, min_quality: int | None, files: Sequence[Path | str]) -> None:
    if len(files) not in (1, 2):
        raise BadInput("Give one FASTQ file, or the two of a paired run.")
    if len(files) == 2 and Path(files[0]) == Path(files[1]):
        raise BadInput("The two files of a pair are one and the same.")
    if isinstance(min_depth, bool) or not 1 <= min_depth <= 100_000:
        raise BadInput("The least depth is a whole number from 1 to 100,000.")
    if not 0 < min_share <= 0.5:
        raise BadInput("The share of a mixed site is above 0 and at most 0.5.")
    if min_quality is not None and not 0 <= min_quality <= 60:
        raise BadInput("The least quality is a whole number from 0 to 60.")


def available() -> bool:
    """Whether the extra is installed."""
    from importlib.util import find_spec

    return find_spec("mappy") is not None and find_spec("dnaio") is not None


def _extra() -> tuple[Any, Any]:
    if not available():
        raise Fault(
            "Reads need the extra reads, which is not installed.",
            hint="Install it: pip install 'lianfang[reads]'",
        )
    import dnaio
    import mappy

    return mappy, dnaio


def _are_long(parser: Any, files: Sequence[Path | str]) -> bool:
    lengths = [len(one[0].sequence) for one in islice(_fragments(parser, files[:1]), 1_000)]
    return bool(lengths) and sum(lengths) > LONG * len(lengths)


def _fragments(parser: Any, files: Sequence[Path | str]) -> Iterator[tuple[Any, ...]]:
    """One read, or two mates, at a time; bounded, strict, and with the file's own place in what is said of a fault."""
    opened: list[Any] = []
    seen = 0
    try:
        for file in files:
            if not Path(file).is_file():
                raise BadInput(f"There is no file {Path(file).name}.")
            opened.append(parser.open(Path(file), fileformat="fastq"))
        for at, fragment in enumerate(zip_longest(*opened), start=1):
            if any(one is None for one in fragment):
                raise BadInput(f"The files of the pair differ in length: one ends after read {at - 1:,}.")
            if len(fragment) == 2 and not fragment[0].is_mate(fragment[1]):
                raise BadInput(f"Read {at:,} of one file and of the other are no mates.")
            for one in fragment:
                seen += len(one.sequence)
                if len(one.sequence) > LONGEST or seen > MOST_BASES:
                    raise BadInput(
                        f"Read {at:,} is longer than {LONGEST:,} bases, or the file than {MOST_BASES:,}."
                    )
            yield fragment
    except BadInput:
        raise
    except (parser.FileFormatError, parser.UnknownFileFormat) as error:
        if getattr(error, "line", None) is None:
            raise BadInput("This is no FASTQ.") from None
        raise BadInput(f"This is no FASTQ: the read at line {error.line + 1} is broken.") from None
    except (OSError, EOFError, UnicodeDecodeError, ValueError):
        raise BadInput("A file of reads cannot be read, or ends in the middle.") from None
    finally:
        for file in opened:
            file.close()


class _Cut:
    """Where to cut a read whose end lies in a primer."""

    def __init__(self, scheme: Sequence[Primer]) -> None:
        self._left: dict[int, int] = {}
        self._right: dict[int, int] = {}
        for one in scheme:
            for place in range(one.start, one.end):
                if one.forward:
                    self._left[place] = max(self._left.get(place, 0), one.end)
                else:
                    self._right[place] = min(self._right.get(place, one.start), one.start)

    def __call__(self, low: int, high: int) -> tuple[int, int]:
        return self._left.get(low, low), self._right.get(high - 1, high)


class _Pile:
    """Counts of what each place shows, filled fragment by fragment."""

    def __init__(self, against: Dataset, cut: _Cut | None, least: int) -> None:
        import numpy as np

        from lianfang.treat.genome._pileup import KINDS

        size = len(against.reference)
        self.counts = np.zeros((size, KINDS), np.int32)
        self.inserted: Counter[tuple[int, str]] = Counter()
        self.total = self.mapped = self.trimmed = 0
        self._base, self._score = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
        self._cut, self._least = cut, least
        self._code = np.full(256, 255, np.uint8)
        for code, letter in enumerate(b"ACGT"):
            self._code[letter] = self._code[letter | 32] = code

    def add(self, aligner: Any, fragment: Sequence[Any]) -> None:
        from lianfang.treat.genome._pileup import count

        spans: list[tuple[int, int]] = []
        inserted: set[tuple[int, str]] = set()
        for one in fragment:
            self.total += 1
            hit = next((hit for hit in aligner.map(one.sequence) if hit.is_primary), None)
            if hit is None or hit.mapq < LEAST_MAPPED:
                continue
            self.mapped += 1
            spans.append(self._project(one, hit, inserted))
        if spans:
            count(
                min(low for low, _ in spans),
                max(high for _, high in spans),
                self._base,
                self._score,
                self.counts,
            )
            self.inserted.update(inserted)

    def _project(self, one: Any, hit: Any, inserted: set[tuple[int, str]]) -> tuple[int, int]:
        import numpy as np

        from lianfang.treat.genome._pileup import project

        codes = self._code[np.frombuffer(one.sequence.encode("ascii"), np.uint8)][hit.q_st : hit.q_en]
        # a character below Phred+33 is of no quality; it must not wrap round to the best
        phred = np.maximum(np.frombuffer(one.qualities.encode("ascii"), np.uint8), 33) - np.uint8(33)
        quality = phred[hit.q_st : hit.q_en]
        if hit.strand < 0:
            codes, quality = np.where(codes < 4, 3 - codes, codes)[::-1], quality[::-1]
        low, high = self._cut(hit.r_st, hit.r_en) if self._cut else (hit.r_st, hit.r_en)
        self.trimmed += (low, high) != (hit.r_st, hit.r_en)
        cigar = np.array(hit.cigar, np.int32)
        project(
            cigar, np.ascontiguousarray(codes), np.ascontiguousarray(quality), hit.r_st, low, high, self._least,
            self._base, self._score,
        )  # fmt: skip
        if (cigar[:, 1] == 1).any():
            inserted.update(self._insertions(hit, codes, quality, low, high))
        return hit.r_st, hit.r_en

    def _insertions(
        self, hit: Any, codes: np.ndarray, quality: np.ndarray, low: int, high: int
    ) -> Iterator[tuple[int, str]]:
        """(place from 1 after which it stands, bases) of insertions whose every base is seen."""
        at, here = hit.r_st, 0
        for length, operation in hit.cigar:
            if operation == 1:
                letters = codes[here : here + length]
                if (
                    low < at < high
                    and (letters < 4).all()
                    and (quality[here : here + length] >= self._least).all()
                ):
                    yield at, "".join("ACGT"[code] for code in letters)
            if operation in (0, 7, 8, 2, 3):
                at += length
            if operation in (0, 7, 8, 1):
                here += length


def _called(
    piled: _Pile, name: str, against: Dataset, min_depth: int, min_share: float, long: bool
) -> Consensus:
    import numpy as np

    from lianfang.treat.genome._pileup import called

    counts = piled.counts
    depth = counts.sum(axis=1)
    sets = called(counts, min_depth, min_share)
    bases = counts[:, :4].sum(axis=1)
    several = np.array([bin(code).count("1") > 1 and code != _codes.ANY for code in range(16)])
    mixed = tuple(
        (int(place) + 1, tuple(round(float(one / bases[place]), 3) for one in counts[place, :4]))
        for place in np.flatnonzero(several[sets])
    )
    # An insertion stands where more than half of the fragments over its place carry the same one.
    kept = {
        after: text
        for (after, text), seen in piled.inserted.items()
        if depth[after - 1] >= min_depth and 2 * seen > depth[after - 1]
    }
    letters = [_codes.LETTERS[code] if code else "" for code in sets.tolist()]
    for after, text in kept.items():
        letters[after - 1] += text
    return Consensus(
        name=name, sequence="".join(letters), total=piled.total, mapped=piled.mapped, trimmed=piled.trimmed,
        long=long, depth=depth.astype(np.int32), mixed=mixed,  # type: ignore[arg-type]
        shallow=tuple(_stretches(sets == _codes.ANY)), insertions=tuple(sorted(kept.items())),
    )  # fmt: skip


def _stretches(hidden: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first, last) from 1 of the runs of True."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate(([False], hidden, [False])).astype(np.int8)))
    for first, end in edges.reshape(-1, 2).tolist():
        yield first + 1, end
