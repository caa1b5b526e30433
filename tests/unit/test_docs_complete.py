"""The reference is complete and is what the code says now: a command, setting, record type, route or error that is
missing there fails here. `make reference` mends it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def _script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated():
    return _script("gen_reference")


def _text(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_command_and_option_is_documented(generated):
    from lianfang.cli import cli

    page = _text("cli.md")
    found = list(generated.commands(cli))
    assert len(found) > 10
    for name, command in found:
        assert f"## `{name}`" in page, f"`{name}` is not in docs/reference/cli.md: run `make reference`"
        section = page.split(f"## `{name}`\n", 1)[1].split("\n## ", 1)[0]
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert all(option in section for option in parameter.opts), (name, parameter.opts)
                assert getattr(parameter, "help", None), f"`{name}`: {parameter.opts[0]} has no help"
        assert command.help, f"`{name}` has no help"


def test_every_setting_is_documented():
    from lianfang.foundation.settings import Settings

    page = _text("settings.md")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` |" in page, f"{name} is not in docs/reference/settings.md: run `make reference`"
        assert field.description


def test_every_record_type_and_field_is_documented():
    from lianfang.records import REGISTRY

    page = _text("records.md")
    for name, record in REGISTRY.items():
        assert f"{{ #{name} }}" in page, f"{name} is not in docs/reference/records.md: run `make reference`"
        section = page.split(f"{{ #{name} }}", 1)[1].split("\n## ", 1)[0]
        for field in record.fields:
            assert f"| `{field}` |" in section, (name, field)


def test_every_route_is_documented(generated):
    pytest.importorskip(
        "lianfang.services.orders", reason="the server needs the orders, which are still to come"
    )
    found = generated.routes()
    page = _text("routes.md")
    assert len(found) > 20
    for path, method, _, _ in found:
        assert f"| `{path}` | {method} |" in page, (
            f"{path} is not in docs/reference/routes.md: run `make reference`"
        )


def test_the_committed_reference_is_what_the_code_says_now(generated):
    for name, text in generated.pages().items():
        assert _text(name) == text, f"docs/reference/{name} is out of date: run `make reference`"


def test_requirements_are_numbered_without_a_gap_and_in_both_languages():
    rows = re.findall(
        r"^\| (REQ-P-(\d\d)) \| ([^|]+) \| ([^|]+) \|$", _text("requirements.md"), flags=re.MULTILINE
    )
    assert [int(number) for _, number, _, _ in rows] == list(range(1, 75))
    for name, _, english, chinese in rows:
        assert re.search(r"[a-z]{3}", english), name
        assert re.search(r"[\u4e00-\u9fff]{3}", chinese), name


def test_a_test_names_only_requirements_that_exist():
    named = _script("docs_hooks").tests_of_requirements()
    assert named
    known = set(re.findall(r"REQ-P-\d\d", _text("requirements.md")))
    assert set(named) <= known


def test_links_between_pages_and_in_the_readme_lead_somewhere():
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    broken = []
    for page in pages:
        if "python" in page.parts:
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert broken == []


def test_locks_name_no_host_and_every_package_has_a_hash():
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        assert "index-url" not in text, lock.name
        blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
        assert len(blocks) > 5
        assert all("==" in block and "--hash=sha256:" in block for block in blocks), lock.name


def test_help_of_the_program_is_quick_because_it_imports_little():
    code = (
        "import sys; from click.testing import CliRunner; from lianfang.cli import cli;"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0;"
        "heavy = {'polars', 'numpy', 'sqlalchemy', 'numba', 'duckdb', 'pydantic', "
        "'pydantic_settings', 'fastapi'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_locks_hold_what_pyproject_asks_for():
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = project["project"]["dependencies"]
    optional = project["project"]["optional-dependencies"]
    extras = [name for extra, names in optional.items() if extra != "reads" for name in names]
    groups = [name for names in project["dependency-groups"].values() for name in names]
    for lock, asked in (
        ("runtime.lock", runtime),
        ("dev.lock", runtime + extras + groups),
        ("reads.lock", optional["reads"]),
    ):
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        locked: dict[str, list[str]] = {}
        for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", text, flags=re.MULTILINE):
            locked.setdefault(canonicalize_name(name), []).append(version)
        for line in asked:
            wanted = Requirement(line)
            versions = locked.get(canonicalize_name(wanted.name), [])
            assert any(wanted.specifier.contains(v, prereleases=True) for v in versions), (
                f"{lock} lacks {line}: run `make lock`"
            )
