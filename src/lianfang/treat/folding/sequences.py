"""Sequences and structures as people write them, to numbers and back, within bounds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

MOST_BASES = 100_000  # of one sequence
MOST_BEAM = 2_000
MOST_STATES = 30_000_000  # bases times beam: 24 bytes each
MOST_BYTES = 64 * 1024 * 1024  # of a file, unpacked
LETTERS = "NACGU"
IUPAC = "RYSWKMBDHVNX"  # ambiguous: they pair with nothing


def clean(sequence: str) -> str:
    """Upper case, T as U, ambiguous letters as N, white space dropped; BadInput for anything else."""
    if not isinstance(sequence, str):
        raise BadInput("A sequence is text: the letters A, C, G, U or T.")
    text = "".join(sequence.split()).upper().replace("T", "U")
    if not text:
        raise BadInput("The sequence is empty.", hint="Give at least one base.")
    if len(text) > MOST_BASES:
        raise BadInput(f"The sequence has {len(text):,} bases; at most {MOST_BASES:,} are folded.")
    text = text.translate(str.maketrans(IUPAC, "N" * len(IUPAC)))
    for at, letter in enumerate(text, start=1):
        if letter not in LETTERS:
            raise BadInput(
                f"Position {at} of the sequence is no base.",
                hint="Allowed are A, C, G, U, T and the ambiguous letters of IUPAC; gaps are taken out first.",
            )
    return text


def encode(text: str) -> np.ndarray:
    """Cleaned text as N A C G U = 0..4."""
    import numpy as np

    table = np.zeros(256, np.int8)
    for number, letter in enumerate(LETTERS):
        table[ord(letter)] = number
    return table[np.frombuffer(text.encode("ascii"), np.uint8)]


def check_beam(beam: int, bases: int) -> int:
    """The beam, if it is a whole number within bounds."""
    if isinstance(beam, bool) or not isinstance(beam, int) or not 1 <= beam <= MOST_BEAM:
        raise BadInput(f"The beam is a whole number from 1 to {MOST_BEAM:,}.")
    if beam * bases > MOST_STATES:
        raise BadInput(
            f"{bases:,} bases with a beam of {beam:,} take too much memory.",
            hint=f"At most {MOST_STATES // bases:,} for this sequence.",
        )
    return beam


def partners(structure: str, opening: str = "(", closing: str = ")", rest: str = ".") -> np.ndarray:
    """Dot-bracket to the partner of each base, -1 for none."""
    import numpy as np

    partner = np.full(len(structure), -1, np.int32)
    open_at: list[int] = []
    for at, sign in enumerate(structure):
        if sign == opening:
            open_at.append(at)
        elif sign == closing:
            if not open_at:
                raise BadInput(f"The bracket at position {at + 1} closes nothing.")
            partner[at] = open_at.pop()
            partner[partner[at]] = at
        elif sign not in rest:
            raise BadInput(f"Position {at + 1} of the structure is none of ( ) {rest}.")
    if open_at:
        raise BadInput(f"The bracket at position {open_at[-1] + 1} is never closed.")
    return partner


def brackets(partner: np.ndarray) -> str:
    """The partner of each base to dot-bracket."""
    return "".join("." if j < 0 else "(" if j > i else ")" for i, j in enumerate(partner.tolist()))


def _lines(raw: bytes, most: int) -> list[str]:
    """The lines of a text that may be packed with gzip."""
    if raw[:2] == b"\x1f\x8b":
        try:
            unpacking = zlib.decompressobj(wbits=31)
            raw = unpacking.decompress(raw, most + 1)
            cut_short = not unpacking.eof and len(raw) <= most
            if unpacking.eof and unpacking.unused_data:  # packed in several parts, as bgzip does
                raw += gzip.decompress(unpacking.unused_data) if len(raw) <= most else b""
        except (zlib.error, OSError, EOFError):
            raise BadInput("The file cannot be unpacked: it is no gzip, or broken.") from None
        if cut_short:
            raise BadInput("The file cannot be unpacked: its end is missing.")
    if len(raw) > most:
        raise BadInput(f"The file is larger than {most // 1024**2} MiB unpacked.")
    try:
        return raw.decode("ascii").splitlines()
    except UnicodeDecodeError:
        return raw.decode("utf-8", errors="replace").splitlines()


def headers(raw: bytes, most: int = MOST_BYTES) -> Iterator[str]:
    """The whole header of each record of FASTA, without the sign; errors as ``fasta``."""
    for line in _lines(raw, most):
        if line.startswith(">"):
            yield line[1:].strip()


def fasta(raw: bytes, most: int = MOST_BYTES) -> Iterator[tuple[str, str]]:
    """(name, sequence) of each record of FASTA, packed with gzip or not; text without a header is one record.

    BadInput for a gzip that is broken and for more than ``most`` bytes unpacked.
    """
    name, parts = "", list[str]()
    for line in _lines(raw, most):
        if line.startswith(">"):
            if name or parts:
                yield name, "".join(parts)
            words = line[1:].split()
            name, parts = words[0] if words else "unnamed", []
        elif not line.startswith(";"):
            parts.append(line.strip())
    if name or parts:
        yield name or "unnamed", "".join(parts)
