"""``lianfang import``: delivered files into the installation."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lianfang.cli.common import acting, on_installation, opened, say

if TYPE_CHECKING:
    from lianfang.services.importing import ImportReport

ROLES = ("epidemiologist", "manager")


@click.command("import")
@click.argument("kind", required=False)
@click.argument("files", nargs=-1)
@click.option("--template", is_flag=True, help="Print the form of a record type as CSV. 输出空白表头。")
@click.option(
    "--list", "listed", is_flag=True, help="List the kinds that can be imported. 列出可导入的类别。"
)
@click.option(
    "--mapping", type=click.Path(dir_okay=False, path_type=Path), help="Own mapping file. 自定义映射。"
)
@click.option("--strict", is_flag=True, help="Refuse a file with a bad row. 有错误行即拒收整个文件。")
@click.option("--dry-run", is_flag=True, help="Check only, write nothing. 只检查，不写入。")
@click.option("--day", help="Day of delivery, YYYY-MM-DD. 送达日期。")
@on_installation
def import_(
    kind: str | None,
    files: tuple[str, ...],
    template: bool,
    listed: bool,
    mapping: Path | None,
    strict: bool,
    dry_run: bool,
    day: str | None,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Import FILES (or - for standard input) of one KIND. 导入某一类别的文件。

    KIND is a ready mapping's name or a record type (--list). CSV, TSV, .xlsx and Parquet are read, packed
    with gzip or not. The same file again changes nothing.
    """
    from lianfang.foundation.errors import UsageError
    from lianfang.foundation.progress import terminal
    from lianfang.foundation.words.choice import terminal_language

    if listed:
        _list(as_json)
        return
    if template:
        _template(kind or "", as_json)
        return
    if not kind or not files:
        raise UsageError("Say what to import: lianfang import KIND FILE...", hint="Kinds: --list.")
    delivered = _day(day)
    from lianfang.services.importing import import_files

    with opened(home, clock) as inst, terminal(not as_json) as progress:
        who = acting(inst, account, ROLES)
        reports = []
        for file in files:
            reports += import_files(
                inst, who, kind, [file], mapping=mapping, strict=strict, dry_run=dry_run, day=delivered,
                progress=progress,
            )  # fmt: skip
    lang = terminal_language(home)
    say(as_json, [report.to_json() for report in reports], "\n".join(_words(one, lang) for one in reports))


def _template(kind: str, as_json: bool) -> None:
    """The form that the record's declaration gives: its columns as a CSV header, what they mean beside it."""
    import csv
    import io

    from lianfang.records import form, record_type

    columns = form(record_type(kind))
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([one["name"] for one in columns])
    if not as_json:
        meaning = [
            f"{one['name']}{' *' if one['required'] else ''}: {one['zh']} {one['en']}" for one in columns
        ]
        click.echo("\n".join(meaning), err=True)
    say(as_json, columns, out.getvalue().rstrip("\n"))


def _day(text: str | None) -> date | None:
    from lianfang.foundation.errors import UsageError

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"{text!r} is no date.", hint="Write it like 2020-02-11.") from None


def _list(as_json: bool) -> None:
    from lianfang.services.importing import mappings

    ready: list[dict[str, Any]] = [
        {"kind": m.name, "record": m.record, "zh": m.title_zh, "en": m.title_en, "files": m.files}
        for m in mappings().values()
    ]
    lines = [f"{row['kind']:<22} {row['record']:<16} {row['en']} {row['zh']}" for row in ready]
    say(as_json, ready, "\n".join(lines))


def _words(report: ImportReport, lang: str) -> str:
    from lianfang.foundation import words

    if report.status == "unchanged":
        return f"{report.file}: imported before, nothing changed. 此前已导入，无变化。"
    done = "checked 已检查" if report.status == "checked" else "imported 已导入"
    lines = [
        f"{report.file}: {done} ({report.mapping}, {report.encoding}); {report.rows:,} rows, "
        f"{report.accepted:,} accepted, {report.changed:,} new or changed, {report.rejected:,} rejected."
    ]
    lines += [f"  {words.say(str(problem), lang)}" for problem in report.problems[:10]]
    if report.rejects:
        lines.append(f"  Mend and import again 更正后重新导入: {report.rejects}")
    return "\n".join(lines)
