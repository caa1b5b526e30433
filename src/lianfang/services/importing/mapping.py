"""Mappings: which column of a delivered table becomes which field. Small YAML files, read strictly.

Ready ones lie in ``mappings/``; docs/how-to/import-data.md explains the keys.
"""

from __future__ import annotations

import fnmatch
import hashlib
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lianfang.foundation.canonical import canonical
from lianfang.foundation.errors import BadInput, NotFound
from lianfang.records import Record, record_type

_FOLDER = Path(__file__).parent / "mappings"
_MAX_BYTES = 65_536
#: Identifiers by which whereabouts are tied to a subject.
IDENTITY = frozenset({"name", "resident_id", "phone", "address", "device"})

Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Scalar = str | int | float | bool | None
DateForm = Literal["ymd", "serial", "dmy", "mdy", "mdy2"]


class FieldSpec(BaseModel):
    """How one field gets its value: from a column, the first filled of several, several joined, or always."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Column | None = None
    coalesce: list[Column] | None = Field(None, min_length=2, max_length=10)
    join: list[Column] | None = Field(None, min_length=2, max_length=10)
    by: str = Field("/", max_length=4)
    values: dict[str, Scalar] = Field(default_factory=dict, max_length=5_000)
    other: Literal["refuse", "keep", "null"] = "refuse"
    dates: list[DateForm] = ["ymd", "serial"]
    zone: Literal["local", "UTC"] = "local"
    parse: Literal["symptoms", "decade", "seat_column"] | None = None
    factor: float | None = Field(None, gt=0)
    default: Scalar = None
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> FieldSpec:
        if sum(part is not None for part in (self.column, self.coalesce, self.join)) != 1:
            raise ValueError("give exactly one of column, coalesce, join")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns it reads."""
        return [self.column] if self.column is not None else list(self.coalesce or self.join or ())


class Unpivot(BaseModel):
    """A wide table: every column that is no other's and whose name is a date holds that day's value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: str
    value: str
    form: DateForm = "ymd"


class Mapping(BaseModel):
    """A mapping file. ``fields`` maps the record's fields to columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["lianfang-mapping/1"]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")]
    record: str
    title_zh: str = Field(max_length=120)
    title_en: str = Field(max_length=120)
    files: list[Annotated[str, StringConstraints(max_length=120)]] = []
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"
    delimiter: Literal["auto", ",", "\t", ";", "|"] = "auto"
    header_row: int = Field(1, ge=1, le=100)
    sheet: str | int = 0
    missing: list[str] = [""]
    fields: dict[str, Column | FieldSpec] = Field(max_length=200)
    constants: dict[str, Scalar] = {}
    identify: dict[str, Column] = {}
    ignore: list[Column] | Literal["all"] = []
    unpivot: Unpivot | None = None

    @model_validator(mode="after")
    def _fits_its_record(self) -> Mapping:
        record = self.record_type
        if not record.about.importable:
            raise ValueError(f"{self.record} is not imported")
        given = set(self.fields) | set(self.constants)
        given |= {self.unpivot.date, self.unpivot.value} if self.unpivot else set()
        if unknown := given - set(record.fields):
            raise ValueError(f"{self.record} has no field {', '.join(sorted(unknown))}")
        if twice := set(self.fields) & set(self.constants):
            raise ValueError(f"{', '.join(sorted(twice))} is both a field and a constant")
        if self.identify and "token" not in record.fields:
            raise ValueError("only whereabouts are identified by a column")
        if wrong := set(self.identify) - IDENTITY:
            raise ValueError(f"identify knows no {', '.join(sorted(wrong))}")
        absent = {n for n, info in record.fields.items() if info.required} - given - _MADE
        if self.identify:
            absent -= {"token"}
        if absent:
            raise ValueError(f"nothing fills {', '.join(sorted(absent))}")
        return self

    @property
    def record_type(self) -> type[Record]:
        """The record type it fills."""
        return record_type(self.record)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what it says."""
        return hashlib.sha256(canonical(self.model_dump(mode="json"))).hexdigest()

    def spec(self, name: str) -> FieldSpec:
        """The long form of a field's entry."""
        entry = self.fields[name]
        return FieldSpec(column=entry) if isinstance(entry, str) else entry

    @property
    def columns(self) -> set[str]:
        """Every column it reads."""
        found = {column for name in self.fields for column in self.spec(name).columns}
        return found | set(self.identify.values())

    def needed(self) -> set[str]:
        """The columns that must be there; of those that stand in for each other one will do."""
        found = {
            c for n in self.fields if not (s := self.spec(n)).optional and not s.coalesce for c in s.columns
        }
        return found | set(self.identify.values())

    def fits(self, name: str, header: list[str]) -> bool:
        """Whether a file of this name and header is of this kind."""
        plain = name.removesuffix(".gz")
        named = any(fnmatch.fnmatchcase(plain, pattern) for pattern in self.files)
        return named and self.needed() <= set(header)


