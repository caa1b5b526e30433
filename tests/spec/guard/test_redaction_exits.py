"""No direct identifier leaves by a log line, an error, a job's text, a file's name or an export's cell."""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lianfang.foundation.errors import BadInput
from lianfang.guard.redaction.exits import cell, file_name, masked, watch_logs

NAMES = ("覃晓舟", "冼星辰", "欧阳明哲", "邝美玲")


def _planted(count: int) -> list[tuple[str, str]]:
    """Sentences of a program with an identifier in them, and the identifier."""
    chance = random.Random(57)
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    made = []
    for i in range(count):
        phone = f"154{chance.randrange(10**8):08}"
        born = f"{chance.randrange(1940, 2010)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
        head = f"429901{born}{chance.randrange(1000):03}"
        number = head + "10X98765432"[sum(int(a) * b for a, b in zip(head, weights, strict=True)) % 11]
        name = NAMES[i % len(NAMES)]
        made.append(
            [
                (f"row {i}: phone {phone} is not of this area", phone),
                (f"cannot parse {number} in column 3", number),
                (f"姓名：{name}，无此人", name),
                (f"mail to p{i}@mail.example.org failed", f"p{i}@mail.example.org"),
            ][i % 4]
        )
    return made


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    before = logging.getLogRecordFactory()
    watch_logs()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("lianfang.planted")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_a_thousand_planted_identifiers_do_not_reach_a_log(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    planted = _planted(1000)
    for i, (sentence, value) in enumerate(planted):
        match i % 3:
            case 0:
                logger.warning(sentence)
            case 1:
                logger.warning("%s", sentence)
            case _:
                logger.warning("%(what)s", {"what": sentence, "unused": value})
    written = stream.getvalue()
    assert written.count("WARNING") == 1000
    assert [value for _, value in planted if value in written] == []


def test_an_exception_in_a_log_is_masked_with_its_traceback(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    try:
        raise ValueError("no such phone: 15400001234")
    except ValueError:
        logger.exception("import of %s failed", "15400001235")
    written = stream.getvalue()
    assert "1540000123" not in written
    assert "Traceback" in written and "ValueError" in written


def test_a_number_of_an_unknown_kind_stays_readable(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.warning("batch %s: %d rows in %.1f s, case LJ20260128003", "b-00231", 5120, 1.5)
    assert "batch b-00231: 5120 rows in 1.5 s, case LJ20260128003" in stream.getvalue()


def test_arguments_that_do_not_fit_are_not_printed(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.warning("one %s two %s", "15400001234")
    assert "15400001234" not in stream.getvalue()


def test_watching_twice_is_watching_once(log: tuple[logging.Logger, io.StringIO]) -> None:
    watched = logging.getLogRecordFactory()
    watch_logs()
    assert logging.getLogRecordFactory() is watched


def test_errors_and_cells_are_masked() -> None:
    for sentence, value in _planted(200):
        assert value not in masked(sentence)
        assert value not in cell(sentence)
    assert cell("rode G1024次05车12A with a case, 3 nights at 城南路12号") == (
        "rode G1024次05车12A with a case, 3 nights at 城南路12号"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("冼星辰_15400001234.csv", "某人_〔已隐去〕.csv"),
        ("429901198507124319.csv.gz", "〔已隐去〕.csv.gz"),
        ("15400001234", "〔已隐去〕"),
        ("病例报告_2026-01-28.csv", "病例报告_2026-01-28.csv"),
        ("bulletin-e1-2.lianfang.json", "bulletin-e1-2.lianfang.json"),
    ],
)
def test_a_file_is_told_of_without_the_person_in_its_name(name: str, told: str) -> None:
    assert file_name(name) == told


def test_an_import_names_the_file_without_the_person(tmp_path: Path) -> None:
    from lianfang.services.importing.source import opened

    for content in (b"", b"BZh9"):
        path = tmp_path / "15400001234.csv"
        path.write_bytes(content)
        with pytest.raises(BadInput) as told, opened(path):
            pass
        assert "15400001234" not in str(told.value)


def test_a_table_is_masked_in_its_text_cells_and_nowhere_else() -> None:
    import polars as pl

    from lianfang.guard.redaction.exits import frame

    table = pl.DataFrame(
        {
            "token": ["a1b2c3", "15400001234", None],
            "who": ["姓名：覃晓舟", "", "same room"],
            "score": [1.5, 0.2, 0.1],
        }
    )
    told = frame(table)
    assert told.schema == table.schema and told["score"].to_list() == [1.5, 0.2, 0.1]
    assert told["token"].to_list() == ["a1b2c3", "〔已隐去〕", None]
    assert told["who"].to_list() == ["姓名：某人", "", "same room"]
    assert frame(table.clear()).shape == (0, 3)


def test_contacts_by_command_show_no_number_that_came_as_a_token(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import polars as pl

    from lianfang.cli.tracing import _show

    table = pl.DataFrame(
        {"contact": ["15400001234", "t-7"], "score": [3.0, 1.0], "reason": [["room"], ["train"]]}
    )
    for as_json in (False, True):
        _show(table.drop("reason") if not as_json else table, as_json)
        shown = capsys.readouterr().out
        assert "15400001234" not in shown and "t-7" in shown


def test_the_replays_tables_have_no_place_for_a_text() -> None:
    import polars as pl

    from lianfang.services.replay import china_2020

    told = china_2020()
    for table in (told.table, told.daily):
        assert [
            name for name, dtype in table.schema.items() if dtype in (pl.String, pl.Object, pl.Binary)
        ] == []
