"""Cells of a table in a text, by the head of their column: one line with heads, then lines with as many marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import accumulate

Span = tuple[str, int, int]

_LINE = re.compile(r"[^\n]+")
_MARKS = "\t|,;"


def cells(text: str, heads: Mapping[str, str], shapes: Mapping[str, re.Pattern[str]]) -> Iterator[Span]:
    """Cells below a known head that have the shape of its kind.

    Args:
        text: the normalised view.
        heads: kind by the column's head, in lower case.
        shapes: what a whole cell of each kind looks like.
    """
    lines = [(found.start(), found.group()) for found in _LINE.finditer(text)]
    if len(lines) < 2:
        return
    for mark in _MARKS:
        columns: dict[int, str] = {}
        for at, line in lines:
            if mark not in line:
                columns = {}
                continue
            row = line.split(mark)
            told = {
                i: heads[c.strip(" \"'").lower()]
                for i, c in enumerate(row)
                if c.strip(" \"'").lower() in heads
            }
            if told:
                columns = told
                continue
            starts = [*accumulate((len(one) + 1 for one in row), initial=at)]
            for column, kind in columns.items():
                if column >= len(row):
                    continue
                cell = row[column]
                bare = cell.strip(" \"'")
                if shapes[kind].fullmatch(bare):
                    start = starts[column] + cell.index(bare)
                    yield kind, start, start + len(bare)
