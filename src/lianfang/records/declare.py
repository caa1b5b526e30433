"""How a record type is declared: once, with each field's privacy class, kind, purposes and disclosure.

From the declaration come the SQL tables (``store.schema``), the lake's schemas (``lake.schema``), the import
forms, the API's schemas, what the policy can say about a field and what a bulletin may show of it. A field
without a privacy class is refused when the class is made, so an undeclared column can't exist.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from lianfang.foundation.words import NAMES

Disclosure = Literal["never", "stat", "public"]
Home = Literal["store", "lake"]
#: Kind of a field from class P2 on that is about nobody: a text that was looked through before it was kept.
NOBODYS = "none"
#: Purposes that are a person's own rights, or the end of the data: they reach whatever is held.
RIGHTS = frozenset({"rectification", "erasure", "expiry"})
#: Purposes for which a field serves by its disclosure rule, not by its record's purposes.
PUBLIC = frozenset({"public_bulletin", "local_notice"})

Shape = Literal["text", "integer", "real", "boolean", "date", "moment", "json"]


class Privacy(IntEnum):
    """Privacy classes of privacy.md 1.9, ordered by the harm that a leak does."""

    PUBLIC = 0
    AGGREGATED = 1
    QUASI = 2
    IDENTIFIER = 3
    SPECIAL = 4


@dataclass(frozen=True)
class Declared:
    """What is declared of one field.

    ``kind`` is the policy's word for the datum (closed vocabulary of the policy), by which the gate knows how a
    field is treated: required from class P2 on, where :data:`NOBODYS` says of a text that it names nobody.
    ``tag``: the R ``linelist`` tag; ``harm``: what a leak may do (required from class P3 on); ``purposes`` empty
    means the record's.
    """

    privacy: Privacy
    zh: str
    en: str
    kind: str = ""
    tag: str = ""
    harm: str = ""
    disclosure: Disclosure = "never"
    purposes: frozenset[str] = frozenset()
    indexed: bool = False


@dataclass(frozen=True)
class About:
    """What is declared of a record type as a whole.

    ``key``: the fields that make two rows the same record (``subject_id`` may be one of them).
    ``retention``: ``event`` (ends with its event), ``pack`` (the policy pack's days), ``keep`` (no personal
    data, or proof that must outlive the event), ``coarsen`` (whereabouts: thinned when the event ends).
    ``indexes``: fields that are looked up together, each an index of the table in the store.
    """

    name: str
    zh: str
    en: str
    home: Home
    key: tuple[str, ...]
    purposes: frozenset[str]
    retention: Literal["event", "pack", "keep", "coarsen"] = "event"
    subject: bool = False
    partition: str = ""
    importable: bool = False
    indexes: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class FieldInfo:
    """One field of a record type as everything else sees it."""

    name: str
    shape: Shape
    required: bool
    choices: tuple[str, ...]
    declared: Declared

    @property
    def in_vault(self) -> bool:
        """Direct identifiers live in the vault and nowhere else."""
        return self.declared.privacy is Privacy.IDENTIFIER

    @property
    def datum(self) -> str:
        """The policy's word for what the field says of a person; empty where it says nothing of one."""
        return "" if self.declared.kind == NOBODYS else self.declared.kind


REGISTRY: dict[str, type[Record]] = {}

_SHAPES: dict[Any, Shape] = {
    str: "text",
    int: "integer",
    float: "real",
    bool: "boolean",
    date: "date",
    datetime: "moment",
}
_HARMS_NEEDED = (Privacy.IDENTIFIER, Privacy.SPECIAL)


