"""``lianfang replay``: published outbreaks from facts shipped with the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from lianfang.services.replay import Replay

WORDS = {
    "en": {
        "curve": "Figure 3 · confirmed and dead, cumulative",
        "daily": "From day to day",
        "shares": "On 11 February 2020, 24:00",
        "checks": "Balance checks",
        "date": "day",
        "confirmed": "confirmed",
        "dead": "dead",
        "suspected": "suspected",
        "new_confirmed": "new",
        "new_dead": "new dead",
        "growth": "growth/day",
        "doubling_time": "doubles in",
        "rt": "Rt (95 %)",
        "rt_short": "Rt, short SI",
        "days": "d",
        "si": "Serial interval",
        "short": "short SI",
        "recovered": "recovered of confirmed",
        "share_dead": "dead of confirmed",
        "current": "still ill of confirmed",
        "severe_of_current": "severe of the still ill",
        "dead_of_closed": "dead of closed cases",
        "contacts_still_observed": "contacts still under observation",
        "contacts_per_case": "contacts traced a confirmed case",
        "source": "Source",
        "written": "written",
        "halves": "halves in",
    },
    "zh": {
        "curve": "图 3 · 累计确诊与累计死亡",
        "daily": "逐日变化",
        "shares": "2020 年 2 月 11 日 24 时",
        "checks": "平衡校验",
        "date": "日期",
        "confirmed": "确诊",
        "dead": "死亡",
        "suspected": "现有疑似",
        "new_confirmed": "新增确诊",
        "new_dead": "新增死亡",
        "growth": "日增长率",
        "doubling_time": "倍增时间",
        "rt": "Rt（95%）",
        "rt_short": "Rt（短间隔）",
        "days": "天",
        "si": "序列间隔",
        "short": "短间隔",
        "recovered": "治愈占确诊",
        "share_dead": "死亡占确诊",
        "current": "现有占累计确诊",
        "severe_of_current": "重症占现有确诊",
        "dead_of_closed": "死亡占已转归",
        "contacts_still_observed": "密接中仍在观察",
        "contacts_per_case": "每例确诊追踪密接数",
        "source": "来源",
        "written": "已写出",
        "halves": "减半",
    },
}


@click.group("replay")
def replay() -> None:
    """Published outbreaks, worked out again from shipped facts. 用随附的公开数据重演历史疫情。"""


@replay.command("china-2020")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write figure3.svg, rt.svg and the tables as CSV there. 同时写出图与表。",
)
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language. 语言。"
)
@click.option(
    "--serial-interval",
    type=(float, float),
    metavar="MEAN SD",
    help="Serial interval in days instead of 7.5 3.4 (Li et al. 2020). 序列间隔（天）。",
)
def china_2020(
    as_json: bool, out: Path | None, lang: str, serial_interval: tuple[float, float] | None
) -> None:
    """The white paper's figure 3: 20 January to 11 February 2020. 白皮书图 3。

    Curve of confirmed and dead, growth, doubling time, Rt, shares recovered and dead, balance checks. Needs
    no installation; reads nothing later than 11 February.
    """
    from lianfang.services import replay as service

    result = service.china_2020(serial_interval=serial_interval)
    written = service.write(result, out, lang=lang) if out is not None else ()
    if as_json:
        answer = {**result.as_dict(), "written": [path.name for path in written]}
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    _render(result, lang)
    for path in written:
        click.echo(f"{WORDS[lang]['written']}: {path}")


def _render(result: Replay, lang: str) -> None:
    from rich.console import Console

    words = WORDS[lang]
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=100)
    console.print(_curve(result, words))
    console.print(_daily(result, words))
    for name, si in ((words["si"], result.serial_interval), (words["short"], result.shorter)):
        console.print(f"{name}: {si.mean:g} ± {si.sd:g} {words['days']} - {si.source}", soft_wrap=True)
    console.print()
    console.print(_shares(result, words))
    console.print(_checks(result, words, lang))
    for note in result.notes[lang]:
        console.print(f"· {note}", soft_wrap=True)
    console.print(f"{words['source']}: {result.source}", soft_wrap=True)


def _curve(result: Replay, words: dict[str, str]) -> Table:
    from rich.table import Table

    table = Table(title=words["curve"], title_justify="left", box=None, header_style="bold")
    table.add_column(words["date"])
    table.add_column(words["confirmed"], justify="right")
    table.add_column("")
    table.add_column(words["dead"], justify="right")
    table.add_column("")
    table.add_column(words["suspected"], justify="right")
    most = result.table.row(-1, named=True)
    for row in result.table.iter_rows(named=True):
        table.add_row(
            f"{row['date']:%m-%d}",
            f"{row['confirmed']:,}",
            _bar(row["confirmed"] / most["confirmed"], 22),
            f"{row['dead']:,}",
            _bar(row["dead"] / most["dead"], 14),
            f"{row['suspected']:,}",
        )
    return table


def _bar(share: float, width: int) -> str:
    """A bar of eighths of a block."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")


def _daily(result: Replay, words: dict[str, str]) -> Table:
    from rich.table import Table

    table = Table(title=words["daily"], title_justify="left", box=None, header_style="bold")
    names = ("date", "new_confirmed", "new_dead", "growth", "doubling_time", "rt", "rt_short")
    for name in names:
        table.add_column(words[name], justify="left" if name == "date" else "right")
    for row in result.daily.iter_rows(named=True):
        time = row["doubling_time"]
        doubling = "" if time is None else f"{time:.1f} {words['days']}"
        if time is not None and time < 0:
            doubling = f"{words['halves']} {-time:.1f} {words['days']}"
        table.add_row(
            f"{row['date']:%m-%d}",
            "" if row["new_confirmed"] is None else f"{row['new_confirmed']:,}",
            "" if row["new_dead"] is None else f"{row['new_dead']:,}",
            "" if row["growth"] is None else f"{row['growth']:+.1%}",
            doubling,
            _interval(row, "rt"),
            _interval(row, "rt_short"),
        )
    return table


def _interval(row: dict[str, float | None], name: str) -> str:
    if row[name] is None:
        return ""
    return f"{row[name]:.2f} ({row[f'{name}_low']:.2f}-{row[f'{name}_high']:.2f})"


def _shares(result: Replay, words: dict[str, str]) -> Table:
    from rich.table import Table

    table = Table(title=words["shares"], title_justify="left", box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in result.shares.items():
        text = f"{value:.1f}" if name == "contacts_per_case" else f"{value:.1%}"
        table.add_row(words["share_dead" if name == "dead" else name], text)
    return table


def _checks(result: Replay, words: dict[str, str], lang: str) -> Table:
    from rich.table import Table

    table = Table(title=words["checks"], title_justify="left", box=None, show_header=False)
    for check in result.checks:
        table.add_row("✓" if check.holds else "✗", check.zh if lang == "zh" else check.en, check.detail)
    return table
