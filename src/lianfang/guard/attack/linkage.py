"""Linkage and singling-out: listings of single cases against a register that somebody else keeps."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lianfang.guard.disclosure.candidate import day
from lianfang.guard.disclosure.columns import SEXES, kind_of

MAX_TOGETHER = 3  # columns of a predicate that singles out
MAX_PREDICATES = 20_000


@dataclass(frozen=True)
class Linked:
    """``rows`` of listings, of which ``linked`` fit one person of the register and no other row fits it.

    ``learned``: the columns that the attacker then knows in addition. ``predicates`` true of one listed row only,
    of which ``singled`` are true of exactly one person of the register; ``rate`` is their share with a 95%
    interval (Wilson), ``chance`` the share that predicates of the same frequency reach without the listing.
    """

    rows: int
    persons: int
    columns: tuple[str, ...]
    learned: tuple[str, ...]
    linked: int
    predicates: int
    singled: int
    rate: tuple[float, float, float]
    chance: float

    @property
    def recovered(self) -> int:
        """Persons of the register about whom something new is known for certain."""
        return self.linked if self.learned else 0

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "recovered": self.recovered}


def _value(column: str, value: Any) -> str:
    text = str(value).strip()
    if column == "sex":
        return SEXES.get(text.lower(), text)
    if column in ("date", "confirm_date"):
        return day(text) or text
    return text


def _plain(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Rows with the columns' own names and values, so that 性别=男 meets sex=male."""
    plain = []
    for row in rows:
        values = {}
        for column, value in row.items():
            name = kind_of(column)[1]
            name = column.strip().lower() if name == "other" else name
            if value not in (None, ""):
                values[name] = _value(name, value)
        plain.append(values)
    return plain


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float, float]:
    """Share and its interval (Wilson 1927)."""
    if not trials:
        return 0.0, 0.0, 1.0
    p, n = successes / trials, trials
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return p, max(0.0, middle - half), min(1.0, middle + half)


def linkage(releases: Sequence[Mapping[str, Any]], register: list[dict[str, str]]) -> Linked:
    """Link the listings of the newest release with a register, by the columns that both have.

    A listing grows from release to release; the newest holds what the earlier ones told.
    """
    newest = max(releases, key=lambda release: str(release.get("as_of", "")), default={})
    rows = _plain(
        row for table in newest.get("tables", ()) if table.get("listing") for row in table.get("rows", ())
    )
    persons = _plain(register)
    columns = sorted({c for row in rows for c in row} & {c for row in persons for c in row})
    learned = sorted({c for row in rows for c in row} - set(columns))
    linked = 0
    if columns:
        here = Counter(tuple(row.get(c, "") for c in columns) for row in rows)
        there = Counter(tuple(row.get(c, "") for c in columns) for row in persons)
        linked = sum(1 for key, n in here.items() if n == 1 and there[key] == 1)
    predicates, singled, chance = _single_out(rows, persons, columns)
    return Linked(
        rows=len(rows), persons=len(persons), columns=tuple(columns), learned=tuple(learned), linked=linked,
        predicates=predicates, singled=singled, rate=wilson(singled, predicates), chance=chance,
    )  # fmt: skip


def _single_out(
    rows: list[dict[str, str]], persons: list[dict[str, str]], columns: list[str]
) -> tuple[int, int, float]:
    """Predicates that hold for one listed row only; how many hold for one person; what chance would give.

    A predicate that holds for a share w of n persons, chosen without the listing, isolates one with
    probability n w (1-w)^(n-1) (Cohen and Nissim 2020).
    """
    tried = singled = 0
    chances: list[float] = []
    n = len(persons)
    for size in range(1, MAX_TOGETHER + 1):
        for some in itertools.combinations(columns, size):
            here: dict[tuple[str, ...], int] = defaultdict(int)
            for row in rows:
                if all(c in row for c in some):
                    here[tuple(row[c] for c in some)] += 1
            there = Counter(tuple(row.get(c, "") for c in some) for row in persons)
            for key, count in here.items():
                if count == 1 and tried < MAX_PREDICATES:
                    tried += 1
                    singled += there[key] == 1
                    w = there[key] / n if n else 0.0
                    chances.append(n * w * (1 - w) ** (n - 1) if n else 0.0)
    return tried, singled, sum(chances) / len(chances) if chances else 0.0
