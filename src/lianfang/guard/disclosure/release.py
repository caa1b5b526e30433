"""What comes out: a release, or a refusal with what to mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lianfang.guard.disclosure.columns import KINDS


@dataclass(frozen=True)
class Withheld:
    """How many items of a kind did not leave, where, and why; never the items themselves."""

    kind: str
    count: int
    where: str
    en: str
    zh: str

    def words(self, lang: str = "en") -> str:
        """``3 ages`` or ``3个年龄``."""
        one, many, chinese = KINDS[self.kind]
        return (
            f"{self.count}{chinese}" if lang == "zh" else f"{self.count} {one if self.count == 1 else many}"
        )

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "count": self.count, "where": self.where, "en": self.en, "zh": self.zh}


def summary(withheld: tuple[Withheld, ...], lang: str = "en") -> str:
    """One line over all kinds: ``3 ages, 1 house number, 2 small cells``."""
    counts: dict[str, int] = {}
    for item in withheld:
        counts[item.kind] = counts.get(item.kind, 0) + item.count
    parts = [
        Withheld(kind, n, "", "", "").words(lang)
        for kind, n in sorted(counts.items(), key=lambda item: list(KINDS).index(item[0]))
    ]
    return ("、" if lang == "zh" else ", ").join(parts)


@dataclass(frozen=True)
class Table:
    """A published table: its cells and, as ``margins``, all sums over its dimensions (absent = summed over).

    ``count`` is null where the cell is withheld. ``cumulative`` says that counts never fall from one
    release to the next. A listing of cases has ``listing`` true and no counts.
    """

    name: str
    dimensions: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    margins: tuple[dict[str, Any], ...] = ()
    cumulative: bool = False
    listing: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "dimensions": list(self.dimensions),
            "rows": [dict(row) for row in self.rows],
            "margins": [dict(row) for row in self.margins],
            "cumulative": self.cumulative,
            "listing": self.listing,
        }


@dataclass(frozen=True)
class Release:
    """A bulletin that may leave. ``digest`` is the SHA-256 of its canonical JSON (RFC 8785)."""

    event: Any
    as_of: str
    audience: str
    tables: tuple[Table, ...]
    texts: dict[str, str]
    withheld: tuple[Withheld, ...]
    pack: str
    pack_hash: str

    permit = True

    def __bool__(self) -> bool:
        return True

    def payload(self) -> dict[str, Any]:
        """What is published: plain JSON values, and how many items of which kind are missing from it."""
        counts: dict[str, int] = {}
        for item in self.withheld:
            counts[item.kind] = counts.get(item.kind, 0) + item.count
        return {
            "format": "lianfang-bulletin/1",
            "event": self.event,
            "as_of": self.as_of,
            "audience": self.audience,
            "tables": [table.to_dict() for table in self.tables],
            "texts": dict(self.texts),
            "withheld": counts,
            "pack": self.pack,
            "pack_hash": self.pack_hash,
        }

    def canonical(self) -> bytes:
        """The bytes that are hashed and signed."""
        import rfc8785

        return rfc8785.dumps(self.payload())

    @property
    def digest(self) -> str:
        import hashlib

        return hashlib.sha256(self.canonical()).hexdigest()

    def summary(self, lang: str = "en") -> str:
        """What was withheld, in one line."""
        return summary(self.withheld, lang)

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.payload(),
            "reasons": [item.to_dict() for item in self.withheld],
            "digest": self.digest,
        }


@dataclass(frozen=True)
class Refusal:
    """Nothing leaves. ``repair`` is a candidate without the forbidden items, to be looked at first."""

    reasons: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    repair: dict[str, Any] | None
    pack: str
    pack_hash: str

    permit = False

    def __bool__(self) -> bool:
        return False

    def summary(self, lang: str = "en") -> str:
        """What would have to go, in one line."""
        return summary(self.withheld, lang)

    def to_dict(self) -> dict[str, Any]:
        return {
            "refused": True,
            "reasons": list(self.reasons),
            "withheld": [item.to_dict() for item in self.withheld],
            "pack": self.pack,
            "pack_hash": self.pack_hash,
        }
