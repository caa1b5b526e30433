"""Writes the parts of docs/reference that the code itself knows: commands, settings, records, routes, errors.

    python scripts/gen_reference.py            write the pages
    python scripts/gen_reference.py --check    exit 1 when a committed page differs from what would be written

tests/unit/test_docs_complete.py calls :func:`pages`; scripts/docs_hooks.py adds the Python reference at build time.
"""

from __future__ import annotations

import inspect
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import click

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
NOTICE = "<!-- Written by scripts/gen_reference.py; `make reference` writes it anew. -->"


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _code(text: object) -> str:
    return f"`{_cell(text)}`" if str(text) else ""


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _page(title: str, intro: str, lines: list[str]) -> str:
    return "\n".join([NOTICE, "", f"# {title}", "", intro, "", *lines]).rstrip() + "\n"


# Commands


def commands(
    command: click.Command, path: tuple[str, ...] = ("lianfang",)
) -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, depth first; hidden ones too, so that nothing goes undocumented."""
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1])
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from commands(below, (*path, name))


def cli_page() -> str:
    from lianfang.cli import cli

    lines: list[str] = []
    for name, command in commands(cli):
        lines += [f"## `{name}`", "", inspect.cleandoc((command.help or "").replace("\b", "")), ""]
        context = click.Context(command, info_name=name)
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        lines += ["```text", usage, "```", ""]
        rows = []
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                metavar = "" if parameter.is_flag else f" {parameter.make_metavar(context)}"
                default = parameter.default
                shown = "" if default is None or parameter.is_flag or callable(default) else str(default)
                if "Sentinel" in shown or shown == "()":
                    shown = ""
                names = ", ".join([*parameter.opts, *parameter.secondary_opts])
                rows.append((_code(names + metavar), _cell(parameter.help or ""), _code(shown)))
        if rows:
            lines += _table(("option", "meaning", "default"), rows)
    intro = (
        "Every command exits 0 when done, 2 on bad usage, 3 on bad input, 4 when the policy refused, 1 on a fault. "
        "`-` as a file name is standard input. 各命令之返回码：0 完成，2 用法有误，3 输入有误，4 被策略拒绝，1 故障。"
    )
    return _page("Commands 命令", intro, lines)


# Settings


def settings_page() -> str:
    from lianfang.foundation.settings import FILE_NAME, HOME_VARIABLE, Settings

    rows = []
    for name, field in Settings.model_fields.items():
        kind = getattr(field.annotation, "__name__", None) or str(field.annotation).replace("typing.", "")
        if "Literal" in str(field.annotation):
            kind = str(field.annotation).replace("typing.", "")
        limits = ", ".join(
            f"{sign} {value}"
            for rule in field.metadata
            for sign, attribute in (
                (">=", "ge"),
                ("<=", "le"),
                ("at most", "max_length"),
                ("pattern", "pattern"),
            )
            if (value := getattr(rule, attribute, None)) is not None
        )
        default = field.default if not isinstance(field.default, str) or field.default else '""'
        rows.append(
            (
                _code(name),
                _cell(field.description or ""),
                _code(default),
                _code(f"{kind}{f' ({limits})' if limits else ''}"),
                _code(f"LIANFANG_{name.upper()}"),
            )
        )
    intro = (
        f"An installation reads `{FILE_NAME}` in its home folder (`${HOME_VARIABLE}`, else `./var/lianfang`); a "
        "variable of the environment goes before the file. An unknown name in the file is refused. "
        "安装之设置写在其目录下的 `lianfang.toml`，环境变量优先。"
    )
    head = ("setting", "meaning", "default", "type", "variable")
    return _page("Settings 设置", intro, _table(head, rows))


# Record types


def records_page() -> str:
    from lianfang.records import REGISTRY

    lines: list[str] = []
    for name in sorted(REGISTRY):
        record = REGISTRY[name]
        about = record.about
        lines += [f"## {about.en} {about.zh} {{ #{name} }}", ""]
        facts = [
            f"record type `{name}`",
            f"kept in the {about.home}",
            f"retention `{about.retention}`",
            f"same record when {', '.join(_code(part) for part in about.key)} agree",
        ]
        if record.has_subject():
            facts.append("about a person: identifiers go to the vault, the rest stands under `subject_id`")
        if about.importable:
            facts.append("can be imported")
        lines += [
            "; ".join(facts) + ".",
            "",
            f"Purposes: {', '.join(_code(p) for p in sorted(about.purposes))}.",
            "",
        ]
        rows = []
        for info in record.fields.values():
            declared = info.declared
            shape = info.shape + ("" if info.required else ", optional")
            if info.choices:
                shape += ": " + ", ".join(info.choices)
            rows.append(
                (
                    _code(info.name),
                    _cell(f"{declared.en} {declared.zh}"),
                    _cell(shape),
                    f"P{int(declared.privacy)}",
                    _code(declared.kind),
                    _cell(declared.disclosure),
                )
            )
        lines += _table(("field", "meaning", "shape", "class", "policy's word", "disclosure"), rows)
    intro = (
        "Each record type is declared once; tables, lake schemas, import forms and API schemas come from the "
        "declaration. Classes: P0 public 公开, P1 aggregated 汇总, P2 quasi-identifier 准标识, P3 direct identifier "
        "直接标识 (kept in the vault only), P4 special 敏感 (health, whereabouts, lists of exposed persons)."
    )
    return _page("Record types 记录类型", intro, lines)


# Routes


def routes() -> list[tuple[str, str, str, str]]:
    """Every route of the server: path, method, the first line of its description, page or JSON."""
    from lianfang.api.app import create_app

    found = []
    with tempfile.TemporaryDirectory() as folder:  # the server makes its job queue at once
        told_all = create_app(MagicMock(name="installation", home=Path(folder))).openapi()["paths"]
    for path, operations in told_all.items():
        for method, told in operations.items():
            text = next(iter((told.get("description") or told["summary"]).splitlines()), "")
            found.append((path, method.upper(), text, "JSON" if path.startswith("/api/") else "page"))
    return sorted(found)


def routes_page() -> str:
    rows = [(_code(path), methods, _cell(text), kind) for path, methods, text, kind in routes()]
    intro = (
        "What the server answers on. The JSON routes' bodies stand in the running server's "
        "`/api/v1/openapi.json`, for who has signed in. "
        "A refusal answers 403 with `error.code`, `message`, `hint`, `reasons`, `basis`. "
        "服务器之各路径。"
    )
    return _page("Routes 路径", intro, _table(("path", "method", "what", "kind"), rows))


# Errors


def errors_page() -> str:
    from lianfang.foundation import errors

    rows = []
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, errors.LianfangError):
            first = (error.__doc__ or "").strip().splitlines()[0]
            rows.append(
                (_code(name), _code(error.code), str(error.exit_code), str(error.http_status), _cell(first))
            )
    intro = (
        "One family. A message names the file, row, column and reason, and never holds a direct identifier. "
        "错误一族：说明何处有误、如何处置，绝不含个人标识。"
    )
    return _page("Errors 错误", intro, _table(("error", "code", "exit", "HTTP", "meaning"), rows))


WRITERS = {
    "cli.md": cli_page,
    "settings.md": settings_page,
    "records.md": records_page,
    "routes.md": routes_page,
    "errors.md": errors_page,
}


def pages() -> dict[str, str]:
    """File name below docs/reference -> text."""
    return {name: write() for name, write in WRITERS.items()}


def main() -> int:
    differing = []
    for name, text in pages().items():
        file = FOLDER / name
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        differing.append(name)
        if "--check" not in sys.argv:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    if differing:
        print(
            "docs/reference: " + ("differs in " if "--check" in sys.argv else "wrote ") + ", ".join(differing)
        )
    return 1 if differing and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
