"""The dated editions of the case definition, each a file of criteria with its source and what of it was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from lianfang.foundation.errors import BadInput, NotFound
from lianfang.treat.casedef.logic import Criteria

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Break:
    """A day from which a curve counts something else. ``adcode``: the area's first digits, empty for everywhere."""

    day: date
    edition: str
    adcode: str
    why: tuple[str, str]


@dataclass(frozen=True)
class Edition:
    """One edition. ``classes`` from the strictest to the widest; ``checked``: against what each part was compared."""

    id: str
    title: tuple[str, str]
    issuer: str
    valid_from: date
    checked: Mapping[str, str]
    criteria: Criteria
    classes: tuple[Mapping[str, Any], ...]
    severity: tuple[Mapping[str, Any], ...]
    breaks: tuple[Break, ...]

    @property
    def asks(self) -> frozenset[str]:
        """Every finding that this edition speaks of."""
        rules = [one["when"] for one in (*self.classes, *self.severity)]
        return frozenset().union(*(self.criteria.asked(rule) for rule in rules))


@lru_cache(maxsize=1)
def findings() -> dict[str, tuple[str, ...]]:
    """The closed vocabulary: name -> (Chinese, English[, unit of a number])."""
    import yaml

    raw = yaml.safe_load((HERE / "findings.yaml").read_text("utf-8"))
    return {name: tuple(map(str, words)) for name, words in raw.items()}


@lru_cache(maxsize=1)
def all_editions() -> dict[str, Edition]:
    """Every shipped edition by its id, in the order of the day they hold from."""
    import yaml

    made = [
        _made(yaml.safe_load(path.read_text("utf-8"))) for path in sorted((HERE / "editions").glob("*.yaml"))
    ]
    return {one.id: one for one in sorted(made, key=lambda one: (one.valid_from, one.id))}


def _made(raw: Mapping[str, Any]) -> Edition:
    criteria = Criteria(raw["criteria"], frozenset(findings()))
    breaks = tuple(
        Break(one["date"], raw["id"], str(one["adcode"]), (one["why"][0], one["why"][1]))
        for one in raw.get("breaks", ())
    )
    edition = Edition(
        raw["id"], tuple(raw["title"]), raw["issuer"], raw["valid_from"], raw["checked"], criteria,
        tuple(raw["classes"]), tuple(raw["severity"]), breaks,
    )  # fmt: skip
    _ = edition.asks  # every name it uses is a finding or a criterion
    return edition


def get(name: str) -> Edition:
    """The edition of this id; NotFound with those there are."""
    found = all_editions().get(name)
    if found is None:
        raise NotFound("There is no such edition.", hint=f"Editions: {', '.join(all_editions())}.")
    return found


def in_force(day: date, issuer: str = "cn") -> Edition:
    """The edition that held on a day, of the Chinese plan or of the WHO's (``who``); BadInput before the first."""
    held = [
        one for one in all_editions().values() if one.id.startswith(f"{issuer}-") and one.valid_from <= day
    ]
    if not held:
        raise BadInput(f"No edition of {issuer} is known that held on {day}.")
    return held[-1]


def breaks(first: date, last: date, adcode: str = "") -> list[Break]:
    """The known days within a span on which a curve of an area counts something else, in order."""
    found = [
        one
        for edition in all_editions().values()
        for one in edition.breaks
        if first <= one.day <= last
        and (not adcode or adcode.startswith(one.adcode) or one.adcode.startswith(adcode))
    ]
    return sorted(found, key=lambda one: (one.day, one.adcode))
