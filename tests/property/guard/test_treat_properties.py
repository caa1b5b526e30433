"""Whatever a decision says: nothing of a field that it does not show, no more of a value than its treatment tells."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from lianfang.guard.policy import treat
from lianfang.guard.policy.decision import Decision
from lianfang.guard.policy.vocabulary import DATA, TREATMENTS

VALUES = st.one_of(
    st.none(), st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes(),
    st.lists(st.text(max_size=8), max_size=3),
)  # fmt: skip
DECISIONS = st.dictionaries(st.sampled_from(DATA), st.sampled_from(TREATMENTS)).map(
    lambda fields: Decision(True, "permit", (), fields, frozenset(), (), 1, "", "")
)
DECLARED = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(("", *DATA)))


def tokens(values: Any) -> list[str]:
    return ["t"] * len(values)


@given(DECISIONS, DECLARED, st.lists(st.dictionaries(st.sampled_from("abcdefgh"), VALUES), max_size=4))
def test_only_shown_fields_leave_as_they_are(
    decision: Decision, declared: dict[str, str], rows: list[dict[str, Any]]
) -> None:
    made = treat.project(decision, rows, declared, tokens=tokens)
    assert len(made) == len(rows)
    for row, given_out in zip(rows, made, strict=True):
        for name, value in given_out.items():
            datum = declared[name]
            how = decision.fields.get(datum, "drop") if datum else "show"
            assert how != "drop"
            if how == "show":
                assert value is row[name]
            elif isinstance(row[name], str) and len(row[name]) > 12 and how == "mask":
                assert row[name] != value
        hidden = {name for name, datum in declared.items() if datum and datum not in decision.fields}
        assert not hidden & set(given_out) and set(given_out) <= set(declared)


@given(
    DECISIONS,
    st.lists(st.one_of(st.none(), st.text(max_size=30)), min_size=1, max_size=8),
    st.sampled_from(DATA),
)
def test_a_frame_says_what_its_rows_say(decision: Decision, values: list[str | None], datum: str) -> None:
    rows = [{"x": value} for value in values]
    frame = pl.DataFrame(rows, schema={"x": pl.String})
    by_rows = treat.project(decision, rows, {"x": datum}, tokens=tokens)
    by_column = treat.project(decision, frame, {"x": datum}, tokens=tokens)
    assert by_column.to_dicts() == (list(by_rows) if "x" in by_column.columns else [])


@given(st.sampled_from(DATA), VALUES)
def test_every_value_is_treated_or_withheld_never_a_failure(datum: str, value: Any) -> None:
    for how in ("mask", "generalise"):
        treat.value(how, datum, value)
