"""Write the table of Turner 2004 energies that the folding engine reads.

    python scripts/make_turner2004.py turner2004.par [src/lianfang/treat/folding/turner2004.npz]

The figures are those of the nearest neighbour database (Turner & Mathews 2010, Nucleic Acids Res. 38:D280), at 37 °C;
they are read from a parameter file in the "RNAfold 2.0" text form, as ``RNA.params_save()`` writes it. Only free
energies are kept. What an unknown base (N) costs is not in the database: it takes the dearest of the bases it may be,
as the file has it where it lists N, and by the same rule for the 2x2 loops where it does not.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

PAIRS, BASES, FORBIDDEN = 7, 5, 10_000_000  # CG GC GU UG AU UA and one unknown; N A C G U
SPECIAL = {"INF": FORBIDDEN, "DEF": -50}
SHAPES = {
    "stack": (PAIRS, PAIRS),
    "mismatch_hairpin": (PAIRS, BASES, BASES),
    "mismatch_internal": (PAIRS, BASES, BASES),
    "mismatch_internal_1n": (PAIRS, BASES, BASES),
    "mismatch_internal_23": (PAIRS, BASES, BASES),
    "mismatch_multi": (PAIRS, BASES, BASES),
    "mismatch_exterior": (PAIRS, BASES, BASES),
    "dangle5": (PAIRS, BASES),
    "dangle3": (PAIRS, BASES),
    "int11": (PAIRS, PAIRS, BASES, BASES),
    "int21": (PAIRS, PAIRS, BASES, BASES, BASES),
    "int22": (PAIRS - 1, PAIRS - 1, 4, 4, 4, 4),
    "hairpin": (31,),
    "bulge": (31,),
    "internal": (31,),
}


def sections(text: str) -> dict[str, list[str]]:
    """Name of a section -> its words, comments removed."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    found: dict[str, list[str]] = {}
    for block in re.split(r"^# ", text, flags=re.M)[1:]:
        name, _, body = block.partition("\n")
        found[name.strip()] = body.split()
    return found


def table(words: list[str], shape: tuple[int, ...]) -> np.ndarray:
    values = [SPECIAL[word] if word in SPECIAL else int(word) for word in words]
    return np.array(values, dtype=np.int32).reshape(shape)


def _with_unknown(int22: np.ndarray) -> np.ndarray:
    """2x2 loops with N: the dearest of the bases it may be; pairs of unknown kind: the dearest of the pairs."""
    full = np.zeros((PAIRS, PAIRS, BASES, BASES, BASES, BASES), dtype=np.int32)
    full[:6, :6, 1:, 1:, 1:, 1:] = int22
    for axis in range(2, 6):
        rest = [slice(None)] * 6
        rest[axis] = slice(1, None)
        first = [slice(None)] * 6
        first[axis] = 0
        full[tuple(first)] = full[tuple(rest)].max(axis=axis)
    full[6] = full[:6].max(axis=0)
    full[:, 6] = full[:, :6].max(axis=1)
    return full


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays that the engine loads, in hundredths of a kcal/mol."""
    found = sections(path.read_text(encoding="ascii"))
    arrays = {name: table(found[name], shape) for name, shape in SHAPES.items()}
    arrays["int22"] = _with_unknown(arrays["int22"])
    for name in ("mismatch_multi", "mismatch_exterior", "dangle5", "dangle3"):
        arrays[name] = np.minimum(arrays[name], 0)  # a dangling base never costs
    multi, ninio, misc = found["ML_params"], found["NINIO"], found["Misc"]
    assert int(multi[0]) == 0, "the engine takes unpaired bases in multiloops to be free"
    # closing, per branch, asymmetry of interior loops per base and at most, end on AU or GU
    arrays["scalars"] = np.array(
        [int(multi[2]), int(multi[4]), int(ninio[0]), int(ninio[2]), int(misc[2])], dtype=np.int32
    )
    arrays["lxc"] = np.array([float(misc[4])])
    special = [
        (words[k], int(words[k + 1]))
        for name in ("Triloops", "Tetraloops", "Hexaloops")
        for words in [found[name]]
        for k in range(0, len(words), 3)
    ]
    arrays["special_loops"] = np.array([name for name, _ in special])
    arrays["special_energies"] = np.array([energy for _, energy in special], dtype=np.int32)
    return {
        name: array.astype(np.int16) if array.dtype == np.int32 and abs(array).max() < 2**15 else array
        for name, array in arrays.items()
    }


def main() -> None:
    source = Path(sys.argv[1])
    default = Path(__file__).resolve().parents[1] / "src/lianfang/treat/folding/turner2004.npz"
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else default
    arrays = read(source)
    np.savez_compressed(target, **arrays)
    print(f"{target.name}: {len(arrays)} arrays, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
