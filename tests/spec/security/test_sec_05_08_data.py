"""Security requirements 5 to 8: formulas in tables, calls to other machines, code made of data, XML."""

from __future__ import annotations

import ast
import csv
import io
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner

import importkit
from importkit import CARD, EPI, card, write
from lianfang.cli import cli
from lianfang.foundation import addresses
from lianfang.foundation.errors import BadInput, Fault
from lianfang.services import contacts
from lianfang.services.exchange import tls
from lianfang.services.importing import import_files
from lianfang.services.installation import Installation, Who
from lianfang.services.ledger import outside
from lianfang.services.orders import wire

ROOT = Path(__file__).parents[3]
SRC = ROOT / "src" / "lianfang"

# 5: formulas

FORMULAS = (
    "=1+1",
    "+cmd|'/C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1+1",
    "\u3000=1",
    "＝1+1",
    "＠x",
    "\n=1",
)


def _is_formula(cell: str) -> bool:
    """What Excel, LibreOffice or WPS would run on opening the file."""
    start = cell.lstrip(" \u00a0\u3000\ufeff\u200b\t\r\n")
    number = re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", cell)
    return not number and (cell[:1] in "\t\r\n" or start[:1] in tuple("=+-@＝＋－＠")) if cell else False


def _cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) for cell in row]


def test_sec_05_the_table_of_contacts_holds_no_formula(
    inst: Installation, event_id: str, staff: dict[str, Who], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = contacts.lock(inst, staff["epidemiologist"], event_id, ["c0", "c1"], reason="x", worker="li.she")
    contacts.approve(inst, staff["manager"], lock)
    for formula in FORMULAS:
        monkeypatch.setattr(
            contacts, "reasons_in_words", lambda rows, _, f=formula: {r["contact_id"]: [f] for r in rows}
        )
        cells = _cells(contacts.export(inst, staff["epidemiologist"], event_id))
        assert len(cells) > 8 and not [cell for cell in cells if _is_formula(cell)], formula


def test_sec_05_rejected_rows_hold_no_formula_and_are_taken_back_as_they_were(tmp_path: Path) -> None:
    from lianfang.services.importing.rows import _unescaped, escaped

    assert not [cell for cell in escaped(list(FORMULAS)) if _is_formula(cell)]
    assert _unescaped(escaped(list(FORMULAS))) == list(FORMULAS)
    rows = [card(n + 1, 姓名=text, 报告日期="never") for n, text in enumerate(FORMULAS) if text.isprintable()]
    with importkit.make(tmp_path / "home") as inst:
        report = import_files(inst, EPI, "case_report", [write(tmp_path / "a.csv", CARD, rows)])[0]
        assert report.rejected == len(rows)
        kept = (inst.home / "rejects" / Path(report.rejects).name).read_text(encoding="utf-8-sig")
    assert not [cell for cell in _cells(kept) if _is_formula(cell)]


def test_sec_05_tables_of_the_commands_hold_no_formula(tmp_path: Path) -> None:
    from lianfang.foundation.text import spreadsheet_frame

    rows = ["age,city,illness"] + [f'{30 + n % 2},"=HYPERLINK(1)","@{n % 2}"' for n in range(12)]
    (tmp_path / "records.csv").write_text("\n".join(rows), encoding="utf-8")
    out = tmp_path / "out.csv"
    arguments = ["guard", "disclosure", "microdata", str(tmp_path / "records.csv"), "--quasi", "age,city"]
    done = CliRunner().invoke(cli, [*arguments, "--k", "2", "--out", str(out)])
    assert out.is_file(), done.output
    cells = _cells(out.read_text(encoding="utf-8"))
    assert any("HYPERLINK" in cell for cell in cells) and not [cell for cell in cells if _is_formula(cell)]
    frame = spreadsheet_frame(pl.DataFrame({"=a": list(FORMULAS), "n": range(len(FORMULAS))}))
    assert not [cell for cell in _cells(frame.write_csv()) if _is_formula(cell)]
    assert frame["n"].to_list() == list(range(len(FORMULAS)))


def test_sec_05_every_table_that_is_written_goes_through_it() -> None:
    """Where the house writes CSV, and what makes its cells safe there: a new place has to be looked at."""
    places = {
        "services/contacts.py": "spreadsheet_safe",
        "treat/genome/tables.py": "spreadsheet_safe",
        "services/importing/run.py": "escaped",
        "services/replay.py": "spreadsheet_frame",
        "services/gifts/lists.py": "escaped",
        "cli/tracing.py": "spreadsheet_frame",
        "cli/disclosure.py": "spreadsheet_frame",
        "cli/importing.py": "",  # the form's header: names of our own columns
        "world/centre.py": "",  # the invented city's deliveries, as raw as real ones
    }
    found = set()
    for path in SRC.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if re.search(r"csv\.writer|DictWriter|\.write_csv\(|to_csv\(", text):
            name = path.relative_to(SRC).as_posix()
            found.add(name)
            assert places.get(name, "?") in text, name
    assert found == set(places)


# 6: where the house may be sent

NEVER = (
    "https://169.254.169.254", "https://[fe80::1]", "https://[::ffff:169.254.169.254]", "https://100.100.100.200",
    "https://[fd00:ec2::254]", "https://0.0.0.0", "https://[::]", "https://224.0.0.1", "https://2852039166",
    "https://0xa9fea9fe", "https://0xa9.0xfe.0xa9.0xfe", "https://169.254.43518", "http://169.254.169.254",
    "https://255.255.255.255", "gopher://a", "file:///etc/passwd", "ftp://a", "http://10.0.0.8", "https://u:p@a",
)  # fmt: skip


@pytest.mark.parametrize("url", NEVER)
def test_sec_06_no_address_of_a_network_or_a_cloud_itself(url: str) -> None:
    for check in (wire.checked_url, tls.checked_url, outside.address):
        with pytest.raises(BadInput):
            check(url)


def test_sec_06_named_machines_and_this_one_are_reached() -> None:
    for url in (
        "https://holder.example",
        "https://10.1.2.3:8443",
        "https://127.0.0.1:1",
        "https://[2001:db8::1]",
    ):
        assert wire.checked_url(url) == url and tls.checked_url(url) == url
    assert wire.checked_url("http://127.0.0.1:8100")
    for url in ("http://127.0.0.1", "http://localhost"):
        with pytest.raises(BadInput):
            tls.checked_url(url)


def test_sec_06_a_name_that_stands_for_such_an_address_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    import httpx

    def resolve(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("10.1.2.3", 0)), (2, 1, 6, "", ("169.254.169.254", 0))]

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("it was called")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(httpx, "Client", never)
    with pytest.raises(BadInput):
        addresses.check_resolved("holder.example")
    with pytest.raises(BadInput):
        wire.call("https://holder.example", "/identity")


