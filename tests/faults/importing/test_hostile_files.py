"""Wrong, damaged and hostile files end in a clear message, soon, in little memory, and change nothing."""

from __future__ import annotations

import gzip
import io
import re
import resource
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import importkit
from importkit import CARD, EPI, card, write
from lianfang.foundation.errors import BadInput
from lianfang.records import Batch, CaseReport
from lianfang.services.importing import import_files, tables
from lianfang.services.importing.encoding import Text, inspect
from lianfang.services.importing.source import Source
from lianfang.services.installation import Installation
from lianfang.store import tally

Count = Callable[[int, int], int]


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    made = importkit.make(tmp_path / "home")
    yield made
    made.close()


def refused(inst: Installation, path: Path, words: str, kind: str = "case_report") -> str:
    """Import must refuse with these words, grow by less than 300 MB, and change nothing."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match=words) as caught:
        import_files(inst, EPI, kind, [path])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
    with inst.store.read() as connection:
        assert tally(connection, Batch) == 0 and tally(connection, CaseReport) == 0
    staging = inst.home / "staging"
    assert not staging.exists() or [p.name for p in staging.iterdir()] in ([], [".lock"])
    assert not list((inst.home / "rejects").iterdir())
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


def good() -> bytes:
    stream = io.StringIO()
    stream.write(CARD + "\n")
    for n in range(1, 50):
        stream.write(",".join(card(n)) + "\n")
    return stream.getvalue().encode()


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_empty_and_headerless(inst: Installation, tmp_path: Path) -> None:
    refused(inst, put(tmp_path / "a.csv", b""), "is empty")
    refused(inst, put(tmp_path / "a.csv", b"\n\n"), "has no header")
    refused(inst, tmp_path, "cannot be read|not a plain file")
    refused(inst, tmp_path / "nothing.csv", "cannot be read")


def test_a_fifo_does_not_hang(inst: Installation, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.csv")
    refused(inst, tmp_path / "pipe.csv", "not a plain file")


def test_a_line_without_an_end(inst: Installation, tmp_path: Path, count: Count) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as stream:
        stream.write(CARD.encode() + b"\n")
        for _ in range(count(64, 1024)):
            stream.write(b"a" * (1 << 20))
    refused(inst, path, r"line longer than 1048576 bytes \(line 2\)")
    path.unlink()


def test_an_open_quotation_mark(inst: Installation, tmp_path: Path) -> None:
    rest = good().decode().partition("\n")[2] * 40
    data = CARD + "\n" + rest.replace(",王测7,", ',"王测7,', 1)
    message = refused(inst, put(tmp_path / "a.csv", data.encode()), "longer than 131,072 characters")
    assert "王测" not in message
    refused(inst, put(tmp_path / "b.csv", good() + b'"'), "quotation mark is not closed")
    refused(inst, put(tmp_path / "c.csv", good() + b'"a"b,'), "after a closing quotation mark")


def test_nul_bytes(inst: Installation, tmp_path: Path) -> None:
    data = good()
    at = data.index("王测9".encode())
    refused(
        inst, put(tmp_path / "a.csv", data[:at] + b"\x00" + data[at:]), rf"NUL byte at byte {at} \(line 10\)"
    )


def test_utf16(inst: Installation, tmp_path: Path) -> None:
    refused(inst, put(tmp_path / "a.csv", good().decode().encode("utf-16")), "UTF-16")


@pytest.mark.parametrize("first", ["utf-8", "gb18030"])
def test_mixed_encodings(inst: Installation, tmp_path: Path, first: str) -> None:
    second = "gb18030" if first == "utf-8" else "utf-8"
    lines = good().decode().splitlines(keepends=True)
    data = "".join(lines[:20]).encode(first) + "".join(lines[20:]).encode(second)
    message = refused(inst, put(tmp_path / "a.csv", data), "mixes encodings")
    start = len("".join(lines[:20]).encode(first))
    found = re.search(r"byte (\d+) \(line 21\)", message)
    assert found and start <= int(found[1]) < start + 200


def test_mixed_encodings_megabytes_apart(inst: Installation, tmp_path: Path) -> None:
    lines = good().decode().splitlines(keepends=True)
    body = "".join(lines[1:]).encode("gb18030") * 400
    refused(inst, put(tmp_path / "a.csv", lines[0].encode() + body), "mixes encodings.*line 2")


def test_latin_1_is_not_taken_for_chinese(inst: Installation, tmp_path: Path) -> None:
    data = good().decode().replace("临江市", "Müller Straße")
    ascii_only = data.encode("ascii", "ignore").replace(b"Mller Strae", "Müller Straße".encode("latin-1"))
    refused(inst, put(tmp_path / "a.csv", ascii_only), "neither valid|does not read as Chinese")


def test_too_many_columns(inst: Installation, tmp_path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(100_000))
    refused(inst, put(tmp_path / "a.csv", f"{names}\n1\n".encode()), "100000 columns")
    refused(inst, put(tmp_path / "b.csv", f"{CARD}{',x' * 3}\n".encode()), "names the column 'x' twice")
    refused(
        inst, put(tmp_path / "c.csv", f"{CARD},secret\n{','.join(card(1))},1\n".encode()), "does not know"
    )


def test_gzip(inst: Installation, tmp_path: Path) -> None:
    packed = gzip.compress(good() * 50)
    refused(inst, put(tmp_path / "a.csv.gz", packed[: len(packed) // 2]), "cut short")
    refused(inst, put(tmp_path / "b.csv.gz", packed[:-20] + b"\xff" * 20), "damaged")
    refused(inst, put(tmp_path / "c.csv.gz", gzip.compress(packed)), "packed twice")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.csv", good())
    refused(inst, put(tmp_path / "d.csv.gz", gzip.compress(archive.getvalue())), "zip archive inside gzip")
    refused(inst, put(tmp_path / "e.csv", archive.getvalue()), "zip archive, not a workbook")
    refused(inst, put(tmp_path / "f.csv", b"BZh91AY&SY" + bytes(99)), "bzip2")


def test_a_gzip_bomb(inst: Installation, tmp_path: Path, count: Count) -> None:
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wb", compresslevel=9) as stream:
        stream.write(CARD.encode() + b"\n")
        for _ in range(count(128, 4096)):
            stream.write(b"\n" * (1 << 20))
    refused(inst, path, "beyond all measure")


def workbook(path: Path, rows: list[list[str]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return path


def changed(path: Path, member: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one part changed."""
    kept = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            kept[name] = change(archive.read(name)) if name == member else archive.read(name)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    return path