#: Fields that the import makes itself.
_MADE = {"day"}


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases, doubled keys, and words that turn into dates or truth values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [str(self.construct_object(key, deep=True)) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise yaml.YAMLError(f"the key {twice[0]!r} stands twice")
        values = [self.construct_object(value, deep=True) for _, value in node.value]
        return dict(zip(keys, values, strict=True))


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:null")
        or (tag == "tag:yaml.org,2002:bool" and first in "tTfF")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(
    "tag:yaml.org,2002:map",
    lambda loader, node: loader.construct_mapping(node, deep=True),  # type: ignore[arg-type]
)


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        BadInput: it is not safe, plain YAML of the schema; says which key is wrong.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"The mapping {path.name} cannot be read: {error.strerror}.") from None
    return parse_mapping(raw, path.name)


def parse_mapping(raw: bytes, name: str) -> Mapping:
    """As :func:`read_mapping`, from bytes."""
    if len(raw) > _MAX_BYTES:
        raise BadInput(f"The mapping {name} is larger than {_MAX_BYTES} bytes.")
    try:
        loader = _Loader(raw.decode("utf-8-sig"))
        document = loader.get_single_data()
    except UnicodeDecodeError as error:
        raise BadInput(f"The mapping {name} is not UTF-8 (byte {error.start}).") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise BadInput(f"The mapping {name} is not plain YAML (line {line}: {error.problem}).") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise BadInput(f"The mapping {name} is not plain YAML ({error}).") from None
    except RecursionError:
        raise BadInput(f"The mapping {name} is nested too deeply.") from None
    try:
        return Mapping.model_validate(document)
    except NotFound as error:
        raise BadInput(f"The mapping {name}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"The mapping {name}: {where or 'as a whole'}: {first['msg']}.",
            hint="See docs/how-to/import-data.md.",
        ) from None


@cache
def mappings() -> dict[str, Mapping]:
    """The ready mappings by name."""
    found = [read_mapping(path) for path in sorted(_FOLDER.glob("*.yaml"))]
    return {mapping.name: mapping for mapping in found}


def own_form(kind: str) -> Mapping | None:
    """The mapping of a record type's own form (``lianfang import --template``): columns named as the fields.

    None where there is no such form: an unknown type, whereabouts (their token is made from an identifier).
    """
    from lianfang.records import REGISTRY, form

    record = REGISTRY.get(kind)
    if record is None or not record.about.importable or "token" in record.fields:
        return None
    fields: dict[str, dict[str, Any]] = {
        one["name"]: {"column": one["name"], "optional": not one["required"]} for one in form(record)
    }
    if "symptoms" in fields:
        fields["symptoms"]["parse"] = "symptoms"
    return Mapping.model_validate(
        {
            "format": "lianfang-mapping/1",
            "name": kind.replace("_", "-") + "-form",
            "record": kind,
            "title_zh": record.about.zh,
            "title_en": record.about.en,
            "fields": fields,
        }
    )


def choose(kind: str, name: str, header: list[str]) -> Mapping:
    """The mapping for a file: ``kind`` names one, or a record type whose mappings are tried by header."""
    ready = mappings()
    if kind in ready:
        return ready[kind]
    if (own := own_form(kind)) and own.needed() <= set(header) <= own.columns:
        return own
    candidates = [m for m in ready.values() if m.record == kind]
    if not candidates:
        known = sorted({*ready, *(m.record for m in ready.values())})
        raise NotFound(f"There is no kind {kind!r} to import.", hint=f"Known: {', '.join(known)}.")
    fitting = [m for m in candidates if m.needed() <= set(header)]
    named = [m for m in fitting if m.fits(name, header)]
    for group in (named, fitting):
        if len(group) == 1:
            return group[0]
    names = ", ".join(m.name for m in fitting or candidates)
    if fitting:
        raise BadInput(f"{name}: its header fits several mappings.", hint=f"Name one of: {names}.")
    raise BadInput(f"{name}: its header fits no mapping of {kind}.", hint=f"Tried: {names}.")
