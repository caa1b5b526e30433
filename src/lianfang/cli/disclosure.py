"""``lianfang guard disclosure``: bulletins, single records and noisy counts before they leave."""

from __future__ import annotations

from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened
from lianfang.cli.common import say as say_either
from lianfang.cli.guard import _json, _open, _say


class _OrFile(click.Group):
    """A group whose first word may be a file: ``disclosure FILE`` is ``disclosure check FILE``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["check", *args]
        return super().resolve_command(ctx, args)


@click.group("disclosure", cls=_OrFile, context_settings={"ignore_unknown_options": True})
def disclosure() -> None:
    """Check what is to leave: a bulletin (FILE), single records, noisy counts. 发布前审查。"""


@disclosure.command("check")
@click.argument("source", metavar="FILE")
@click.option("--withhold", is_flag=True, help="Leave forbidden items out and say so. 略去禁止项并注明。")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON. 以 JSON 输出。")
def check(source: str, withhold: bool, as_json: bool) -> None:
    """Check a bulletin's candidate (JSON, - for standard input); exit 4 if refused. 审查拟发布通报。"""
    from lianfang.foundation.errors import BadInput, Refused
    from lianfang.guard.disclosure import Refusal, bulletin

    candidate = _json(source)
    if not isinstance(candidate, dict):
        raise BadInput("a candidate is a JSON object.")
    result = bulletin({**candidate, **({"withhold": True} if withhold else {})})
    if as_json:
        _say(result.to_dict())
    if isinstance(result, Refusal):
        raise Refused("not released: " + " ".join(result.reasons), reasons=result.reasons)
    if as_json:
        return
    for table in result.to_dict()["tables"]:
        click.echo(f"{table['name']}: {len(table['rows'])} rows")
    click.echo(f"withheld 未公布: {result.summary() or 'nothing'} / {result.summary('zh') or '无'}")


