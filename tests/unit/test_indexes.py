"""Indexes of several fields: declared with the record, made by the schema, and used by a page's reading."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

import pytest
import sqlalchemy as sa

from lianfang.records import CaseReport
from lianfang.records.declare import P0, About, Record
from lianfang.services import cases
from lianfang.services.installation import Installation
from lianfang.store import metadata, table


def test_an_index_that_names_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="place"):

        class Wrong(Record):
            """A record whose index is over a field that it has not."""

            about: ClassVar[About] = About(
                "wrong_index", "错", "wrong", "store", ("name",), frozenset(), indexes=(("name", "place"),)
            )
            name: Annotated[str, P0("名", "name")]


def test_the_first_field_of_an_index_has_none_of_its_own() -> None:
    names = {str(index.name) for index in table(CaseReport).indexes}
    assert {"ix_case_report_event_id_case_id", "ix_case_report_case_id_date_reporting_batch_id"} <= names
    assert not names & {"ix_case_report_event_id", "ix_case_report_case_id"}


def test_an_installation_has_every_index_that_the_records_declare(inst: Installation) -> None:
    inspector = sa.inspect(inst.store.engine)
    for name, declared in metadata.tables.items():
        wanted = {(str(index.name), *index.columns.keys()) for index in declared.indexes}
        held = {
            (str(index["name"]), *map(str, index["column_names"])) for index in inspector.get_indexes(name)
        }
        assert held == wanted, name


def test_the_cases_of_an_event_are_found_without_going_over_all(inst: Installation) -> None:
    cards, where = table(CaseReport), {"event_id": ["e1"]}
    for given in ({"where": where}, {"where": {}, "case_ids": ["c1", "c2"]}):
        statement = cases._versions(cards, date(2026, 1, 29), read=[cards.c.case_id], **given)
        text = str(statement.compile(inst.store.engine, compile_kwargs={"literal_binds": True}))
        with inst.store.read() as connection:
            plan = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
        assert not [line for line in plan if line.startswith("SCAN case_report")], plan
