"""What holds for every text."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from lianfang.foundation.text import log_safe, normalise, spreadsheet_safe

ANY = st.text(max_size=60)
FIELD = st.text(
    alphabet=st.sampled_from("一二三零〇壹幺0123 ９Ａa　\u200b\u202e\u0301\x00=+-@\t\r\n㎏ﾊﾞ가각各"),
    max_size=40,
)


@given(FIELD | ANY)
def test_normalising_twice_changes_nothing(source):
    once = normalise(source).text
    assert normalise(once).text == once


@given(FIELD | ANY)
def test_offsets_rise_and_stay_inside(source):
    form = normalise(source)
    assert len(form.offsets) == len(form.text) + 1
    assert list(form.offsets) == sorted(form.offsets)
    assert all(0 <= offset < max(len(source), 1) for offset in form.offsets[:-1])
    assert form.offsets[-1] == len(source)


@given(FIELD, st.data())
def test_a_span_of_the_normal_form_is_what_its_source_becomes(source, data):
    form = normalise(source, digits=False)
    start = data.draw(st.integers(0, len(form.text)))
    end = data.draw(st.integers(start, len(form.text)))
    again = normalise(source[slice(*form.source_span(start, end))], digits=False).text
    # Blanks at the edge of a part go, and a sign that became several characters comes back whole.
    assert form.text[start:end].strip() in again


@given(ANY)
def test_the_normal_form_has_no_hidden_character(source):
    text = normalise(source).text
    assert not any(unicodedata.category(c) == "Cc" for c in text)
    assert "  " not in text
    assert text == text.strip(" ")


@given(FIELD | ANY)
def test_no_cell_begins_with_a_formula(source):
    cell = spreadsheet_safe(source)
    assert isinstance(cell, str)
    first = cell.lstrip(" \u00a0\u3000\ufeff\u200b")[:1]
    if first and first in "=@\t\r\n＝＋－＠":
        raise AssertionError(repr(cell))
    if first in ("+", "-"):
        float(cell)
    assert cell.removeprefix("'") == "".join(
        c for c in source if c in "\t\n\r" or unicodedata.category(c) != "Cc"
    ).removeprefix("'")


@given(ANY, st.integers(1, 50))
def test_a_log_line_is_one_bounded_line(source, limit):
    line = log_safe(source, limit=limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    line.encode("utf-8")
