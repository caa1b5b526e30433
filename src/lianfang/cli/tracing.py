"""``lianfang control tracing``: contacts by position, place, seat and sensor, and one ranked list."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import polars as pl

MAX_INPUT = 1_000_000_000
FILE = click.Path(dir_okay=False, allow_dash=True)
_MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])


@click.group()
def tracing() -> None:
    """Who met whom, for how long, in which order to act. 谁与谁接触, 多久, 先找谁。

    FILE is CSV or Parquet, - is standard input. Times are UTC. Tokens only, never names or numbers.
    """


def _read(path: str) -> pl.DataFrame:
    from lianfang.control.tracing.reading import read

    if path != "-":
        return read(path)
    raw = sys.stdin.buffer.read(MAX_INPUT + 1)
    if len(raw) > MAX_INPUT:
        raise click.UsageError("Standard input is larger than 1 GB; give a file instead.")
    return read(raw)


def _index(tokens: tuple[str, ...], path: str | None) -> Any:
    if bool(tokens) == bool(path):
        raise click.UsageError("Give the index persons by --token (repeatable) or by --index FILE.")
    return _read(path) if path else list(tokens)


def _show(frame: pl.DataFrame, as_json: bool, *, limit: int = 100, lang: str = "en") -> None:
    """CSV on standard output, reasons in words; or a JSON array with reason codes.

    Direct identifiers are masked: a file may bring names or numbers where tokens belong.
    """
    import polars as pl

    from lianfang.foundation.text import spreadsheet_frame
    from lianfang.guard.redaction.exits import frame as masked

    if as_json:
        sys.stdout.write(masked(frame).write_json() + "\n")
        return
    from lianfang.control.tracing import words

    shown = masked(frame.head(limit))
    for name in ("reason", "reasons"):
        if name in shown.columns:
            spoken = [
                ", ".join(words(codes, "zh" if lang == "zh" else "en")) for codes in shown[name].to_list()
            ]
            shown = shown.with_columns(pl.Series(name, spoken, dtype=pl.String))
    text = spreadsheet_frame(shown).write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ", float_precision=3)
    sys.stdout.write(text)
    if len(frame) > limit:
        click.echo(f"{len(frame) - limit} more rows; --limit shows more", err=True)


_json = click.option("--json", "as_json", is_flag=True, help="JSON with reason codes. 输出 JSON。")
_limit = click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1), help="Rows shown. 显示行数。"
)
_lang = click.option(
    "--lang", default="en", type=click.Choice(["en", "zh"]), help="Language of reasons. 理由的语言。"
)
_token = click.option("--token", "tokens", multiple=True, help="An index person's token. 指示病例标记。")
_index_file = click.option(
    "--index", "index_file", type=FILE, help="File token [, infectious_from, infectious_to]. 指示病例文件。"
)
_start = click.option("--start", required=True, type=_MOMENTS, help="Start of the period (UTC). 开始。")
_end = click.option(
    "--end", required=True, type=_MOMENTS, help="End of the period, itself excluded. 结束(不含)。"
)


@tracing.command("contacts")
@click.argument("file", type=FILE)
@_token
@_index_file
@_start
@_end
@click.option("--radius", default=50.0, show_default=True, help="Metres. 半径(米)。")
@click.option("--slot", default=600, show_default=True, help="Seconds of a slot. 时段(秒)。")
@click.option("--minutes", default=20.0, show_default=True, help="Least time together. 最少共处分钟。")
@click.option(
    "--order", default="1", type=click.Choice(["1", "2"]), help="2: contacts of contacts too. 2含次密接。"
)
@_limit
@_lang
@_json
def contacts_command(
    file: str, tokens: tuple[str, ...], index_file: str | None, start: datetime, end: datetime, radius: float,
    slot: int, minutes: float, order: str, limit: int, lang: str, as_json: bool,
) -> None:  # fmt: skip
    """Contacts by position: FILE has token, time, lat, lon. 时空伴随者。"""
    from lianfang.control.tracing import contacts

    index = _index(tokens, index_file)
    found = contacts(
        _read(file), index, start=start, end=end, radius_m=radius, slot_seconds=slot, minutes=minutes,
        order=int(order),
    )  # fmt: skip
    _show(found, as_json, limit=limit, lang=lang)


@tracing.command("co-presence")
@click.argument("file", type=FILE)
@_token
@_index_file
@_start
@_end
@click.option("--seat-rows", default=2, show_default=True, help="Rows counted as near. 前后排数。")
@click.option("--minutes", default=0.0, show_default=True, help="Least overlap. 最少重叠分钟。")
@_limit
@_lang
@_json
def co_presence_command(
    file: str, tokens: tuple[str, ...], index_file: str | None, start: datetime, end: datetime, seat_rows: int,
    minutes: float, limit: int, lang: str, as_json: bool,
) -> None:  # fmt: skip
    """Same place, room or seats: FILE has token, place, kind, start, end [, row, floor, room]. 同场所同住同乘者。"""
    from lianfang.control.tracing import co_presence

    index = _index(tokens, index_file)
    found = co_presence(_read(file), index, start=start, end=end, seat_rows=seat_rows, min_minutes=minutes)
    _show(found, as_json, limit=limit, lang=lang)


@tracing.command("proximity")
@click.argument("file", type=FILE)
@click.option("--minutes", default=15.0, show_default=True, help="Least time in all. 最少累计分钟。")
@click.option("--interval", default=20, show_default=True, help="Seconds of one record. 每条记录秒数。")
@_limit
@_lang
@_json
def proximity_command(file: str, minutes: float, interval: int, limit: int, lang: str, as_json: bool) -> None:
    """Sensor contacts: FILE has t, i, j. 传感器近距离接触。"""
    from lianfang.control.tracing import proximity

    _show(
        proximity(_read(file), min_minutes=minutes, interval_seconds=interval),
        as_json,
        limit=limit,
        lang=lang,
    )


@tracing.command("infectors")
@click.argument("file", type=FILE)
@click.option("--contacts", "contacts_file", type=FILE, help="File case, candidate [, weight]. 接触文件。")
@click.option("--mean", default=4.7, show_default=True, help="Mean serial interval, days. 代间距均值(天)。")
@click.option("--sd", default=2.9, show_default=True, help="Its standard deviation. 其标准差。")
@_limit
@_json
def infectors_command(
    file: str, contacts_file: str | None, mean: float, sd: float, limit: int, as_json: bool
) -> None:
    """Likely infectors: FILE has case, onset [, imported]. 推断传染来源。"""
    from lianfang.control.tracing import who_infected_whom

    met = _read(contacts_file) if contacts_file else None
    _show(who_infected_whom(_read(file), met, serial_interval=(mean, sd)), as_json, limit=limit)


@tracing.command("rank")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--token", "tokens", multiple=True, help="An index person, left out of the list. 指示病例标记。"
)
@_limit
@_lang
@_json
def rank_command(
    files: tuple[str, ...], tokens: tuple[str, ...], limit: int, lang: str, as_json: bool
) -> None:
    """One ranked list: FILES have index, contact, score, reason (codes parted by blanks). 综合排序。"""
    from lianfang.control.tracing import rank

    found = rank([_read(file) for file in files], index=list(tokens) or None)
    _show(found, as_json, limit=limit, lang=lang)
