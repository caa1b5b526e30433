"""``lianfang guard attack``: what published releases give away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lianfang.cli.common import acting, on_installation, opened, say
from lianfang.cli.guard import _json, _open

if TYPE_CHECKING:
    from lianfang.guard.attack import Averaged, Report

SHOWN = 20


@click.command("attack")
@click.argument("releases", metavar="[RELEASE]...", nargs=-1)
@click.option("--event", "event_id", default="", help="All bulletins of this event. 某事件的全部通报。")
@click.option(
    "--minimum",
    type=click.IntRange(2, 1000),
    default=5,
    show_default=True,
    help="Smallest count published. 公布下限。",
)
@click.option("--register", "register", default="", help="CSV of persons to link listings with. 外部名册。")
@click.option("--answers", default="", help="JSON list of noisy answers to average. 含噪答案。")
@on_installation
def attack(
    releases: tuple[str, ...],
    event_id: str,
    minimum: int,
    register: str,
    answers: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Try to recover what RELEASEs withhold; exit 4 if anything is recovered. 检验通报能否被推算。

    RELEASE: a bulletin's signed file or its JSON, all of one event. With --event those of the installation.
    """
    from lianfang.foundation.errors import Refused, UsageError
    from lianfang.guard import attack as suite

    report = None
    averaged: list[Averaged] = []
    if bool(releases) == bool(event_id) and not (answers and not releases):
        raise UsageError("Name release files, or --event for those of the installation.")
    if event_id:
        from lianfang.services import attack as attacking

        if register:
            raise UsageError("--register goes with files.")
        with opened(home, clock) as inst:
            report = attacking.attack(inst, acting(inst, account, ("manager",)), event_id)["report"]
    elif releases:
        report = suite.attack(
            [suite.read_release(_open(name), name) for name in releases],
            minimum=minimum,
            register=suite.read_register(_open(register), register) if register else None,
        )
    if answers:
        found = _json(answers)
        averaged = suite.averaging(found if isinstance(found, list) else [found])
    known = (report.recovered if report else 0) + sum(one.recovered for one in averaged)
    value = {
        "recovered": known,
        "report": report.to_dict() if report else None,
        "averaged": [one.to_dict() for one in averaged],
    }
    say(as_json, value, "\n".join([*_words(report), *_averages(averaged)]))
    if known:
        raise Refused(f"{known} recovered exactly 可准确推算.", code="recovered")


def _words(report: Report | None) -> list[str]:
    if report is None:
        return []
    hidden = sum(not cell.implied for cell in report.cells)
    lines = [
        f"{report.releases} releases 通报, {report.tables} tables 表, {hidden} cells withheld 未公布单元格",
        f"recovered exactly 可准确推算: {len(report.certain)} cells 单元格, "
        f"{len(report.differences)} small differences 过小之差",
    ]
    if report.narrowest is not None:
        lines.append(
            f"narrowest interval 最窄区间: {report.narrowest}; narrower than {report.minimum - 1} "
            f"窄于规则: {report.below_rule}"
        )
    if report.linked:
        one = report.linked
        lines.append(
            f"linkage 关联: {one.linked} of {one.rows} listed cases fit one of {one.persons} persons by "
            f"{', '.join(one.columns) or 'nothing'}; learned 得知: {', '.join(one.learned) or 'nothing 无'}"
        )
        lines.append(
            f"singling-out 单独识别: {one.singled} of {one.predicates} predicates 判据, upper 95% bound "
            f"{one.rate[2]:.2f}, by chance 随机 {one.chance:.2f}"
        )
    for cell in report.certain[:SHOWN]:
        place = ", ".join(f"{k} {v}" for k, v in cell.cell.items())
        lines.append(f"  {cell.as_of} {cell.table}: {place} = {cell.low}")
    for difference in report.differences[:SHOWN]:
        place = ", ".join(f"{k} {v}" for k, v in difference.cell.items())
        lines.append(f"  {difference.first} - {difference.second} {difference.table}: {place}")
    return lines


def _averages(averaged: list[Averaged]) -> list[str]:
    known = sum(one.recovered for one in averaged)
    if not averaged:
        return []
    again = sum(one.different > 1 for one in averaged)
    return [
        f"averaging 平均: {len(averaged)} cells 单元格, {again} answered differently 答案不一, "
        f"{known} known exactly 可准确推算"
    ]
