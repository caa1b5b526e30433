"""``lianfang treat casedef``: people's findings against the dated editions of the case definition."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from lianfang.cli.common import taken


@click.command("casedef")
@click.argument("file", metavar="FILE", required=False)
@click.option("--edition", help="Its id; the Chinese plan in force on the day unless given. 版本。")
@click.option(
    "--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The edition in force on this day. 适用日期。"
)
@click.option("--compare", metavar="EDITION", help="The same people by another edition. 与另一版本比较。")
@click.option(
    "--editions", "list_editions", is_flag=True, help="The editions, with their sources. 列出版本。"
)
@click.option("--findings", "list_findings", is_flag=True, help="The columns there are. 列出可用列名。")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def casedef(
    file: str | None, edition: str | None, day: datetime | None, compare: str | None, list_editions: bool,
    list_findings: bool, as_json: bool,
) -> None:  # fmt: skip
    """Who counts as a case, how severe, and why. 病例定义：分类、分型与理由。

    FILE is CSV (columns are findings, one row a person, a column id of the row's own code) or a JSON list; - reads
    standard input. An aid to decide by, not a diagnosis. 供判断参考，不是诊断。
    """
    from lianfang.foundation.errors import UsageError
    from lianfang.treat import casedef as engine
    from lianfang.treat.casedef import tables

    if list_findings or list_editions:
        _listed(list_findings, as_json)
        return
    if not file:
        raise UsageError("Give a file of findings, or --findings to see which there are.")
    chosen = edition or engine.in_force(day.date() if day else date.today()).id  # noqa: DTZ011 (the user's day)
    people = tables.people_of(taken(file, tables.MOST_BYTES), Path(file).name)
    if compare:
        _compared(engine.reclassify((found for _, found in people), chosen, compare), as_json)
        return
    made = [(key, engine.classify(found, edition=chosen)) for key, found in people]
    if as_json:
        rows = [{"id": key, **asdict(one)} for key, one in made]
        click.echo(json.dumps({"notice": engine.NOTICE, "rows": rows}, ensure_ascii=False))
        return
    for key, one in made:
        click.echo("\n".join(_told(key, one)))
    click.echo("\n".join(engine.NOTICE))


def _told(key: str, one: Any) -> list[str]:
    from lianfang.treat.casedef import CLASSES, SEVERITIES

    said = " ".join(CLASSES[one.classification])
    lines = [f"{key}\t{one.edition}\t{one.classification}\t{one.severity or '-'}\t{said}"]
    if one.reasons:
        lines.append(f"  because 理由 {', '.join(one.reasons)}: {' '.join(one.article)}")
    if one.severity_reasons:
        lines.append(
            f"  severity 分型 {' '.join(SEVERITIES[one.severity])}: {', '.join(one.severity_reasons)}"
        )
    if one.possible:
        lines.append(f"  still possible 尚不能排除 {', '.join(one.possible)}")
    if one.missing:
        lines.append(f"  would decide 待查 {', '.join(one.missing)}")
    return [*lines, f"  source 出处 {one.checked}"]


def _listed(findings: bool, as_json: bool) -> None:
    from lianfang.treat import casedef as engine

    if findings:
        words = engine.findings()
        if as_json:
            click.echo(json.dumps(words, ensure_ascii=False))
        else:
            for name, said in words.items():
                click.echo(f"{name}\t{said[0]}\t{said[1]}\t{said[2] if len(said) == 3 else 'yes/no'}")
        return
    known = engine.all_editions().values()
    if as_json:
        rows = [
            {"id": one.id, "valid_from": one.valid_from.isoformat(), "title": one.title, "issuer": one.issuer,
             "checked": dict(one.checked), "asks": sorted(one.asks)}
            for one in known
        ]  # fmt: skip
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for one in known:
        click.echo(f"{one.id}\t{one.valid_from}\t{one.title[0]} {one.title[1]}")
        for part, source in one.checked.items():
            click.echo(f"  {part}: {source}")


def _compared(found: Any, as_json: bool) -> None:
    if as_json:
        moved = [{"before": a, "after": b, "count": count} for (a, b), count in sorted(found.moved.items())]
        click.echo(json.dumps({**asdict(found), "moved": moved}, ensure_ascii=False))
        return
    click.echo(f"class 分类\t{found.before}\t{found.after}")
    for name in dict.fromkeys([*found.counts_before, *found.counts_after]):
        click.echo(f"{name}\t{found.counts_before.get(name, 0)}\t{found.counts_after.get(name, 0)}")
    for (before, after), count in sorted(found.moved.items()):
        if before != after:
            click.echo(f"  {before} -> {after}\t{count}")
