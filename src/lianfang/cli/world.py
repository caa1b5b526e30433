"""``lianfang world``: the demonstration city."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click


@click.group()
def world() -> None:
    """The fictional city 临江市 and its outbreak. 演示城市。"""


@world.command()
@click.option("--persons", default=100_000, show_default=True, help="Inhabitants. 人口。")
@click.option("--days", default=60, show_default=True, help="Days from the start. 天数。")
@click.option("--seed", default=24, show_default=True, help="Same seed, same bytes. 随机种子。")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-01-05",
    show_default=True,
    help="First day. 首日。",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New or empty folder. 输出目录。")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON. 以 JSON 输出。")
def build(persons: int, days: int, seed: int, start: datetime, out: Path, as_json: bool) -> None:
    """Write the city as the files real sources would deliver. 生成演示城市。"""
    from lianfang import world as package
    from lianfang.foundation.progress import terminal

    with terminal(enabled=not as_json) as progress:
        city = package.build(
            out, persons=persons, days=days, seed=seed, start=start.date(), progress=progress
        )
    _show(city.path, as_json)


@world.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Compare every file with its digest. 校验每个文件。")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON. 以 JSON 输出。")
def describe(folder: Path, check: bool, as_json: bool) -> None:
    """Say what a built city holds. 说明一个已生成的城市。"""
    _show(folder, as_json, check)


@world.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Day of the results. 结果日期。"
)
def genomes(folder: Path, day: datetime) -> None:
    """Print the genomes of that day's positive samples, simulated. 输出当日阳性样本的模拟基因组。"""
    from lianfang.world.genomes import fasta

    click.echo(fasta(folder, day.date()), nl=False)


def _show(folder: Path, as_json: bool, check: bool = False) -> None:
    from lianfang import world as package
    from lianfang.foundation.errors import BadInput

    city = package.City.open(folder)
    facts = city.describe()
    if check and (damaged := city.damaged()):
        raise BadInput(
            f"{len(damaged)} files are missing or changed, first {damaged[0]}.", hint="Build the city again."
        )
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    for name, value in facts.items():
        click.echo(f"{name:<12} {value}")
