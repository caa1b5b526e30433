"""``lianfang guard``: a door that parses, asks and renders."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from lianfang.cli import cli
from lianfang.foundation.errors import LianfangError

ASK = [
    "guard",
    "policy",
    "decide",
    "--actor",
    "cdc",
    "--phase",
    "collect",
    "--purpose",
    "case_report",
    "--data",
    "name,sex",
]


def run(*arguments: str, text: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments), input=text)
    if isinstance(result.exception, LianfangError):
        return result.exception.exit_code, result.output + str(result.exception)
    return result.exit_code, result.output


def test_decide_permits_with_basis_and_denies_with_exit_4() -> None:
    code, said = run(*ASK, "--context", "event_open=true", "--json")
    assert code == 0
    told: dict[str, Any] = json.loads(said)
    assert told["permit"] is True
    assert told["basis"]
    assert run(*ASK)[0] == 4
    assert run(*ASK, "--json")[0] == 4
    assert run(*ASK, "--context", "event_open")[0] == 2
    assert run(*ASK, "--context", "moon=1")[0] == 3


def test_a_request_comes_from_a_file_or_standard_input() -> None:
    request = {"actor": "press_officer", "phase": "disclose", "purpose": "public_bulletin", "data": ["age"]}
    code, said = run("guard", "policy", "explain", "-", "--json", text=json.dumps(request))
    assert code == 0
    told = json.loads(said)
    assert told["outcome"] == "deny"
    assert any(rule["id"] == "never_public" and rule["applies"] for rule in told["fields"][0]["rules"])
    assert run("guard", "policy", "decide", "-", text="{")[0] == 3
    assert run("guard", "policy", "decide", "/no/such/file")[0] == 3


def test_packs_and_diff_are_listed() -> None:
    listed = json.loads(run("guard", "policy", "packs", "--json")[1])
    assert {row["id"] for row in listed} >= {"cn-seed-2020", "eu-2371"}
    code, said = run("guard", "policy", "diff", "eu-1082", "eu-2371")
    assert code == 0
    assert "age_days" in said
    assert run("guard", "policy", "diff", "eu-1082", "nowhere")[0] == 3


def test_redaction_says_what_it_cannot_see() -> None:
    from lianfang.guard.redaction import ner

    code, said = run("guard", "redaction", "--capabilities")
    assert code == 0 and "nickname" in said
    with ner.switched(False):
        assert "lianfang[ner]" in run("guard", "redaction", "--capabilities")[1]
        assert "lianfang[ner]" in run("guard", "redaction", "-", text="正常一行\n")[1]


def test_redaction_tells_positions_and_never_the_text() -> None:
    text = "正常一行\n患者覃晓舟，电话15400001234。\n"
    code, said = run("guard", "redaction", "-", text=text)
    assert code == 4
    assert "line 2, column 3: PERSON" in said
    assert "覃晓舟" not in said
    assert "15400001234" not in said
    code, said = run("guard", "redaction", "-", "--mask", text=text)
    assert code == 0
    assert "覃晓舟" not in said
    assert run("guard", "redaction", "-", text="正常一行\n")[0] == 0


def test_disclosure_refuses_or_withholds() -> None:
    candidate = json.dumps({"event": "e", "as_of": "2026-01-30", "tables": {"t": [{"sex": "女", "age": 31}]}})
    assert run("guard", "disclosure", "-", text=candidate)[0] == 4
    code, said = run("guard", "disclosure", "-", "--withhold", text=candidate)
    assert code == 0
    assert "1 age" in said
    assert "31" not in said


@pytest.mark.parametrize("module", ["polars", "numpy", "scipy", "sqlalchemy", "yaml"])
def test_the_help_imports_nothing_heavy(module: str) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from lianfang.cli import cli; "
        "assert CliRunner().invoke(cli, ['guard', '--help']).exit_code == 0; "
        f"assert {module!r} not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_process_itself_exits_4_when_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lianfang", "guard", "redaction", "-"], input="电话15400001234".encode(),
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 4
    assert b"15400001234" not in done.stdout + done.stderr
