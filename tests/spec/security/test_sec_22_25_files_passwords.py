"""Security requirements 22 to 25: what is delivered as a file, what files are called, and passwords."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import importkit
from accountkit import BOSS, make, move
from importkit import CARD, EPI, card, write
from lianfang.api.app import create_app
from lianfang.api.view import attachment
from lianfang.foundation.errors import BadInput
from lianfang.guard import accounts
from lianfang.guard.accounts import passwords
from lianfang.records import Batch
from lianfang.services.importing import import_files
from lianfang.services.importing.limits import Limits
from lianfang.services.importing.source import opened
from lianfang.services.installation import Installation
from lianfang.store import tally
from securitykit import House


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Installation]:
    made = importkit.make(tmp_path / "home")
    yield made
    made.close()


# 22: size, kind by content, how much it grows


def test_sec_22_a_claim_of_two_gigabytes_is_refused_before_a_byte_is_read(inst: Installation) -> None:
    from fastapi.testclient import TestClient

    client = TestClient(create_app(inst), base_url="https://testserver")
    for path in ("/signin", "/api/v1/exchange/posts", "/subjects/report"):
        answer = client.post(path, content=b"x", headers={"content-length": str(2 << 30)})
        assert answer.status_code == 413, path


def _zip(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


POLYGLOTS = {
    "a.csv": (_zip(("a.csv", b"x")), "zip archive, not a workbook"),
    "b.csv": (
        b"%PDF-1.7\n" + _zip(("xl/workbook.xml", b"<x/>")),
        "NUL byte|neither valid|does not know|header",
    ),
    "c.xlsx": (b"GIF89a" + b"\x00" * 64 + _zip(("xl/workbook.xml", b"<x/>")), "NUL byte|neither valid"),
    "d.xlsx": (b"<html><script>alert(1)</script>\n1\n", "does not know|lacks|header"),
    "e.parquet": (b"\x7fELF\x02\x01\x01" + bytes(64), "NUL byte|a program and not a table"),
    "f.csv": (b"PAR1" + bytes(64), "Parquet"),
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_sec_22_a_files_kind_is_told_by_its_content_whatever_its_name(
    desk: Installation, tmp_path: Path, name: str
) -> None:
    data, words = POLYGLOTS[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadInput, match=words):
        import_files(desk, EPI, "case_report", [tmp_path / name])
    with desk.store.read() as connection:
        assert tally(connection, Batch) == 0


def test_sec_22_a_workbook_is_one_though_it_is_called_csv(desk: Installation, tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "report.csv"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate([CARD.split(","), card(1)]):
            sheet.write_row(at, 0, row)
    assert import_files(desk, EPI, "case_report", [path])[0].accepted == 1


def test_sec_22_what_grows_beyond_its_ratio_or_size_is_stopped(tmp_path: Path) -> None:
    import gzip

    small = Limits(ratio=20, ratio_from=1 << 16, file_bytes=1 << 20)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"\n" * (1 << 19)))
    with (
        pytest.raises(BadInput, match="beyond all measure"),
        opened(bomb, small) as source,
        source.stream() as stream,
    ):
        while stream.read(1 << 16):
            pass
    large = tmp_path / "large.csv"
    large.write_bytes(b"a" * ((1 << 20) + 1))
    with pytest.raises(BadInput, match="larger than"), opened(large, small):
        pass


# 23: names of files

NAMES = (
    "../../etc/passwd",
    "..\\..\\win.ini",
    "a\r\nSet-Cookie: x=1",
    'a"; filename="b.exe',
    "甄.csv",
    "a\x00b",
    "%2e%2e/x",
)


@pytest.mark.parametrize("name", NAMES)
def test_sec_23_a_name_adds_nothing_to_the_header_but_itself(name: str) -> None:
    held = attachment(name)["Content-Disposition"]
    inner = held.removeprefix('attachment; filename="').removesuffix('"')
    assert held.startswith('attachment; filename="') and held.endswith('"') and held.isascii()
    assert not set(inner) & set('"\\/;\r\n\x00 ')


@given(st.text(max_size=60))
def test_sec_23_no_name_breaks_out_of_the_header(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    held = attachment(name)["Content-Disposition"]
    assert held.count('"') == 2 and held.isascii() and held.isprintable()
    assert "/" not in held and "\\" not in held and held.count(";") == 1


def test_sec_23_no_path_leads_out_of_the_static_folder(house: House) -> None:
    for path in (
        "/static/../security.py",
        "/static/%2e%2e/security.py",
        "/static/..%2fsecurity.py",
        "/static/....//security.py",
        "/static/%2e%2e%5csecurity.py",
        "/static//etc/passwd",
        "/static/lianfang.css/../../app.py",
        "/static/",
    ):
        assert house.client.get(path).status_code in (404, 405), path


def test_sec_23_a_delivered_name_is_no_place_on_the_disk(desk: Installation, tmp_path: Path) -> None:
    """The file of rejected rows is named by the batch; nothing is written outside the installation's folders."""
    folder = tmp_path / "in"
    folder.mkdir()
    names = ("..;rm -rf .csv", "a\r\nb.csv", "$(id).csv", "甄临一的表.csv", "-rf.csv")
    known = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    for number, name in enumerate(names):
        path = write(folder / name, CARD, [card(number + 1, 报告日期="never")])
        assert import_files(desk, EPI, "case_report", [path])[0].rejected == 1
    made = list((desk.home / "rejects").iterdir())
    assert len(made) == len(names)
    for path in made:
        assert re.fullmatch(r"[0-9a-f]{12}_case_report\.csv", path.name), path.name
    outside = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    assert outside - known == {folder / name for name in names}


