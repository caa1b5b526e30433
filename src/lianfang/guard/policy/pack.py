"""Policy packs: dated law as data, read strictly and kept.

A pack is a YAML file: where and when it applies, the classes of the fields, named facts, rules and
obligations,
each rule with the articles it rests on. ``includes`` takes the facts, sources, groups, rules and obligations
of other packs in; the including pack's own entries stand before those it includes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from lianfang.foundation.errors import BadInput
from lianfang.guard.policy import vocabulary as v
from lianfang.guard.policy.facts import BadPack, Fact, parse

FOLDER: Final = Path(__file__).parent / "packs"
LEVELS: Final = {"general": 10, "special": 20, "absolute": 90}
DEFAULT: Final = "cn-seed-2020"

_AXES: Final = {"actors": v.ACTORS, "phases": v.PHASES, "purposes": v.PURPOSES, "data": v.DATA}
_PACK_KEYS: Final = {
    "id", "aliases", "title", "jurisdiction", "valid_from", "valid_to", "superseded", "includes", "fragment",
    "sources", "groups", "facts", "classes", "classification", "rules",
    "obligations", "ttl_seconds", "retention", "disclosure",
}  # fmt: skip
_RULE_KEYS: Final = {
    "id", "effect", "level", "actors", "phases", "purposes", "data", "when", "unless", "basis",
    "obligations", "treat", "ttl_seconds", "because",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """An article, or a passage, that rules rest on. ``verified`` is false where nobody has re-read it."""

    id: str
    statute: str
    article: str
    verified: bool
    en: str
    zh: str


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A permit, a prohibition, or (``effect`` = "oblige") a duty that comes with a permit."""

    id: str
    effect: str
    level: int
    actors: frozenset[str]
    phases: frozenset[str]
    purposes: frozenset[str]
    data: frozenset[str]
    when: tuple[str, ...]
    unless: tuple[str, ...]
    basis: tuple[str, ...]
    obligations: frozenset[str]
    treat: dict[str, str]
    ttl: int | None
    en: str
    zh: str

    def touches(self, actor: str, purpose: str, phase: str, datum: str) -> bool:
        """Whether the rule speaks about this cell of the request space."""
        return (
            datum in self.data and phase in self.phases and purpose in self.purposes and actor in self.actors
        )


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """A loaded pack. ``hash`` is the SHA-256 over the pack's file and those it includes."""

    id: str
    aliases: tuple[str, ...]
    title_en: str
    title_zh: str
    jurisdiction: str
    valid_from: date
    valid_to: date | None
    superseded: str | None
    hash: str
    sources: dict[str, Source]
    facts: dict[str, Fact]
    classes: dict[str, str]
    classification: dict[str, Any]
    rules: tuple[Rule, ...]
    obligations: tuple[Rule, ...]
    ttl: int
    retention: dict[str, Any]
    disclosure: dict[str, Any]
    cells: dict[tuple[str, str, str, str], tuple[tuple[Rule, ...], tuple[Rule, ...]]] = field(
        default_factory=dict, repr=False
    )
    words: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict, repr=False)
    checks: dict[str, Callable[[Mapping[str, v.Note]], bool]] = field(default_factory=dict, repr=False)

    def told(self, rule: Rule) -> tuple[tuple[str, ...], str]:
        """A rule's articles and its reason in words."""
        found = self.words.get(rule.id)
        if found is None:
            reason = f"{rule.id}: {rule.en}. {rule.zh}。"
            found = self.words[rule.id] = (tuple(self.cite(source) for source in rule.basis), reason)
        return found

    def cell(self, key: tuple[str, str, str, str]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        """Rules (highest level first) and obligations of (actor, purpose, phase, data)."""
        found = self.cells.get(key)
        if found is None:
            rules = sorted((r for r in self.rules if r.touches(*key)), key=lambda r: -r.level)
            found = (tuple(rules), tuple(r for r in self.obligations if r.touches(*key)))
            self.cells[key] = found
        return found

    def valid(self, day: date) -> bool:
        """Whether the pack is law on this day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def cite(self, source: str) -> str:
        """An article in words, with pack and date."""
        s = self.sources[source]
        article = s.article if s.verified else f"{s.article} (unverified 未核实)".strip()
        return f"{s.statute} {article} [{self.id} {self.valid_from.isoformat()}]"


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    from lianfang.foundation import plainyaml

    with path.open("rb") as stream:
        raw = stream.read(plainyaml.MAX_BYTES + 1)
    try:
        document = plainyaml.load(raw)
    except plainyaml.NotPlain as error:
        raise BadPack(str(error)) from None
    if not isinstance(document, dict) or not set(document) <= _PACK_KEYS:
        unknown = sorted(map(str, set(document) - _PACK_KEYS)) if isinstance(document, dict) else []
        raise BadPack(f"a mapping with known keys expected {unknown}")
    return document, raw


def _source(name: str, raw: Any) -> Source:
    if not isinstance(raw, dict) or set(raw) != {"statute", "article", "verified", "en", "zh"}:
        raise BadPack(f"source {name}: statute, article, verified, en and zh expected")
    if not isinstance(raw["verified"], bool) or not raw["statute"]:
        raise BadPack(f"source {name}: verified is true or false, statute is not empty")
    return Source(
        name, str(raw["statute"]), str(raw["article"]), raw["verified"], str(raw["en"]), str(raw["zh"])
    )


def _axis(where: str, axis: str, raw: Any, groups: dict[str, dict[str, Any]]) -> frozenset[str]:
    """Names, ``@group`` references, ``"*"`` for all, ``-name`` to take out."""
    known = _AXES[axis]
    if raw is None or raw == "*":
        return frozenset(known)
    if not isinstance(raw, list) or not raw:
        raise BadPack(f"{where}: {axis} takes a list or '*'")
    result: set[str] = set()
    for entry in raw:
        if not isinstance(entry, str):
            raise BadPack(f"{where}: {axis} takes names")
        if entry == "*":
            result |= set(known)
        elif entry.startswith("@"):
            members = groups.get(axis, {}).get(entry[1:])
            if members is None:
                raise BadPack(f"{where}: unknown group {entry}")
            result |= _axis(
                where, axis, members, {axis: {k: m for k, m in groups[axis].items() if k != entry[1:]}}
            )
        elif entry.lstrip("-") not in known:
            raise BadPack(f"{where}: unknown name {entry} in {axis}")
        elif entry.startswith("-"):
            result.discard(entry[1:])
        else:
            result.add(entry)
    if not result:
        raise BadPack(f"{where}: {axis} is empty")
    return frozenset(result)


def _names(where: str, what: str, raw: Any, known: Any) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise BadPack(f"{where}: {what} takes a list")
    for name in raw:
        if name not in known:
            raise BadPack(f"{where}: unknown {what} {name}")
    return tuple(raw)


def _rule(raw: Any, parts: dict[str, Any], effect: str | None = None) -> Rule:
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
        raise BadPack("a rule is a mapping with an id")
    where = f"rule {raw['id']}"
    if not set(raw) <= _RULE_KEYS:
        raise BadPack(f"{where}: unknown keys {sorted(set(raw) - _RULE_KEYS)}")
    effect = effect or raw.get("effect")
    if effect not in ("permit", "forbid", "oblige"):
        raise BadPack(f"{where}: effect is permit or forbid")
    because = raw.get("because", {"en": "", "zh": ""})
    if not isinstance(because, dict) or set(because) != {"en", "zh"}:
        raise BadPack(f"{where}: because takes en and zh")
    treat = raw.get("treat") or {}
    if not isinstance(treat, dict) or not all(k in v.DATA and t in v.TREATMENTS for k, t in treat.items()):
        raise BadPack(f"{where}: treat maps data to {', '.join(v.TREATMENTS)}")
    level = raw.get("level", "special" if effect == "permit" else "absolute")
    ttl = raw.get("ttl_seconds")
    if level not in LEVELS or not (ttl is None or (isinstance(ttl, int) and 0 < ttl <= 86_400 * 31)):
        raise BadPack(f"{where}: level is one of {', '.join(LEVELS)}, ttl_seconds positive")
    basis = _names(where, "basis", raw.get("basis"), parts["sources"])
    if effect != "oblige" and not basis:
        raise BadPack(f"{where}: a rule names the articles it rests on")
    axes = {axis: _axis(where, axis, raw.get(axis), parts["groups"]) for axis in _AXES}
    return Rule(
        id=raw["id"], effect=effect, level=LEVELS[level], **axes,
        when=_names(where, "fact", raw.get("when"), parts["facts"]),
        unless=_names(where, "fact", raw.get("unless"), parts["facts"]),
        basis=basis,
        obligations=frozenset(_names(where, "obligation", raw.get("obligations"), v.OBLIGATIONS)),
        treat=dict(treat), ttl=ttl, en=str(because["en"]), zh=str(because["zh"]),
    )  # fmt: skip


def _classes(parts: dict[str, Any]) -> dict[str, str]:
    """Field -> class; a field listed twice has the higher one, a field not listed is an error."""
    found: dict[str, str] = {}
    for level in v.CLASSES:
        entry = parts["classes"].get(level)
        if not isinstance(entry, dict) or set(entry) != {"en", "zh", "data"}:
            raise BadPack(f"class {level}: en, zh and data expected")
        if entry["data"]:
            found |= dict.fromkeys(_axis(f"class {level}", "data", entry["data"], parts["groups"]), level)
    missing = sorted(set(v.DATA) - set(found))
    if missing:
        raise BadPack(f"classes: no class for {', '.join(missing)}")
    return found


def _classification(raw: dict[str, Any]) -> dict[str, Any]:
    """How classes rise: every name known, and a harm for every category (REQ-P-08)."""
    parts = ("sensitive", "categories", "harms", "raised", "raised_as", "factors", "inferred")
    if set(raw) != set(parts):
        raise BadPack(f"classification: {', '.join(parts)} expected")
    groups = [raw["sensitive"], raw["raised"], *raw["categories"].values()]
    for name in (name for group in groups for name in group):
        if name not in v.DATA:
            raise BadPack(f"classification: unknown data {name}")
    lacking = {*raw["categories"], raw["raised_as"], "list"} - set(raw["harms"])
    if lacking:
        raise BadPack(f"classification: no harm named for {', '.join(sorted(lacking))}")
    placed = {"name_list", *(name for group in raw["categories"].values() for name in group)}
    if not set(raw["sensitive"]) <= placed:
        raise BadPack("classification: a sensitive field belongs to no category")
    if not set(raw["factors"]) <= {"holder", "purpose", "public_mood"}:
        raise BadPack("classification: unknown factor")
    return raw


def _merge(
    document: dict[str, Any], folder: Path, seen: tuple[str, ...]
) -> tuple[dict[str, Any], list[bytes]]:
    """The document with everything it includes; its own entries first and winning."""
    merged: dict[str, Any] = {
        key: dict(document.get(key) or {}) for key in ("sources", "facts", "classes", "classification")
    }
    merged["groups"] = {axis: dict((document.get("groups") or {}).get(axis) or {}) for axis in _AXES}
    merged |= {key: list(document.get(key) or []) for key in ("rules", "obligations")}
    texts: list[bytes] = []
    for name in document.get("includes") or []:
        if not isinstance(name, str) or not name.replace("-", "").isalnum() or name in seen:
            raise BadPack("includes: names of other packs, none of them twice")
        other, raw = _read(folder / f"{name}.yaml")
        below, more = _merge(other, folder, (*seen, name))
        texts += [raw, *more]
        for key in ("sources", "facts", "classes", "classification"):
            merged[key] = {**below[key], **merged[key]}
        for axis in _AXES:
            merged["groups"][axis] = {**below["groups"][axis], **merged["groups"][axis]}
        for key in ("rules", "obligations"):
            own = {entry.get("id") for entry in merged[key]}
            merged[key] += [entry for entry in below[key] if entry.get("id") not in own]
    return merged, texts


def _day(where: str, raw: Any) -> date:
    if type(raw) is not date:
        raise BadPack(f"{where}: a date expected")
    return raw


def _build(document: dict[str, Any], raw: bytes, folder: Path) -> Pack:
    parts, texts = _merge(document, folder, (str(document.get("id")),))
    title = document.get("title")
    if not isinstance(title, dict) or set(title) != {"en", "zh"} or not isinstance(document.get("id"), str):
        raise BadPack("id, and title with en and zh expected")
    parts["sources"] = {name: _source(name, entry) for name, entry in parts["sources"].items()}
    parts["facts"] = {name: parse(name, entry) for name, entry in parts["facts"].items()}
    rules = tuple(_rule(entry, parts) for entry in parts["rules"])
    duties = tuple(_rule(entry, parts, "oblige") for entry in parts["obligations"])
    names = [rule.id for rule in rules + duties]
    if len(names) != len(set(names)):
        raise BadPack("two rules have the same id")
    until = document.get("valid_to")
    return Pack(
        id=document["id"], aliases=tuple(document.get("aliases") or ()), title_en=title["en"],
        title_zh=title["zh"], jurisdiction=str(document.get("jurisdiction")),
        valid_from=_day("valid_from", document.get("valid_from")),
        valid_to=None if until is None else _day("valid_to", until),
        superseded=document.get("superseded"),
        hash=hashlib.sha256(b"\0".join([raw, *texts])).hexdigest(),
        sources=parts["sources"], facts=parts["facts"],
        classes=_classes(parts), classification=_classification(parts["classification"]), rules=rules,
        obligations=duties, ttl=int(document.get("ttl_seconds") or 300),
        retention=dict(document.get("retention") or {}), disclosure=dict(document.get("disclosure") or {}),
        checks={name: fact.compiled() for name, fact in parts["facts"].items()},
    )  # fmt: skip


def load(path: Path | str) -> Pack:
    """Read a pack from a file of one's own; what it includes is looked up among the packs that come with us.

    Raises:
        BadInput: the file is not a pack; the message says where.
    """
    path = Path(path)
    try:
        document, raw = _read(path)
        return _build(document, raw, FOLDER)
    except OSError as error:
        raise BadInput(f"policy pack {path.name} cannot be read: {error.strerror}.") from None
    except (BadPack, BadInput) as error:
        raise BadInput(f"policy pack {path.name}: {error}", code="bad_pack") from None


@lru_cache(maxsize=1)
def catalogue() -> dict[str, str]:
    """Names and aliases of the packs that come with us -> pack id, without building them."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        document, _ = _read(path)
        if not document.get("fragment"):
            for name in (document["id"], *(document.get("aliases") or ())):
                found[name] = document["id"]
    return found


@lru_cache(maxsize=32)
def _built(name: str) -> Pack:
    return load(FOLDER / f"{name}.yaml")


def get(name: str = DEFAULT) -> Pack:
    """A pack by its name or alias; read at the first call and kept.

    Raises:
        BadInput: no pack of that name.
    """
    if name == DEFAULT:
        return _built(DEFAULT)
    pack = catalogue().get(name)
    if pack is None:
        known = ", ".join(sorted(set(catalogue().values())))
        raise BadInput("no such policy pack.", hint=f"Known: {known}.", code="unknown_pack")
    return _built(pack)


def packs() -> list[Pack]:
    """All packs that come with us, oldest first."""
    return sorted((get(name) for name in set(catalogue().values())), key=lambda p: (p.valid_from, p.id))