def _names(ctx: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


@disclosure.command("microdata")
@click.argument("source", metavar="CSV")
@click.option("--quasi", required=True, callback=_names, help="Quasi-identifiers, by comma. 准标识符。")
@click.option("--sensitive", default="", help="Sensitive column, for l and t. 敏感列。")
@click.option(
    "--k", type=click.IntRange(1), default=5, show_default=True, help="Each shares with k-1 others. k匿名。"
)
@click.option(
    "--l", "distinct", type=click.IntRange(1), default=1, help="Different sensitive values. l多样性。"
)
@click.option("--t", "close", type=click.FloatRange(0, 1), default=None, help="Largest distance. t接近性。")
@click.option("--hierarchies", default="", help="JSON: column -> value -> coarser values. 概化层级。")
@click.option(
    "--suppress",
    type=click.FloatRange(0, 0.99),
    default=0.02,
    show_default=True,
    help="Share left out at most. 最多删去比例。",
)
@click.option(
    "--method",
    type=click.Choice(["full_domain", "mondrian"]),
    default="full_domain",
    show_default=True,
    help="How. 方法。",
)
@click.option("--out", default="", help="Write the records that may be shown here (CSV). 输出。")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON. 以 JSON 输出。")
def microdata(
    source: str,
    quasi: list[str],
    sensitive: str,
    k: int,
    distinct: int,
    close: float | None,
    hierarchies: str,
    suppress: float,
    method: str,
    out: str,
    as_json: bool,
) -> None:
    """Make single records hide among others, or tell how far they do. 单条记录去标识化。

    Without --out the records are measured as they are; exit 4 if they break the rule.
    """
    from dataclasses import asdict
    from pathlib import Path

    from lianfang.foundation.errors import BadInput, Refused
    from lianfang.foundation.text import spreadsheet_frame
    from lianfang.guard.attack import read_register
    from lianfang.guard.disclosure import microdata as engine

    records = read_register(_open(source), "records")
    rule = engine.Rule(k, distinct=distinct, t=close)
    if not out:
        found = engine.measure(records, quasi=quasi, sensitive=sensitive or None, rule=rule)
        say_either(as_json, asdict(found), _measured(found))
        if not engine.satisfies(found, rule):
            raise Refused("The records break the rule.", hint="--out FILE makes records that keep it.")
        return
    levels = _json(hierarchies) if hierarchies else None
    if levels is not None and not isinstance(levels, dict):
        raise BadInput("hierarchies: a JSON object is expected.")
    made = engine.protect(
        records, quasi=quasi, rule=rule, hierarchies=levels, sensitive=sensitive or None,
        max_suppressed=suppress, method=method,
    )  # fmt: skip
    Path(out).write_text(spreadsheet_frame(made.frame).write_csv(), encoding="utf-8")
    value = {
        **asdict(made.measures), "levels": made.levels, "suppressed": made.suppressed, "loss": made.loss,
    }  # fmt: skip
    heights = ", ".join(f"{name} {level}" for name, level in made.levels.items())
    text = f"{_measured(made.measures)}\nleft out 删去: {made.suppressed}; loss 信息损失: {made.loss:.3f}"
    say_either(as_json, value, text + (f"\nlevels 层级: {heights}" if heights else ""))


def _measured(found: Any) -> str:
    parts = [
        f"{found.records} records 记录, {found.classes} classes 等价类: k = {found.k}, alone 独一 {found.alone}"
    ]
    if found.distinct is not None:
        parts.append(f"l = {found.distinct} (entropy 熵 {found.entropy:.2f}), t = {found.t:.3f}")
    return "; ".join(parts)


@disclosure.group("noise")
def noise() -> None:
    """Counts with noise under a privacy budget. 差分隐私计数与预算。"""


_DATASET = click.option(
    "--dataset",
    type=click.Choice(["cases", "confirmed"]),
    default="confirmed",
    show_default=True,
    help="Whom to count. 数据集。",
)


@noise.command("grant")
@click.argument("event_id")
@_DATASET
@click.option("--epsilon", required=True, help="The budget, like 2 or 1/3. 预算。")
@click.option("--reason", required=True, help="Why. 理由。")
@on_installation
def grant(
    event_id: str,
    dataset: str,
    epsilon: str,
    reason: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Set a data set's budget. 授予隐私预算。"""
    from lianfang.services import noise as service

    with opened(home, clock) as inst:
        who = acting(inst, account, ("manager",))
        found = service.grant(inst, who, event_id, dataset, epsilon, reason)
    say_either(as_json, found, _budget(found))


@noise.command("budget")
@click.argument("event_id")
@_DATASET
@on_installation
def budget(event_id: str, dataset: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """What is spent and left, and the answers given. 预算余额与历次答案。"""
    from lianfang.services import noise as service

    with opened(home, clock) as inst:
        found = service.budget(inst, acting(inst, account, ("manager",)), event_id, dataset)
    say_either(as_json, found, _budget(found))


@noise.command("ask")
@click.argument("event_id")
@_DATASET
@click.option("--by", default="", callback=_names, help="district, sex, both by comma, or nothing. 分组。")
@click.option("--epsilon", required=True, help="Privacy loss of this answer. 隐私损失。")
@on_installation
def ask(
    event_id: str,
    dataset: str,
    by: list[str],
    epsilon: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Count as of today, with noise; the same question again is free. 含噪计数。"""
    from lianfang.services import noise as service

    with opened(home, clock) as inst:
        found = service.answer(inst, acting(inst, account, ("manager",)), event_id, dataset, by, epsilon)
    lines = [f"{cell:<24} {count:>6}" for cell, count in found["cells"].items()]
    say_either(as_json, found, "\n".join([*lines, f"epsilon {found['epsilon']:g}"]))


def _budget(found: dict[str, Any]) -> str:
    return (
        f"{found['event_id']} {found['dataset']}: budget 预算 {found['epsilon']}, spent 已用 {found['spent']}, "
        f"left 余 {found['left']}; answers 答案 {len(found['answers'])}"
    )
