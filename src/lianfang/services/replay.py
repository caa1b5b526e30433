"""Replays of published outbreaks from facts shipped with the package. Needs no installation and no database.

:func:`china_2020` is the white paper's figure 3: what the National Health Commission's daily bulletins said
from 20 January to 11 February 2020, and what could be worked out from them on that evening. Nothing later
is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Fault
from lianfang.foundation.text import spreadsheet_frame

if TYPE_CHECKING:
    import polars as pl

    from lianfang.foundation.svg import Drawing

FIRST, LAST = date(2020, 1, 20), date(2020, 2, 11)
WINDOW = 7
COLUMNS = (
    "date",
    "confirmed",
    "suspected",
    "dead",
    "cured",
    "current",
    "severe",
    "contacts_traced",
    "contacts_observed",
)


@dataclass(frozen=True)
class SerialInterval:
    """Mean and standard deviation in days, and where they come from."""

    mean: float
    sd: float
    source: str


# what had been published by 11 February 2020
LI_2020 = SerialInterval(
    7.5, 3.4, "Li Q et al., N Engl J Med 382:1199-1207, online 29 January 2020 (six pairs of cases, Wuhan)"
)
NISHIURA_2020 = SerialInterval(
    4.7, 2.9, "Nishiura H et al., Int J Infect Dis 93:284-286, preprint of February 2020 (28 pairs)"
)


@dataclass(frozen=True)
class Check:
    """One balance that the figures must keep."""

    name: str
    zh: str
    en: str
    detail: str
    holds: bool


@dataclass(frozen=True)
class Replay:
    """Everything that :func:`china_2020` works out.

    ``table``: the bulletins, a row a day. ``daily``: date, new_confirmed, new_dead, growth (per day, new
    cases of the last 7 days) with growth_low and growth_high, doubling_time (days), rt with rt_low and
    rt_high, rt_short (the same with the shorter serial interval), fatality (dead / confirmed so far).
    ``shares``: of 11 February.
    """

    table: pl.DataFrame
    daily: pl.DataFrame
    shares: dict[str, float]
    checks: tuple[Check, ...]
    serial_interval: SerialInterval
    shorter: SerialInterval
    source: str
    notes: dict[str, tuple[str, ...]]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, dates as ISO text: what ``--json`` prints."""
        from dataclasses import asdict

        return {
            "source": self.source,
            "first": FIRST.isoformat(),
            "last": LAST.isoformat(),
            "serial_interval": asdict(self.serial_interval),
            "shorter_serial_interval": asdict(self.shorter),
            "window_days": WINDOW,
            "bulletins": _plain(self.table),
            "daily": _plain(self.daily),
            "shares": self.shares,
            "checks": [asdict(check) for check in self.checks],
            "notes": {lang: list(words) for lang, words in self.notes.items()},
        }


NOTES: dict[str, tuple[str, ...]] = {
    "en": (
        "By day of report, not of onset: tests were short at first, so early growth is partly catching up.",
        "Cases up to 20 January are known only as a sum (291), so the first values of Rt are too high.",
        "The table ends on 11 February: Hubei's case definition changed on the 12th; that jump is no growth.",
        "Dead / confirmed is no fatality rate while most cases are still open.",
    ),
    "zh": (
        "按报告日期统计，非发病日期：早期检测能力不足，初期增长部分属于补报。",
        "截至 1 月 20 日仅知累计 291 例，因此最初几日的 Rt 估计偏高。",
        "数据止于 2 月 11 日。2 月 12 日湖北病例定义调整，当日跳升不是疫情增长。",
        "多数病例尚未转归，死亡数与确诊数之比不是病死率。",
    ),
}


def china_2020(*, serial_interval: tuple[float, float] | None = None) -> Replay:
    """The bulletins of 20 January to 11 February 2020 with growth, doubling time, Rt, shares and balance
    checks.

    Rt: Cori et al. 2013 over 7 days on the 22 daily increments, with the serial interval of Li et al. 2020
    (7.5, 3.4 days) and beside it Nishiura et al. 2020 (4.7, 2.9); ``serial_interval`` puts another (mean,
    sd) in the first's place. Growth: quasi-Poisson log-linear fit over the same 7 days.
    """
    table, source = _bulletins()
    chosen = LI_2020
    if serial_interval is not None:
        chosen = SerialInterval(float(serial_interval[0]), float(serial_interval[1]), "given by the caller")
    return Replay(
        table=table,
        daily=_daily(table, chosen, NISHIURA_2020),
        shares=_shares(table),
        checks=_checks(table),
        serial_interval=chosen,
        shorter=NISHIURA_2020,
        source=source,
        notes=NOTES,
    )