def test_workbooks(inst: Installation, tmp_path: Path) -> None:
    rows = [CARD.split(","), *(card(n) for n in range(1, 20))]
    whole = workbook(tmp_path / "a.xlsx", rows).read_bytes()
    refused(inst, put(tmp_path / "b.xlsx", whole[: len(whole) // 2]), "damaged or cut short")
    refused(inst, put(tmp_path / "c.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999)), "old .xls")
    sheet = "xl/worksheets/sheet1.xml"
    far = changed(
        workbook(tmp_path / "d.xlsx", rows), sheet, lambda d: d.replace(b'r="A2"', b'r="XFD1048576"')
    )
    refused(inst, far, "row 1048576, column 16384")
    low = changed(
        workbook(tmp_path / "d2.xlsx", rows), sheet, lambda d: d.replace(b'<row r="2"', b'<row r="9999999"')
    )
    refused(inst, low, "row 9999999")
    entity = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    refused(
        inst,
        changed(workbook(tmp_path / "e.xlsx", rows), sheet, lambda d: d.replace(b"?>", b"?>" + entity, 1)),
        "XML entities",
    )
    broken = changed(workbook(tmp_path / "f.xlsx", rows), sheet, lambda d: d[: len(d) // 2])
    refused(inst, broken, "readable workbook|damaged|lacks")


def test_a_workbook_bomb(inst: Installation, tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [CARD.split(","), card(1)])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/x", "w") as part:
        for _ in range(600):
            part.write(bytes(1 << 20))
    refused(inst, path, "beyond all measure")


def test_parquet(inst: Installation, tmp_path: Path) -> None:
    names = CARD.split(",")
    frame = pl.DataFrame([card(n) for n in range(1, 20)], schema=names, orient="row")
    frame.write_parquet(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    refused(inst, put(tmp_path / "b.parquet", whole[: len(whole) // 2]), "not a readable Parquet file")
    middle = len(whole) // 2
    torn = whole[:300] + bytes(200) + whole[500:middle] + bytes(400) + whole[middle + 400 :]
    refused(inst, put(tmp_path / "c.parquet", torn), "Parquet")
    frame.with_columns(pl.lit([[1]]).alias("list")).write_parquet(tmp_path / "d.parquet")
    refused(inst, tmp_path / "d.parquet", "lists or structures")


def test_formulas_stay_text(inst: Installation, tmp_path: Path) -> None:
    """They are taken as they are and never run; only a spreadsheet would, so the reject file quotes them."""
    evil = ["=1+1", "+cmd|'/C calc'!A0", "-2+3", "@SUM(A1)"]
    path = write(tmp_path / "a.csv", CARD, [card(n + 1, 姓名=text) for n, text in enumerate(evil)])
    assert import_files(inst, EPI, "case_report", [path])[0].accepted == 4
    with inst.vault_store.read() as connection:
        for text in evil:
            assert len(inst.vault.find(connection, "routine", "name", text)) == 1


def test_a_wrong_row_never_shows_its_values(inst: Installation, tmp_path: Path) -> None:
    secret = "429901197003110099"
    wrong = [
        card(1, 报告日期=secret),
        card(2, 性别=secret),
        card(3, 现住址="临" * 5000),
        card(4, 联系电话="1.54E+10"),
        card(5, 姓名="a\x07b"),
        card(6, 出生日期="2027-01-01"),
        [*card(7), secret],
    ]
    report = import_files(inst, EPI, "case_report", [write(tmp_path / "a.csv", CARD, wrong)])[0]
    assert report.accepted == 0 and report.rejected == len(wrong)
    assert sorted(report.reasons) == [
        "columns", "control_character", "date_format", "not_allowed", "number_lost_digits", "order", "too_long",
    ]  # fmt: skip
    assert secret not in str(report.problems) and "临临" not in str(report)
    assert {p.column for p in report.problems} == {
        "报告日期",
        "性别",
        "现住址",
        "联系电话",
        "姓名",
        "出生日期",
        "",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("a: 1\na: 2\n", "stands twice"),
        ("[" * 30_000, "nested too deeply|plain YAML"),
        ("!!python/object/apply:os.system [id]\n", "plain YAML"),
        ("format: lianfang-mapping/1\n", "Field required"),
        ("x" * 70_000, "larger than"),
        ("\x00", "plain YAML"),
    ],
)
def test_hostile_mappings(text: str, words: str) -> None:
    from lianfang.services.importing.mapping import parse_mapping

    with pytest.raises(BadInput, match=words):
        parse_mapping(text.encode(), "m.yaml")


def test_a_file_that_grows_while_it_is_read(
    inst: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.csv", CARD, [card(n) for n in range(1, 10)])

    def inspect_then_grow(source: Source, wanted: str) -> Text:
        found = inspect(source, wanted)
        with path.open("ab") as stream:
            stream.write((",".join(card(99)) + "\n").encode())
        return found

    monkeypatch.setattr(tables, "inspect", inspect_then_grow)
    refused(inst, path, "changed while it was read")