def test_sec_06_a_redirect_is_not_followed() -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    asked: list[str] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/latest/meta-data")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Redirecting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(Fault, match="redirects"):
            wire.call(f"http://127.0.0.1:{server.server_port}", "/identity")
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["/identity"]


def test_sec_06_nothing_else_of_the_house_calls_out() -> None:
    callers = {"services/orders/wire.py", "services/exchange/outbox.py", "services/ledger/outside.py"}
    calls = (
        r"httpx\.(Client|AsyncClient|get|post|request|stream)|urlopen|http\.client|aiohttp|create_connection"
    )
    own = {"cli/demo.py"}  # asks the node that it has started itself
    found = set()
    for path in SRC.rglob("*.py"):
        if re.search(calls, path.read_text(encoding="utf-8")):
            found.add(path.relative_to(SRC).as_posix())
    assert found == callers | own


# 7: no code from data

_CALLS = {"eval", "exec", "compile", "__import__"}
_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}


def _wrong(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in _CALLS or name.endswith((".from_string", "yaml.unsafe_load", "yaml.full_load")):
                yield f"{name} in line {node.lineno}"
            if name == "yaml.load":
                loader = {word.arg: ast.unparse(word.value) for word in node.keywords}.get("Loader", "")
                if loader not in ("Loader", "yaml.SafeLoader", "yaml.CSafeLoader"):
                    yield f"yaml.load in line {node.lineno}"
            if any(
                word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in node.keywords
            ):
                yield f"allow_pickle in line {node.lineno}"
        if isinstance(node, ast.Import) and {one.name.partition(".")[0] for one in node.names} & _MODULES:
            yield f"import in line {node.lineno}"
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _MODULES:
            yield f"import in line {node.lineno}"


def test_sec_07_no_code_is_made_of_data() -> None:
    found = {
        f"{path.relative_to(SRC)}: {one}"
        for path in SRC.rglob("*.py")
        for one in _wrong(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()
    bad = "import pickle\neval('1')\nyaml.load(x)\nenv.from_string(t)\nnp.load(p, allow_pickle=True)"
    assert len(list(_wrong(ast.parse(bad)))) == 5  # it finds what it looks for


def test_sec_07_yaml_makes_plain_values_only() -> None:
    from lianfang.foundation import plainyaml

    for text in (
        "!!python/object/apply:os.system [id]",
        "a: !!python/name:os.system",
        "a: &x [*x]",
        "a: &a [1]\nb: [*a, *a]",
        "[" * 40 + "]" * 40,
        "a: 1\na: 2",
    ):
        with pytest.raises(plainyaml.NotPlain):
            plainyaml.load(text.encode())
    assert plainyaml.load(b"a: [1, x, 2026-01-01]")["a"][0] == 1


# 8: XML

ENTITIES = {
    "external": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    "parameter": '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x">%a;]>',
    "laughs": "<!DOCTYPE x [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    + "]>",
    "only a type": "<!DOCTYPE x>",
}


@pytest.mark.parametrize("form", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("kind", ENTITIES)
def test_sec_08_a_workbook_with_entities_is_refused_at_once(tmp_path: Path, kind: str, form: str) -> None:
    path, evil = tmp_path / "a.xlsx", tmp_path / "evil.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_row(0, 0, CARD.split(","))
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(evil, "w", zipfile.ZIP_DEFLATED) as made:
        for name in archive.namelist():
            text = archive.read(name)
            if name == "xl/worksheets/sheet1.xml":
                marked = (
                    text.decode().replace("?>", "?>" + ENTITIES[kind], 1).replace("UTF-8", form.upper()[:6])
                )
                text = marked.encode(form)
            made.writestr(name, text)
    with importkit.make(tmp_path / "home") as inst:
        began = time.process_time()
        with pytest.raises(BadInput, match="XML entities"):
            import_files(inst, EPI, "case_report", [evil])
        assert time.process_time() - began < 1


def test_sec_08_nothing_else_reads_xml() -> None:
    for path in SRC.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(xml\.(etree|dom|sax)|lxml|ElementTree|expat)\b", text), path