# 24 and 25: passwords

GOOD = (
    "seven herons over the river",
    "落霞与孤鹜齐飞秋水共长天一色也",
    "aaaaaaa bbbbbbb ccccc ddd e",  # no rule of composition: no digit, no capital, no sign
    "x7" * 3 + "wandering tortoise" * 10,  # 186
    "the quick tortoise says: " + "né" * 87 + "q",  # 200
    "p" + "ersistent heron, " * 15,  # 256
)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with make(tmp_path_factory.mktemp("people") / "home") as inst:
        yield inst


@pytest.mark.parametrize("password", GOOD, ids=len)
def test_sec_24_a_password_of_any_characters_signs_in_by_the_page_and_no_part_of_it_does(
    people: Installation, password: str
) -> None:
    from fastapi.testclient import TestClient

    with people.store.begin() as connection:
        who = accounts.account(connection, BOSS)
        accounts.set_password(connection, who.account_id, password, now=people.now())
    client = TestClient(create_app(people), base_url="https://testserver", follow_redirects=False)
    assert client.post("/signin", data={"name": BOSS, "password": password}).status_code == 303
    for part in (password[:-1], password[:72], password[:64]):
        if part != password:
            assert client.post("/signin", data={"name": BOSS, "password": part}).status_code == 401
    move(people, minutes=16)  # wrong passwords are counted by address


def test_sec_24_the_bounds_are_fifteen_and_at_least_sixty_four_characters() -> None:
    sentence = "seven herons, over the wide river; " * 10
    for length in (15, 16, 64, 65, 128, 200, 256):
        accounts.check_password(sentence[:length].strip().ljust(length, "q"))
    for length in (0, 1, 8, 14, 257, 5000):
        with pytest.raises(BadInput):
            accounts.check_password(sentence.ljust(6000, "z")[:length])
    assert passwords.MIN_LENGTH == 15 and passwords.MAX_LENGTH >= 64


def test_sec_24_the_form_takes_as_many_characters_as_a_password_may_have(house: House) -> None:
    fields = re.findall(r'<input[^>]*type="password"[^>]*>', house.client.get("/signin").text)
    assert len(fields) == 1
    for field in fields:
        most = re.search(r'maxlength="(\d+)"', field)
        assert most is None or int(most[1]) >= passwords.MAX_LENGTH, field


def test_sec_25_every_common_password_is_refused_alone_doubled_and_padded() -> None:
    words = sorted(passwords.common_passwords())
    assert len(words) == 3000
    for word in words:
        for password in (
            word,
            word.upper(),
            word + word,
            f"{word}!!{'0' * 15}",
            f"2026 {word} 2026".ljust(15, "."),
        ):
            with pytest.raises(BadInput):
                accounts.check_password(password, minimum=1)


@pytest.mark.parametrize(
    "password",
    [
        "lianfang-lianfang",
        "Lianfang2026!Lianfang",
        "联防联控联防联控联防联控联防联控",
        "疫情防控2020疫情防控2021",
        "疾控中心2026疾控中心!!!!",
        "covid-outbreak-2020",
        "disease control centre",
        "EPIDEMIC.Pandemic.2020",
        "chen.jing.chen.jing",
        "chen.jing@lianfang",
        "welcome admin 20261",
    ],
)
def test_sec_25_words_of_the_house_and_the_own_name_are_no_password(password: str) -> None:
    assert len(password) >= 15
    with pytest.raises(BadInput) as caught:
        accounts.check_password(password, name="chen.jing")
    assert password not in str(caught.value)


def test_sec_25_a_sentence_may_speak_of_the_house() -> None:
    for password in (
        "the epidemic ended on a tuesday",
        "联防以后我们去江边看白鹭和渔火",
        "my admin likes purple kites",
    ):
        accounts.check_password(password, name="chen.jing")
