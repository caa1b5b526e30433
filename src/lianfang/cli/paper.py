"""``lianfang paper``: numbered paper forms under custody."""

from __future__ import annotations

from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened, say

_CENTRE = ("epidemiologist", "manager", "data_protection_officer")


@click.group("paper")
def paper() -> None:
    """Paper forms: issue, return, destroy before a witness. 纸质表：发放、回收、监销。"""


def _line(batch: dict[str, Any]) -> str:
    counts = ", ".join(f"{state} {n}" for state, n in batch["states"].items() if n)
    late = "  OVERDUE 逾期" if batch["overdue"] else ""
    return (
        f"{batch['batch_id']}  {batch['form']}  {batch['first']} .. {batch['last']}  {batch['issued_to']}  "
        f"due {batch['due_at']:%Y-%m-%d %H:%M}Z  {counts}{late}"
    )


@paper.command("issue")
@click.argument("event_id")
@click.argument("form")
@click.argument("count", type=int)
@click.option("--to", required=True, help="Account that has custody. 保管人账户。")
@click.option("--days", default=3, show_default=True, help="Days until they are back. 回收天数。")
@on_installation
def issue(
    event_id: str,
    form: str,
    count: int,
    to: str,
    days: int,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Give COUNT numbered sheets of FORM into a person's custody. 发放纸质表。"""
    from lianfang.services import events
    from lianfang.services import paper as service

    with opened(home, clock) as inst:
        who = acting(inst, account, _CENTRE[:2])
        event_id = events.find(inst, event_id)["event_id"]
        batch = service.issue(inst, who, event_id, form, count, to=to, days=days)
    say(as_json, batch, _line(batch))


@paper.command("return")
@click.argument("batch_id")
@click.argument("sheets")
@on_installation
def take_back(batch_id: str, sheets: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """SHEETS (1-20,25, serials, or all) are back at the centre. 回收。"""
    from lianfang.services import paper as service

    with opened(home, clock) as inst:
        batch = service.take_back(inst, acting(inst, account, _CENTRE), batch_id, sheets)
    say(as_json, batch, _line(batch))


@paper.command("lost")
@click.argument("batch_id")
@click.argument("sheets")
@click.option("--cause", required=True, help="mislaid, stolen or damaged. 原因：遗失、被盗、损毁。")
@on_installation
def lost(
    batch_id: str, sheets: str, cause: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """SHEETS are missing or spoilt. 报失。"""
    from lianfang.services import paper as service

    with opened(home, clock) as inst:
        batch = service.lost(inst, acting(inst, account, _CENTRE), batch_id, sheets, cause)
    say(as_json, batch, _line(batch))


@paper.command("destroy")
@click.argument("batch_id")
@click.argument("sheets")
@on_installation
def destroy(batch_id: str, sheets: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Returned SHEETS are being destroyed; a second account then witnesses it. 销毁。"""
    from lianfang.services import paper as service

    with opened(home, clock) as inst:
        batch = service.destroy(inst, acting(inst, account, _CENTRE), batch_id, sheets)
    say(
        as_json,
        batch,
        f"{_line(batch)}\nwaits for a witness 待监销: lianfang paper witness {batch['move_id']}",
    )


@paper.command("witness")
@click.argument("move_id")
@on_installation
def witness(move_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """The second person saw it destroyed. 监销。"""
    from lianfang.services import paper as service

    with opened(home, clock) as inst:
        batch = service.witness(inst, acting(inst, account, ("data_protection_officer",)), move_id)
    say(as_json, batch, _line(batch))


@paper.command("list")
@on_installation
def listing(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Batches and what became of their sheets. 列表。"""
    from lianfang.services import paper as service

    with opened(home, clock) as inst:
        found = service.listing(inst, acting(inst, account, _CENTRE))
    say(as_json, found, "\n".join(_line(one) for one in found) or "–")
