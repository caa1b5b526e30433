"""``lianfang holder`` and ``lianfang order`` from the first command to the answer, as two houses would type them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import orderkit
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, Conflict, NotFound, UsageError
from orderkit import EPI, EVENT

PEOPLE = orderkit.people()


def run(*words: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(cli, list(words), input=stdin, catch_exceptions=False, standalone_mode=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return orderkit.write_folder(tmp_path / "linjiang", PEOPLE)


def test_two_houses_from_the_first_command_to_the_answer(tmp_path: Path, data: Path) -> None:
    home = tmp_path / "centre"
    with orderkit.installation(home, real_clock=True) as inst:
        orderkit.open_event(inst, PEOPLE)
    made = json.loads(run("holder", "init", str(data), "--row-cap", "100", "--json").stdout)
    assert made["limits"]["row_cap"] == 100
    identity = run("order", "identity", "--home", str(home)).stdout
    told = run("holder", "trust", str(data), "-", stdin=identity).stdout
    assert "linjiang-cdc" in told
    at = ("--home", str(home), "--as", EPI.account)
    with orderkit.serving(data) as node:
        entered = run("holder", "register", node.url, "--fingerprint", made["fingerprint"], *at).stdout
        assert made["fingerprint"] in entered
        drawn = json.loads(
            run("order", "draft", EVENT, "--holder", "linjiang", "--row-cap", "8", *at, "--json").stdout
        )
        assert "index_cases" not in drawn
        shown = run("order", "show", drawn["order_id"], *at).stdout
        assert '"row_cap": 8' in shown
        sent = run("order", "send", drawn["order_id"], *at).stdout
        assert "returned 返回 7 tokens" in sent
        assert "rows_searched" in run("order", "show", drawn["order_id"], *at).stdout
    listed = run("holder", "orders", str(data)).stdout
    assert drawn["order_id"] in listed
    assert "matched 匹配 3 of 3, answered 返回 7" in listed
    (entry,) = json.loads(run("holder", "orders", str(data), "--json").stdout)
    assert entry["note"]["responsible"] == EPI.account
    everything = told + entered + shown + sent + listed
    assert not [value for one in PEOPLE for value in one.values() if value in everything]


def test_wrong_calls_say_what_to_do(tmp_path: Path, data: Path) -> None:
    def fails(*words: str, stdin: str | None = None) -> BaseException:
        result = CliRunner().invoke(cli, list(words), input=stdin, standalone_mode=False)
        assert result.exception is not None
        return result.exception

    assert isinstance(fails("holder", "orders", str(data)), NotFound)  # no node yet
    run("holder", "init", str(data))
    assert isinstance(fails("holder", "init", str(data)), Conflict)
    assert run("holder", "orders", str(data)).stdout.startswith("no order yet")
    for text in ("", "[]", "{}", '{"name": "x", "ed25519": "!", "x25519": ""}'):
        assert isinstance(fails("holder", "trust", str(data), "-", stdin=text), BadInput)
    assert isinstance(fails("holder", "serve", str(data), "--host", "0.0.0.0"), BadInput)
    assert isinstance(fails("order", "show", "o1", "--home", str(tmp_path / "none")), NotFound)
    from lianfang.services.installation import create

    create(tmp_path / "real", settings={"authority_id": "real-cdc"}).close()
    assert isinstance(fails("order", "show", "o1", "--home", str(tmp_path / "real")), UsageError)


def test_help_stays_light(data: Path) -> None:
    code = "import sys; from lianfang.cli.holder import holder; from lianfang.cli.order import order; "
    heavy = "{'polars', 'sqlalchemy', 'fastapi', 'httpx', 'numpy', 'duckdb', 'pydantic'}"
    done = subprocess.run(
        [sys.executable, "-c", code + f"print(sorted({heavy} & set(sys.modules)))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
    shutil.rmtree(data)