def _bulletins() -> tuple[pl.DataFrame, str]:
    import polars as pl

    text = resources.files("lianfang.services").joinpath("data", "nhc-2020.csv").read_text(encoding="utf-8")
    head = [row[1:].strip() for row in text.splitlines() if row.startswith("#")]
    table = pl.read_csv(text.encode(), comment_prefix="#", try_parse_dates=True)
    if tuple(table.columns) != COLUMNS or table["date"].to_list()[-1:] != [LAST]:
        raise Fault(
            "The shipped table nhc-2020.csv is not the one this version expects.", hint="Install again."
        )
    return table, " ".join(head[:2]).removeprefix("Source: ")


def _daily(table: pl.DataFrame, chosen: SerialInterval, shorter: SerialInterval) -> pl.DataFrame:
    import polars as pl

    from lianfang.predict import reproduction

    daily = table.select(
        "date",
        new_confirmed=pl.col("confirmed").diff(),
        new_dead=pl.col("dead").diff(),
        fatality=pl.col("dead") / pl.col("confirmed"),
    )
    increments = daily["new_confirmed"].drop_nulls()
    grown = reproduction.growth(increments, window=WINDOW)
    spans = {"growth": "rate", "growth_low": "q025", "growth_high": "q975", "doubling_time": "doubling_time"}
    daily = _beside(daily, grown, spans)
    for si, names in (
        (chosen, {"rt": "mean", "rt_low": "q025", "rt_high": "q975"}),
        (shorter, {"rt_short": "mean", "rt_short_low": "q025", "rt_short_high": "q975"}),
    ):
        rt = reproduction.estimate(increments, serial_interval=(si.mean, si.sd), window=WINDOW)
        daily = _beside(daily, rt, names)
    return daily


