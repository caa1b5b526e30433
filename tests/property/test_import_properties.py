"""Properties of import: what goes in comes out, twice is once, a cell never breaks the reader."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import importkit
from lianfang.foundation.errors import BadInput, LianfangError
from lianfang.records import SearchCount
from lianfang.services.importing import delivered, import_files, read_rows
from lianfang.services.importing.mapping import parse_mapping
from lianfang.services.importing.rows import _unescaped, escaped
from lianfang.services.importing.symptoms import CODES, codes
from lianfang.services.importing.values import Wrong, parse_date, parse_integer, parse_moment, parse_real

DAYS = st.dates(date(1950, 1, 1), date(2099, 12, 31))
# what a strict UTF-8 table can hold in a cell, without the control characters that are refused
CELLS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
    lambda text: text.strip() == text and text
)


@given(DAYS)
def test_every_written_form_of_a_day_is_that_day(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    forms = [
        day.isoformat(), f"{day.year}/{day.month}/{day.day}", f"{day.year}.{day.month}.{day.day}",
        f"{day:%Y%m%d}", f"{day.year}年{day.month}月{day.day}日", str(serial), f"{serial}.0",
        f"{day.isoformat()}T00:00:00", f"{day.isoformat()} 08:30",
    ]  # fmt: skip
    assert [parse_date(form) for form in forms] == [day] * len(forms)


@given(DAYS)
def test_a_form_that_can_be_read_in_two_ways_is_refused(day: date) -> None:
    for form in (f"{day.day}/{day.month}/{day.year}", f"{day.month}/{day.day}/{day.year}"):
        found = parse_date(form)
        assert isinstance(found, Wrong) and found.reason == "date_ambiguous"
    for form in (f"{day.month}月{day.day}日", f"{day.month}/{day.day}"):
        found = parse_date(form)
        assert isinstance(found, Wrong) and found.reason == "date_without_year"
    assert parse_date(f"{day.day}/{day.month}/{day.year}", frozenset({"dmy"})) == day
    assert parse_date(f"{day.month}/{day.day}/{day.year}", frozenset({"mdy"})) == day


@given(st.text(max_size=40))
@example("²0200120")
@example("٢٠٢٠-01-20")
@example("1e999")
def test_no_text_breaks_a_parser(text: str) -> None:
    for parse in (parse_date, parse_integer, parse_real, codes):
        parse(text)
    from datetime import UTC

    parse_moment(text, UTC)
    assert set(codes(text)) <= CODES


@given(st.integers(-(10**15), 10**15))
def test_numbers(value: int) -> None:
    assert parse_integer(str(value)) == value
    assert parse_real(str(value)) == float(value)


@given(st.lists(st.text(max_size=20), max_size=5))
def test_quoting_against_formulas_is_undone(row: list[str]) -> None:
    quoted = escaped(row)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in quoted)
    if not any(cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "\t", "\r") for cell in row):
        assert _unescaped(quoted) == row


@given(
    st.lists(st.tuples(DAYS, CELLS, st.integers(0, 10**9)), min_size=1, max_size=20),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.sampled_from([",", "\t", ";"]),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_a_table_round_trips(rows: list[tuple[date, str, int]], encoding: str, mark: str, end: str) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=mark, lineterminator=end)
    writer.writerow(["日期", "区划", "检索词", "次数"])
    writer.writerows([day.isoformat(), "429901", term, n] for day, term, n in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(stream.getvalue().encode(encoding))
        got = [row for chunk in read_rows(path, kind="city-search-count") for row in chunk]
    assert [(row["date"], row["term"], row["count"]) for row in got] == rows


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
@example(b"\x1f\x8b" + bytes(20))
@example(b"PK\x03\x04" + bytes(30))
@example(b"PAR1" + bytes(30) + b"PAR1")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes("日期,区划,检索词,次数\n".encode() + data)
        for content in (path.read_bytes(), data):
            path.write_bytes(content)
            with pytest.raises(BadInput) if content == data else _either():
                list(read_rows(path, kind="city-search-count"))


class _either:
    """Rows or a refusal of the family, nothing else."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type | None, error: object, trace: object) -> bool:
        return kind is not None and issubclass(kind, LianfangError)


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_mapping_or_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        parse_mapping(data, "m.yaml")


@given(data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_importing_in_any_order_and_again_gives_the_last_delivery(
    data: st.DataObject, tmp_path: Path, count: Callable[[int, int], int]
) -> None:
    """Deliveries of overlapping days: the later delivery's figure holds, and re-importing changes nothing."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        inst = importkit.make(Path(folder) / "home")
        start, wanted = date(2026, 1, 5), {}
        paths = []
        for n in range(3):
            rows = data.draw(
                st.dictionaries(st.integers(0, n), st.integers(0, 99), min_size=1), label=f"delivery {n}"
            )
            day = start + timedelta(days=n)
            lines = [[str(start + timedelta(days=k)), "429901", "发热", str(v)] for k, v in rows.items()]
            paths.append((importkit.write(Path(folder) / f"{n}.csv", "日期,区划,检索词,次数", lines), day))
            wanted.update({start + timedelta(days=k): v for k, v in rows.items()})
        for path, day in data.draw(st.permutations(paths), label="order"):
            import_files(inst, importkit.EPI, "search_count", [path], day=day)
        for path, day in paths:
            assert import_files(inst, importkit.EPI, "search_count", [path], day=day)[0].status == "unchanged"
        got = delivered(inst, SearchCount, as_of=start + timedelta(days=5))
        assert dict(got.select("date", "count").iter_rows()) == wanted
        inst.close()
