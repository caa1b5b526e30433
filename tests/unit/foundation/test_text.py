"""Normal forms, spreadsheet cells and log lines by example."""

from __future__ import annotations

import csv
import io

import pytest

from lianfang.foundation.text import log_safe, normalise, spreadsheet_safe


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("ＡＢＣ　１２３", "ABC 123"),
        ("  两 \u3000 行\r\n字 ", "两 行 字"),
        ("一五四〇〇一三八零零零", "15400138000"),
        ("壹伍肆", "154"),
        ("幺五四", "154"),
        ("三天", "三天"),
        ("１５４—００１３", "154-0013"),
        ("1\u200b5\u202e4", "154"),
        ("㎏", "kg"),
        ("", ""),
        ("\u3000\u00a0", ""),
        ("e\u0301cole", "école"),
        ("a\x00b", "ab"),
    ],
)
def test_normal_form(written, normal):
    assert normalise(written).text == normal


def test_the_map_leads_back_to_what_was_written():
    source = "电话：　１５４ 零零一三，体温３８．１℃"
    form = normalise(source)
    start = form.text.index("38.1")
    assert source[slice(*form.source_span(start, start + 4))] == "３８．１"
    assert source[slice(*form.source_span(0, len(form.text)))] == source
    assert form.offsets[-1] == len(source)


def test_a_sign_that_becomes_several_maps_to_itself_whole():
    form = normalise("5㎏!")
    assert form.text == "5kg!"
    assert form.source_span(1, 2) == (1, 2)
    assert form.source_span(1, 3) == (1, 2)
    with pytest.raises(IndexError):
        form.source_span(2, 9)


def test_digits_and_case_are_choices():
    assert normalise("一五四", digits=False).text == "一五四"
    assert normalise("Straße ＡB", fold_case=True).text == "strasse ab"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+86-27", "-cmd", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "\u3000=1", "＝1+1", "\x00=1", "\n@x"],
)
def test_a_formula_becomes_text(text):
    assert str(spreadsheet_safe(text)).startswith("'")


@pytest.mark.parametrize("value", ["", "城南市场", "a=b", "-3.5", "+2.6", "1e-3", 3, 2.5, None, True])
def test_what_is_no_formula_stays(value):
    assert spreadsheet_safe(value) == value


def test_a_neutralised_cell_survives_a_csv_file():
    out = io.StringIO()
    csv.writer(out).writerow([spreadsheet_safe('=HYPERLINK("x","y")\x00'), spreadsheet_safe("a\nb")])
    assert next(csv.reader(io.StringIO(out.getvalue(), newline=""))) == ['\'=HYPERLINK("x","y")', "a\nb"]


def test_a_log_line_cannot_be_forged_or_hidden():
    assert log_safe("ok\r\n2026-01-01 admin signed in") == "ok  2026-01-01 admin signed in"
    assert log_safe("\x1b[31mred\x1b[0m\x07") == "[31mred[0m"
    assert log_safe("abc\u202edef\u2028x\ud800") == "abcdef x?"
    assert log_safe("临江市 " + "x" * 600, limit=10) == "临江市 xxxxx…"
