"""SQL tables from the record types: no other way makes a column.

Every table has ``id`` (a digest of the record's key) and, when its rows are about a person, ``subject_id`` in
the place of the direct identifiers, which are in the vault and have no column here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles

from lianfang.records import REGISTRY, FieldInfo, Record

# SQLite's STRICT tables know INTEGER, REAL, TEXT and BLOB only: the map from the portable types.
_STRICT_TYPES: dict[type[sa.types.TypeEngine[Any]], str] = {
    sa.String: "TEXT",
    sa.Text: "TEXT",
    sa.Date: "TEXT",
    sa.DateTime: "TEXT",
    sa.JSON: "TEXT",
    sa.BigInteger: "INTEGER",
    sa.Boolean: "INTEGER",
    sa.Double: "REAL",
    sa.Float: "REAL",
}


def _map_type(portable: type[sa.types.TypeEngine[Any]], name: str) -> None:
    @compiles(portable, "sqlite")
    def compile_strict(element: Any, compiler: Any, **more: Any) -> str:
        return name


for _portable, _name in _STRICT_TYPES.items():
    _map_type(_portable, _name)


class Moment(sa.types.TypeDecorator[datetime]):
    """A moment in UTC. Naive values are refused: whoever stores a time knows its zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment needs a time zone")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def json_type() -> sa.types.TypeEngine[Any]:
    """JSON: text on SQLite, ``jsonb`` on PostgreSQL."""
    return sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _column_type(info: FieldInfo) -> sa.types.TypeEngine[Any]:
    kinds: dict[str, sa.types.TypeEngine[Any]] = {
        "text": sa.Text(),
        "integer": sa.BigInteger(),
        "real": sa.Double(),
        "boolean": sa.Boolean(),
        "date": sa.Date(),
        "moment": Moment(),
        "json": json_type(),
    }
    return kinds[info.shape]


def _column(record: type[Record], info: FieldInfo) -> sa.Column[Any]:
    model_field = record.model_fields[info.name]
    optional = not info.required and model_field.get_default(call_default_factory=False) is None
    return sa.Column(
        info.name,
        _column_type(info),
        nullable=optional,
        index=info.declared.indexed and not _leads(record, info.name),
        comment=info.declared.en,
    )


def _leads(record: type[Record], name: str) -> bool:
    """Whether an index of several fields begins with this one, and so does its work too."""
    return any(together[0] == name for together in record.about.indexes)


def build_table(record: type[Record], metadata: sa.MetaData) -> sa.Table:
    """The table of one record type; fields of class P3 have no column."""
    columns: list[sa.Column[Any]] = [sa.Column("id", sa.Text(), primary_key=True)]
    if record.has_subject() and "subject_id" not in record.fields:
        alone = not _leads(record, "subject_id")
        columns.append(sa.Column("subject_id", sa.Text(), nullable=False, index=alone))
    columns += [_column(record, info) for info in record.stored_fields()]
    name = record.about.name
    indexes = [sa.Index(f"ix_{name}_{'_'.join(together)}", *together) for together in record.about.indexes]
    return sa.Table(name, metadata, *columns, *indexes, sqlite_strict=True)


def build_metadata() -> sa.MetaData:
    """Tables of every record type whose home is the store."""
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
        }
    )
    for record in REGISTRY.values():
        if record.about.home == "store":
            build_table(record, metadata)
    return metadata


metadata = build_metadata()


def table(record: type[Record]) -> sa.Table:
    """The table of a record type that lives in the store."""
    return metadata.tables[record.about.name]