def _beside(daily: pl.DataFrame, windows: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """Columns of ``windows`` on the day each window ends; step 1 is the day after the first."""
    import polars as pl

    days = pl.Series("date", [FIRST + timedelta(days=int(t)) for t in windows["t_end"]])
    columns = windows.select(**{ours: pl.col(theirs) for ours, theirs in names.items()})
    return daily.join(columns.with_columns(days), on="date", how="left", maintain_order="left")


def _shares(table: pl.DataFrame) -> dict[str, float]:
    end = table.row(-1, named=True)
    return {
        "recovered": end["cured"] / end["confirmed"],
        "dead": end["dead"] / end["confirmed"],
        "current": end["current"] / end["confirmed"],
        "severe_of_current": end["severe"] / end["current"],
        "dead_of_closed": end["dead"] / (end["dead"] + end["cured"]),
        "contacts_still_observed": end["contacts_observed"] / end["contacts_traced"],
        "contacts_per_case": end["contacts_traced"] / end["confirmed"],
    }


def _checks(table: pl.DataFrame) -> tuple[Check, ...]:
    end = table.row(-1, named=True)
    days = table["date"].to_list()
    wanted = [FIRST + timedelta(days=i) for i in range((LAST - FIRST).days + 1)]
    left = end["confirmed"] - end["cured"] - end["dead"]
    falls = {name: int((table[name].diff() < 0).sum()) for name in ("confirmed", "dead")}
    return (
        Check(
            "balance",
            "累计确诊 − 累计治愈 − 累计死亡 = 现有确诊",
            "confirmed - cured - dead = current",
            f"{end['confirmed']} - {end['cured']} - {end['dead']} = {left}; bulletin {end['current']}",
            left == end["current"],
        ),
        Check(
            "days",
            "每日一条，无缺漏",
            "one row a day, none missing",
            f"{len(days)} / {len(wanted)}",
            days == wanted,
        ),
        Check(
            "cumulative",
            "累计数不下降",
            "cumulative figures never fall",
            f"confirmed: {falls['confirmed']}, dead: {falls['dead']}",
            not any(falls.values()),
        ),
        Check(
            "dead",
            "死亡不超过确诊",
            "never more dead than confirmed",
            f"max dead/confirmed {float((table['dead'] / table['confirmed']).max() or 0):.4f}",  # type: ignore[arg-type]
            bool((table["dead"] <= table["confirmed"]).all()),
        ),
        Check(
            "severe",
            "重症不超过现有确诊",
            "severe are among the current",
            f"{end['severe']} <= {end['current']}",
            end["severe"] <= end["current"],
        ),
        Check(
            "contacts",
            "在观察者不超过已追踪者",
            "contacts observed are among those traced",
            f"{end['contacts_observed']} <= {end['contacts_traced']}",
            end["contacts_observed"] <= end["contacts_traced"],
        ),
    )


WORDS = {
    "en": {
        "title": "Figure 3: confirmed cases and deaths, 20 January to 11 February 2020",
        "confirmed": "Confirmed cases, cumulative",
        "dead": "Deaths, cumulative",
        "persons": "persons",
        "rt": "Reproduction number Rt (7 days to the date shown)",
        "interval": "95 % interval",
        "source": "Data: National Health Commission, to 24:00 on 11 February 2020.",
    },
    "zh": {
        "title": "图 3 新冠肺炎疫情发展趋势",
        "confirmed": "累计确诊病例",
        "dead": "累计死亡病例",
        "persons": "例",
        "rt": "再生数 Rt（截至当日的 7 天）",
        "interval": "95% 区间",
        "source": "数据来源：国家卫生健康委员会（截至 2020 年 2 月 11 日 24 时）。",
    },
}


def figure3(replay: Replay, *, lang: str = "en") -> Drawing:
    """The paper's figure 3: cumulative confirmed above, deaths below, each on its own scale."""
    from lianfang.foundation import svg

    words = _words(lang)
    days, end = replay.table["date"].to_list(), replay.table.row(-1, named=True)
    panels = []
    for name in ("confirmed", "dead"):
        values = replay.table[name].to_list()
        desc = f"{words[name]}: {values[0]} -> {end[name]} {words['persons']}."
        panel = svg.line(
            days,
            [svg.Line(words[name] if name == "confirmed" else "", values)],
            title=words[name] if name == "dead" else words["title"],
            desc=desc,
            lang=lang,
            height=250 if name == "confirmed" else 190,
        )
        panels.append(panel)
    desc = " ".join([words["source"], *(panel.desc for panel in panels)])
    return svg.stack(panels, title=words["title"], desc=desc)


def rt_figure(replay: Replay, *, lang: str = "en") -> Drawing:
    """Rt with its 95 % interval and the level 1."""
    from lianfang.foundation import svg

    words = _words(lang)
    shown = replay.daily.drop_nulls("rt")
    si = replay.serial_interval
    return svg.line(
        shown["date"].to_list(),
        [svg.Line("Rt", shown["rt"].to_list())],
        bands=[svg.Band(words["interval"], shown["rt_low"].to_list(), shown["rt_high"].to_list())],
        reference=1.0,
        title=words["rt"],
        desc=f"{words['rt']}: {shown['rt'][0]:.2f} -> {shown['rt'][-1]:.2f}; {si.mean} ± {si.sd}",
        lang=lang,
    )


def write(replay: Replay, out: Path, *, lang: str = "en") -> tuple[Path, ...]:
    """``figure3.svg``, ``rt.svg``, ``bulletins.csv`` and ``daily.csv`` into ``out`` (made if absent)."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        made = []
        for name, drawing in (
            ("figure3.svg", figure3(replay, lang=lang)),
            ("rt.svg", rt_figure(replay, lang=lang)),
        ):
            made.append(out / name)
            made[-1].write_text(drawing.file(), encoding="utf-8")
        for name, frame in (("bulletins.csv", replay.table), ("daily.csv", replay.daily)):
            made.append(out / name)
            spreadsheet_frame(frame).write_csv(made[-1])
    except OSError as error:
        raise BadInput(
            f"{out.name or out} cannot be written: {error.strerror}.", hint="Choose another folder."
        ) from None
    return tuple(made)


def _words(lang: str) -> dict[str, str]:
    if lang not in WORDS:
        raise BadInput(f"There are no words in {lang[:10]!r}.", hint="Choose en or zh.")
    return WORDS[lang]


def _plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
        for row in frame.iter_rows(named=True)
    ]
