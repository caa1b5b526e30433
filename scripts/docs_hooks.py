"""Hooks of the manual (mkdocs.yml): navigation from the folders, the Python reference, tests beside requirements.

The navigation is made from what lies in docs/, so that a new page in docs/how-to or docs/explanation needs no entry.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import pkgutil
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = (
    ("tutorial", "Tutorial 教程"),
    ("how-to", "How to 操作指南"),
    ("explanation", "Explanation 说明"),
    ("reference", "Reference 参考"),
    ("decisions", "Decisions 决策记录"),
)
ROOMS = (
    "predict",
    "control",
    "treat",
    "recover",
    "defend",
    "guard",
    "services",
    "world",
    "records",
    "store",
    "lake",
)


def title_of(file: Path) -> str:
    """The first heading of a page, without mark-up."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return re.sub(r"[`*]|\{[^}]*\}", "", line[2:]).strip()
    return file.stem.replace("-", " ").capitalize()


def navigation(docs: Path) -> list[Any]:
    """Pages at the root first, then each section's pages by name, README/index first."""
    nav: list[Any] = [{"Lianfang 联防": "index.md"}]
    nav += [{title_of(f): f.name} for f in sorted(docs.glob("*.md")) if f.name != "index.md"]
    named = {name for name, _ in SECTIONS}
    others = sorted(d.name for d in docs.iterdir() if d.is_dir() and d.name not in named | {"assets"})
    for folder, title in (*SECTIONS, *((name, name.capitalize()) for name in others)):
        entries = _entries(docs, docs / folder)
        if entries:
            nav.append({title: entries})
    return nav


def _entries(docs: Path, folder: Path) -> list[Any]:
    if not folder.is_dir():
        return []
    files = sorted(folder.glob("*.md"), key=lambda f: (f.name not in ("index.md", "README.md"), f.name))
    entries: list[Any] = [{title_of(f): f.relative_to(docs).as_posix()} for f in files]
    for below in sorted(d for d in folder.iterdir() if d.is_dir()):
        if deeper := _entries(docs, below):
            entries.append({below.name.capitalize(): deeper})
    return entries


def _value(module: Any, name: str) -> Any:
    """What a module lists under ``name``; a module that is announced but not there yet counts as a module."""
    try:
        return getattr(module, name)
    except ImportError:
        return sys


def public_names(module: Any) -> list[str]:
    """What a module offers: its ``__all__``, else its own public functions and classes."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return [name for name in listed if not inspect.ismodule(_value(module, name))]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    ]


def _modules(name: str) -> list[tuple[str, list[str]]]:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        logging.getLogger("mkdocs").info("not in the Python reference: %s (%s)", name, error)
        return []
    names = public_names(module)
    found = [(name, names)] if names else []
    if hasattr(module, "__path__") and not names:
        for info in pkgutil.iter_modules(module.__path__):
            if not info.name.startswith("_"):
                found += _modules(f"{name}.{info.name}")
    return found


def python_page(room: str) -> str:
    """Directives for mkdocstrings: each public name where it is defined."""
    lines = [f"# lianfang.{room}", ""]
    for name, names in _modules(f"lianfang.{room}"):
        module = importlib.import_module(name)
        lines += [f"## {name}", "", inspect.cleandoc(module.__doc__ or ""), ""]
        for public in names:
            value = inspect.unwrap(getattr(module, public)) if callable(getattr(module, public)) else None
            home = getattr(value, "__module__", "") or ""
            if value is not None and home.startswith("lianfang.") and hasattr(value, "__qualname__"):
                lines += [f"::: {home}.{value.__qualname__}", ""]
            else:
                lines += [f"### `{public}`", ""]
    return "\n".join(lines) + "\n"


def write_python_reference(docs: Path) -> None:
    folder = docs / "reference" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    for room in ("foundation", *ROOMS):
        text = python_page(room)
        file = folder / f"{room}.md"
        if text.count("\n") < 4:  # a room with nothing in it yet
            file.unlink(missing_ok=True)
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def tests_of_requirements() -> dict[str, list[str]]:
    """Requirement -> test files that prove it: those with a test ``test_req_p_NN_...``.

    A file without such names counts by what its first lines say: ``REQ-P-62 to 65``, ``REQ-P-49, 52 and 60``.
    """
    found: dict[str, set[str]] = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        text = file.read_text(encoding="utf-8")
        numbers = {
            number
            for name in re.findall(r"def test_req_p((?:_\d\d)+)_", text)
            for number in re.findall(r"\d\d", name)
        } or _announced(text.split("from __future__", 1)[0])
        for number in numbers:
            found.setdefault(f"REQ-P-{number}", set()).add(file.relative_to(ROOT).as_posix())
    return {name: sorted(files) for name, files in found.items()}


def _announced(head: str) -> set[str]:
    numbers: set[str] = set()
    for listed in re.findall(r"REQ-P-(\d\d(?:(?:, | and | to )(?:REQ-P-)?\d\d)*)", head):
        for first, last in re.findall(r"(\d\d)(?: to (?:REQ-P-)?(\d\d))?", listed):
            numbers |= {f"{n:02d}" for n in range(int(first), int(last or first) + 1)}
    return numbers


def tests_of_security() -> dict[str, list[str]]:
    """Security requirement -> tests that prove it: those named ``test_sec_NN_...``, and those of ``proved.toml``."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        for number in re.findall(r"def test_sec_(\d\d)_", file.read_text(encoding="utf-8")):
            found.setdefault(f"SEC-{number}", set()).add(file.relative_to(ROOT).as_posix())
    proved = tomllib.loads((ROOT / "tests" / "spec" / "security" / "proved.toml").read_text(encoding="utf-8"))
    for number, tests in proved.items():
        found.setdefault(f"SEC-{number}", set()).update(test.split("::")[0] for test in tests)
    return {name: sorted(files) for name, files in found.items()}


def faults_of_security() -> dict[str, str]:
    """Security requirement -> "caught of all" of its seeded faults, by the recorded runs of ``scripts/mutants.py``."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import mutants
    finally:
        sys.path.pop(0)
    counts: dict[str, list[bool]] = {}
    for one in mutants.load():
        record = ROOT / "tests" / "mutants" / f"{one.theme}.json"
        rows = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
        counts.setdefault(f"SEC-{one.requirement:02d}", []).append(rows.get(mutants.name(one)) == "caught")
    return {name: f"{sum(caught)} of {len(caught)}" for name, caught in counts.items()}


# The hooks that mkdocs calls


def on_config(config: Any) -> Any:
    docs = Path(config["docs_dir"])
    write_python_reference(docs)
    config["nav"] = navigation(docs)
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    if page.file.src_uri == "reference/security.md":
        return _security(markdown)
    if page.file.src_uri != "reference/requirements.md":
        return markdown
    tests = tests_of_requirements()
    lines = []
    for line in markdown.splitlines():
        number = re.match(r"\| (REQ-P-\d\d) ", line)
        if number:
            files = tests.get(number[1], [])
            line += " " + (", ".join(f"`{f.removeprefix('tests/')}`" for f in files) or "none yet") + " |"
        elif line.startswith("| number "):
            line += " tests |"
        elif line.startswith("| --- | --- | --- |"):
            line += " --- |"
        lines.append(line)
    return "\n".join(lines)


def _security(markdown: str) -> str:
    tests, faults = tests_of_security(), faults_of_security()
    lines = []
    for line in markdown.splitlines():
        if number := re.match(r"\| (SEC-\d\d) ", line):
            files = tests.get(number[1], [])
            named = ", ".join(f"`{file.removeprefix('tests/')}`" for file in files) or "none yet"
            line += f" {named} | {faults.get(number[1], 'none yet')} |"
        elif line.startswith("| number "):
            line += " tests | faults caught |"
        elif line.startswith("| --- | --- | --- |"):
            line += " --- | --- |"
        lines.append(line)
    return "\n".join(lines)


def on_page_content(html: str, **_: Any) -> str:
    # docstrings say :class:`X` and :func:`x`
    return re.sub(r":(?:class|func|mod|meth|data|attr|exc):(?=<code>)", "", html)