class Record(BaseModel):
    """Base of every record type; unknown fields are refused, text is trimmed and bounded."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=4000)

    about: ClassVar[About]
    fields: ClassVar[Mapping[str, FieldInfo]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.fields = types.MappingProxyType({name: _describe(cls, name) for name in cls.model_fields})
        about = cls.about
        if about.name in REGISTRY:
            raise TypeError(f"record type {about.name} is declared twice")
        known = set(cls.fields) | {"subject_id"}
        named = (*about.key, about.partition, *(name for together in about.indexes for name in together))
        if unknown := [name for name in named if name and name not in known]:
            raise TypeError(f"{about.name}: key, partition or index names no field: {', '.join(unknown)}")
        REGISTRY[about.name] = cls
        NAMES[about.en] = about.zh

    @classmethod
    def has_subject(cls) -> bool:
        """Whether rows are about a person: they carry ``subject_id`` in the place of direct identifiers."""
        return cls.about.subject or any(info.in_vault for info in cls.fields.values())

    @classmethod
    def vault_fields(cls) -> tuple[str, ...]:
        """Names of the fields that go to the vault."""
        return tuple(name for name, info in cls.fields.items() if info.in_vault)

    @classmethod
    def serving(cls, purpose: str) -> dict[str, str]:
        """Field -> the policy's word for it, of the fields that may serve the purpose (REQ-P-32).

        A person's rights reach every field; a publication those whose disclosure rule is not ``never``. What is
        about nobody has an empty word.
        """
        return {
            name: info.datum
            for name, info in cls.fields.items()
            if not info.datum
            or purpose in RIGHTS
            or purpose in (info.declared.purposes or cls.about.purposes)
            or (purpose in PUBLIC and info.declared.disclosure != "never")
        }

    @classmethod
    def stored_fields(cls) -> tuple[FieldInfo, ...]:
        """The fields that may stand outside the vault."""
        return tuple(info for info in cls.fields.values() if not info.in_vault)


def _describe(cls: type[Record], name: str) -> FieldInfo:
    model_field = cls.model_fields[name]
    marks = [mark for mark in model_field.metadata if isinstance(mark, Declared)]
    if len(marks) != 1:
        raise TypeError(
            f"{cls.__name__}.{name}: a field declares exactly one privacy class, not {len(marks)}"
        )
    declared = marks[0]
    if declared.privacy in _HARMS_NEEDED and not declared.harm:
        raise TypeError(f"{cls.__name__}.{name}: class P{int(declared.privacy)} must name the harm of a leak")
    if declared.privacy >= Privacy.QUASI and not declared.kind:
        raise TypeError(f"{cls.__name__}.{name}: class P{int(declared.privacy)} must name the policy's datum")
    shape, choices = _shape(model_field.annotation)
    return FieldInfo(name, shape, model_field.is_required(), choices, declared)


def _shape(annotation: Any) -> tuple[Shape, tuple[str, ...]]:
    """Shape and closed choices of an annotation; ``X | None`` counts as X."""
    origin = get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        if len(inner) == 1:
            return _shape(inner[0])
        raise TypeError(f"a field has one type, not {annotation}")
    if origin is typing.Annotated:
        return _shape(get_args(annotation)[0])
    if origin is Literal:
        return "text", tuple(str(value) for value in get_args(annotation))
    if origin in (dict, list, tuple):
        return "json", ()
    if annotation in _SHAPES:
        return _SHAPES[annotation], ()
    raise TypeError(f"no storage is defined for a field of type {annotation}")


def row_id(record: type[Record], values: Mapping[str, Any]) -> str:
    """Identity of a row: a digest of the record type's name and its key's values (never of an identifier)."""
    import hashlib

    parts = [record.about.name]
    for name in record.about.key:
        value = values[name]
        parts.append(value.isoformat() if isinstance(value, date) else str(value))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def identifiers() -> dict[str, str]:
    """Field of the vault -> the policy's word for it; a field has the same word in every record type."""
    return {
        name: info.declared.kind
        for record in REGISTRY.values()
        for name, info in record.fields.items()
        if info.in_vault
    }


def record_type(name: str) -> type[Record]:
    """The record type of that name; raises :class:`NotFound`."""
    from lianfang.foundation.errors import NotFound

    if name not in REGISTRY:
        raise NotFound(f"There is no record type {name!r}.", hint=f"Known: {', '.join(sorted(REGISTRY))}.")
    return REGISTRY[name]


@dataclass(frozen=True)
class _Maker:
    """Short hand for declarations: ``P2("年龄", "age", kind="age")``."""

    privacy: Privacy
    disclosure: Disclosure
    harm: str = ""
    _extra: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, zh: str, en: str, **more: Any) -> Declared:
        more.setdefault("disclosure", self.disclosure)
        more.setdefault("harm", self.harm)
        return Declared(self.privacy, zh, en, **more)


P0 = _Maker(Privacy.PUBLIC, "public")
P1 = _Maker(Privacy.AGGREGATED, "stat")
P2 = _Maker(Privacy.QUASI, "stat")
P3 = _Maker(Privacy.IDENTIFIER, "never", "identifies the person; fraud, harassment, discrimination")
P4 = _Maker(
    Privacy.SPECIAL, "never", "reveals health or whereabouts; discrimination, fear, harm in the community"
)
