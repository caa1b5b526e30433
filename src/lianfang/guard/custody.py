"""Custody of numbered paper: serial numbers with a check digit, and what became of each sheet. Pure.

A serial reads ``260129001-0007-4``: the batch (9 digits), the sheet (4 digits), and a check digit over both by
Damm's quasigroup (H. M. Damm, Total anti-symmetrische Quasigruppen, Marburg 2004), which finds every single wrong
digit and every two neighbours that were swapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lianfang.foundation.errors import BadInput, Conflict

#: Most sheets of one batch, and most characters in which sheets are named.
MOST_SHEETS = 2000
MOST_TEXT = 8000
_TABLE = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip
_SERIAL = re.compile(r"(\d{9})-(\d{4})-(\d)\Z", re.ASCII)
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?\Z", re.ASCII)

#: What a move makes of a sheet, from which states. A sheet that was lost may be found and returned.
MOVES: dict[str, tuple[frozenset[str], str]] = {
    "return": (frozenset({"issued", "lost"}), "returned"),
    "lost": (frozenset({"issued", "returned"}), "lost"),
    "destroy": (frozenset({"returned"}), "destroyed"),
}
STATES = ("issued", "returned", "destroyed", "lost")


def check_digit(digits: str) -> str:
    """Damm's check digit of a row of digits."""
    held = 0
    for one in digits:
        held = int(_TABLE[held][int(one)])
    return str(held)


def serial(batch: str, sheet: int) -> str:
    """The serial number of a sheet."""
    number = f"{sheet:04d}"
    return f"{batch}-{number}-{check_digit(batch + number)}"


def read_sheets(text: str, batch: str, count: int) -> list[int]:
    """Numbers of the sheets that a text names: serials, ``7``, ``1-20``, or ``all``, with commas or spaces between.

    Raises:
        BadInput: something else, another batch's serial, a wrong check digit, a sheet that the batch has not.
    """
    if len(text) > MOST_TEXT:
        raise BadInput(f"Sheets are named in at most {MOST_TEXT:,} characters.")
    if text.strip() == "all":
        return list(range(1, count + 1))
    found: set[int] = set()
    for part in re.split(r"[\s,，、]+", text.strip()):
        if held := _SERIAL.match(part):
            if check_digit(held[1] + held[2]) != held[3]:
                raise BadInput("A serial number's check digit is wrong: read it again.")
            if held[1] != batch:
                raise BadInput("A serial number belongs to another batch.")
            first = last = int(held[2])
        elif ranged := _RANGE.match(part):
            first, last = int(ranged[1]), int(ranged[2] or ranged[1])
        else:
            raise BadInput("Sheets are named like 1-20, 25, by their serial numbers, or all.")
        if not 1 <= first <= last <= count:
            raise BadInput(f"The batch has the sheets 1 to {count}.")
        found.update(range(first, last + 1))
    return sorted(found)


def states(count: int, moves: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """State of every sheet after the moves in their order; a destruction counts once it is witnessed."""
    held = dict.fromkeys(range(1, count + 1), "issued")
    for move in moves:
        if move["kind"] not in MOVES or (move["kind"] == "destroy" and not move["witness"]):
            continue
        for sheet in move["sheets"]:
            held[sheet] = MOVES[move["kind"]][1]
    return held


def allow(kind: str, sheets: Sequence[int], held: Mapping[int, str]) -> None:
    """Refuse a move that does not follow from a sheet's state: :class:`Conflict` names the first sheet."""
    for sheet in sheets:
        if held[sheet] not in MOVES[kind][0]:
            raise Conflict(f"Sheet {sheet} is {held[sheet]}.", hint="Destruction comes after return.")


def spans(sheets: Iterable[int]) -> str:
    """Numbers in short: ``1-20, 25``."""
    parts: list[list[int]] = []
    for one in sorted(sheets):
        if parts and one == parts[-1][1] + 1:
            parts[-1][1] = one
        else:
            parts.append([one, one])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in parts)
