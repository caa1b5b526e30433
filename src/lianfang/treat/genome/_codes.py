"""Bases as sets of bits: A 1, C 2, G 4, T 8; an ambiguous letter is the union of what it may be, a gap is 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

GAP, ANY = 0, 15
#: IUPAC-IUB (Cornish-Bowden 1985), U as T; the letter of each code in order.
LETTERS = "-ACMGRSVTWYHKDBN"
_CODES = {letter: code for code, letter in enumerate(LETTERS)} | {"U": 8, "X": 15}
#: The complement of a set of bases: A and T change places, and C and G.
COMPLEMENT = bytes(
    (code & 1) << 3 | (code & 2) << 1 | (code & 4) >> 1 | (code & 8) >> 3 for code in range(16)
)

_PLAIN = bytes(code in (1, 2, 4, 8) for code in range(256))

#: The standard code (NCBI table 1), codons in the order T C A G of each place.
_AMINO = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
CODONS = {
    a + b + c: _AMINO[16 * i + 4 * j + k]
    for i, a in enumerate("TCAG")
    for j, b in enumerate("TCAG")
    for k, c in enumerate("TCAG")
}


def table() -> np.ndarray:
    """From an ASCII byte (either case) to its code; 255 for what is no letter of IUPAC."""
    import numpy as np

    made = np.full(256, 255, np.uint8)
    for letter, code in _CODES.items():
        made[ord(letter)] = made[ord(letter.lower())] = code
    return made


def plain(codes: np.ndarray) -> np.ndarray:
    """Which codes are one of A, C, G, T."""
    import numpy as np

    found: np.ndarray = np.frombuffer(_PLAIN, np.bool_)[codes]
    return found


def encode(text: str) -> np.ndarray:
    """Codes of a text, uint8, 255 where it is no base. Text beyond ASCII is 255 too."""
    import numpy as np

    return table()[np.frombuffer(text.encode("ascii", "replace"), np.uint8)]


def decode(codes: np.ndarray) -> str:
    """The letters of codes."""
    import numpy as np

    letters = np.frombuffer(LETTERS.encode("ascii"), np.uint8)
    return bytes(letters[codes]).decode("ascii")


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """The other strand, read from its 5' end."""
    import numpy as np

    turned: np.ndarray = np.frombuffer(COMPLEMENT, np.uint8)[codes][::-1].copy()
    return turned


def triplets() -> np.ndarray:
    """The amino acid (ASCII) of three codes, [16, 16, 16]: X where it is not one of the 64 codons, - for three gaps."""
    import numpy as np

    made = np.full((16, 16, 16), ord("X"), np.uint8)
    made[0, 0, 0] = ord("-")
    for codon, amino in CODONS.items():
        made[tuple(_CODES[base] for base in codon)] = ord(amino)
    return made
