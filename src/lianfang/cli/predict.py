"""``lianfang predict``: the prediction engines on CSV files."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from lianfang.cli import _room
from lianfang.cli.common import taken

if TYPE_CHECKING:
    import polars as pl

predict = _room("predict", "What is going on, what comes next. 疫情态势与预警。")

FILE = click.argument("file", metavar="FILE")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
COLUMN = click.option("--column", help="Column with the counts. 计数所在列。")


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
        for row in frame.iter_rows(named=True)
    ]


def _print(frame: pl.DataFrame, title: str, empty: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    if frame.is_empty():
        console.print(f"{title}: {empty}")
        return
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for name, kind in frame.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left")
    for row in frame.iter_rows():
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "!" if value else ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, list):
        return " ".join(map(str, value[:8])) + (" ..." if len(value) > 8 else "")
    from rich.markup import escape

    return escape(str(value))


def _weights(context: click.Context, option: click.Parameter, text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter("numbers separated by commas, as in 0,0.2,0.5,0.3") from None


@click.command("reproduction")
@FILE
@click.option("--serial-interval", type=(float, float), metavar="MEAN SD", help="In steps. 序列间隔（步）。")
@click.option("--weights", callback=_weights, help="Serial interval as w0,w1,... with w0 = 0. 逐步概率。")
@click.option("--window", type=int, default=7, show_default=True, help="Steps in a window. 窗口步数。")
@click.option(
    "--prior",
    type=(float, float),
    default=(5.0, 5.0),
    metavar="MEAN SD",
    help="Prior of R, 5 5 unless given. R 的先验。",
)
@COLUMN
@JSON
def reproduction(
    file: str,
    serial_interval: tuple[float, float] | None,
    weights: list[float] | None,
    window: int,
    prior: tuple[float, float],
    column: str | None,
    as_json: bool,
) -> None:
    """Rt from new cases a day (Cori et al. 2013, equal to EpiEstim). 由逐日新增病例估计再生数 Rt。

    FILE is a CSV with a column of new cases (cases, or --column), and where there are any, date and imported; - reads
    standard input. FILE 为 CSV，- 表示标准输入。
    """
    from lianfang.services import prediction

    frame = prediction.reproduction_of(
        taken(file, prediction.MOST_BYTES),
        serial_interval=serial_interval,
        weights=weights,
        window=window,
        prior=prior,
        column=column,
    )
    if as_json:
        click.echo(json.dumps(_rows(frame), ensure_ascii=False))
        return
    _print(frame, "Rt · 再生数", "too few steps · 数据不足")


@click.command("detection")
@FILE
@click.option("--method", default="ears_c2", show_default=True, help="ears_c1, ears_c2, ears_c3. 方法。")
@click.option("--last", type=int, default=26, show_default=True, help="Steps to judge. 判定最近几步。")
@click.option("--alpha", type=float, help="Level; 0.001, for C3 0.025, unless given. 检验水准。")
@click.option("--baseline", type=int, default=7, show_default=True, help="Steps in the baseline. 基线步数。")
@click.option("--min-sigma", type=float, default=0.0, show_default=True, help="Least spread. 标准差下限。")
@COLUMN
@JSON
def detection(
    file: str,
    method: str,
    last: int,
    alpha: float | None,
    baseline: int,
    min_sigma: float,
    column: str | None,
    as_json: bool,
) -> None:
    """Is this step more than usual? EARS C1 to C3. 计数是否异常升高？

    FILE is a CSV with a column of counts, evenly spaced; - reads standard input. An alarm is a count above its
    bound; no bound, no judgement. FILE 为 CSV，- 表示标准输入；超过上界即预警。
    """
    from lianfang.services import prediction

    frame = prediction.detection_of(
        taken(file, prediction.MOST_BYTES),
        method=method,
        column=column,
        last=last,
        alpha=alpha,
        baseline=baseline,
        min_sigma=min_sigma,
    )
    if as_json:
        click.echo(json.dumps(_rows(frame), ensure_ascii=False))
        return
    _print(frame, f"{method} · 预警", "nothing to judge · 无可判定")


@click.command("clusters")
@FILE
@click.option(
    "--attribute", "attributes", multiple=True, help="Column that cases may share; repeat. 共同属性列。"
)
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day; the newest onset unless given. 截止日。"
)
@click.option(
    "--min-cases", type=int, default=3, show_default=True, help="Cases that raise an alarm. 预警例数。"
)
@click.option("--days", type=int, default=14, show_default=True, help="Within so many days. 天数。")
@JSON
def clusters(
    file: str,
    attributes: tuple[str, ...],
    as_of: datetime | None,
    min_cases: int,
    days: int,
    as_json: bool,
) -> None:
    """Do cases share a workplace, school, place or household? 病例是否聚集？

    FILE is a CSV line list: token, onset and attributes, perhaps unexplained (true or false); - reads standard input.
    First the rule, then the scan against what earlier cases lead one to expect. 先按规则，再按统计扫描。
    """
    from lianfang.services import prediction

    alarms, found = prediction.clusters_of(
        taken(file, prediction.MOST_BYTES),
        attributes=attributes,
        as_of=as_of.date() if as_of else None,
        min_cases=min_cases,
        days=days,
    )
    if as_json:
        click.echo(json.dumps({"alarms": _rows(alarms), "scan": _rows(found)}, ensure_ascii=False))
        return
    _print(alarms.drop("reason_zh", "tokens"), "Alarms by the rule · 规则预警", "none · 无")
    short = found.select("attribute", "value", "cases", "expected", "p_value", "first", "last", "window_days")
    _print(short.head(20), "Scan · 统计扫描", "no excess · 无异常")
