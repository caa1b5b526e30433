"""``lianfang gifts``: gifts from donor to ward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened, say
from lianfang.cli.gift_desk import add_desk
from lianfang.cli.gift_money import add_money

_SUPPLY = ("supply_officer",)
_STAFF = ("supply_officer", "manager", "clinician", "laboratory")


@click.group("gifts")
def gifts() -> None:
    """Gifts: received, inspected, stored, allocated, delivered, used. 捐赠物资：从捐赠人到科室。"""


add_desk(gifts)
add_money(gifts)


def _line(one: dict[str, Any]) -> str:
    holds = ", ".join(f"{state} {quantity}" for state, quantity in one["holds"].items()) or "-"
    directed = f" -> {one['directed_to']}" if one["directed_to"] else ""
    return f"{one['gift_id']}  {one['item_id']} {one['quantity']}  {one['provenance']}{directed}  {holds}"


def _told(inst: Any, who: Any, gift_id: str, as_json: bool, more: dict[str, Any] | None = None) -> None:
    from lianfang.services import gifts as service

    one = service.show(inst, who, gift_id)
    extra = "".join(f"\n{name} {value}" for name, value in (more or {}).items() if value)
    say(as_json, {**one, **(more or {})}, _line(one) + extra)


@gifts.command("pledge")
@click.argument("event_id")
@click.argument("item")
@click.argument("quantity", type=int)
@click.option("--to", "directed_to", default="", help="Body that it is directed to. 定向单位。")
@click.option("--self-delivered", is_flag=True, help="The donor brings it there himself. 捐赠人自送。")
@click.option("--purpose", default="", help="Purpose that the donor named. 用途。")
@click.option(
    "--donor",
    type=click.File(encoding="utf-8"),
    help="JSON: name, phone, show; - for input. 捐赠人（JSON）。",
)
@on_installation
def pledge(
    event_id: str,
    item: str,
    quantity: int,
    directed_to: str,
    self_delivered: bool,
    purpose: str,
    donor: Any,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Somebody promises QUANTITY of ITEM (money in fen); prints the receipt code once. 登记认捐。

    Who gives comes from a file or standard input, never from the command line, which others can see.
    """
    from lianfang.services import events
    from lianfang.services import gifts as service

    given = _donor(donor)
    line = {"item": item, "quantity": quantity, "directed_to": directed_to, "purpose": purpose}
    if self_delivered:
        line["provenance"] = "self_delivered"
    with opened(home, clock) as inst:
        who = acting(inst, account, _SUPPLY)
        made = service.pledge(inst, who, events.find(inst, event_id)["event_id"], [line], **given)
    say(as_json, made, f"{made['gifts'][0]}  code 查询码 {made['code']}")


def _donor(file: Any) -> dict[str, Any]:
    import json

    from lianfang.foundation.errors import BadInput

    if file is None:
        return {}
    try:
        given = json.loads(file.read(10_000))
    except ValueError:
        given = None
    if (
        not isinstance(given, dict)
        or not set(given) <= {"name", "phone", "show"}
        or not all(isinstance(given.get(key, ""), str) for key in ("name", "phone"))
        or not isinstance(given.get("show", False), bool)
    ):
        raise BadInput("The donor is a JSON object with name, phone (texts) and show (true or false).")
    return given


@gifts.command("receive")
@click.argument("gift_id")
@click.argument("place")
@click.argument("quantity", type=int)
@on_installation
def receive(
    gift_id: str, place: str, quantity: int, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """QUANTITY has arrived at PLACE: a body, or for money an account of the register. 接收。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        who = acting(inst, account, _SUPPLY)
        service.receive(inst, who, gift_id, place, quantity)
        _told(inst, who, gift_id, as_json)


@gifts.command("inspect")
@click.argument("gift_id")
@click.argument("depot")
@click.option("--accept", "accepted", default=0, help="Quantity accepted. 合格数量。")
@click.option("--reject", "rejected", default=0, help="Quantity rejected. 不合格数量。")
@click.option("--quarantine", "quarantined", default=0, help="Quantity set aside. 隔离数量。")
@click.option("--item", default="", help="What it is, when not what was declared. 实物种类。")
@click.option("--mark", default="", help="Standard marked on the goods. 实物标识的标准。")
@click.option("--lot", "lot_no", default="", help="Maker's lot number. 批号。")
@click.option("--expires", "expires_on", type=click.DateTime(["%Y-%m-%d"]), help="Expiry date. 有效期至。")
@click.option("--reason", default="", help="Why it is not accepted. 不合格原因。")
@click.option("--again", is_flag=True, help="Judge what was set aside. 复检隔离品。")
@on_installation
def inspect(
    gift_id: str,
    depot: str,
    accepted: int,
    rejected: int,
    quarantined: int,
    item: str,
    mark: str,
    lot_no: str,
    expires_on: Any,
    reason: str,
    again: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Judge goods at DEPOT against the standard that they bear. 检验。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        who = acting(inst, account, ("laboratory",))
        made = service.inspect(
            inst,
            who,
            gift_id,
            depot,
            accepted=accepted,
            rejected=rejected,
            quarantined=quarantined,
            item=item,
            mark=mark,
            lot_no=lot_no,
            expires_on=expires_on.date() if expires_on else None,
            reason=reason,
            source="quarantined" if again else "received",
        )
        _told(inst, who, gift_id, as_json, {"lot": made["lot_id"]})


@gifts.command("store")
@click.argument("lot_id")
@click.argument("quantity", type=int)
@click.option("--shelf", default="", help="Where in the depot. 库位。")
@on_installation
def store(
    lot_id: str, quantity: int, shelf: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Put QUANTITY of an accepted lot on the shelf. 入库。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        step = service.store(inst, acting(inst, account, _SUPPLY), lot_id, quantity, shelf=shelf)
    say(as_json, {"step_id": step}, step)


@gifts.command("allocate")
@click.argument("lot_id")
@click.argument("body_id")
@click.argument("quantity", type=int)
@click.option("--need", "need_id", default="", help="Need that it serves. 对应需求。")
@click.option("--reason", required=True, help="Why, naming nobody. 理由。")
@on_installation
def allocate(
    lot_id: str,
    body_id: str,
    quantity: int,
    need_id: str,
    reason: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Give QUANTITY of a lot to a body. 分配。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        who = acting(inst, account, ("manager",))
        made = service.allocate(inst, who, lot_id, body_id, quantity, need_id=need_id, reason=reason)
    say(as_json, made, made["allocation_id"])


@gifts.command("move")
@click.argument("act", type=click.Choice(["dispatch", "deliver", "use", "cancel"]))
@click.argument("allocation_id")
@click.argument("quantity", type=int)
@click.option("--note", default="", help="Waybill, ward, or the reason of a cancel. 运单、科室或理由。")
@on_installation
def move(
    act: str,
    allocation_id: str,
    quantity: int,
    note: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """An allocation goes on: dispatch, deliver, use (--note ward), or cancel. 发出、签收、使用、取消。"""
    from lianfang.services import gifts as service

    role = {"dispatch": _SUPPLY, "cancel": ("manager",)}.get(act, ("clinician",))
    with opened(home, clock) as inst:
        who = acting(inst, account, role)
        if act == "dispatch":
            step = service.dispatch(inst, who, allocation_id, quantity, waybill=note)
        elif act == "deliver":
            step = service.deliver(inst, who, allocation_id, quantity, note=note)
        elif act == "use":
            step = service.use(inst, who, allocation_id, quantity, ward=note)
        else:
            step = service.cancel(inst, who, allocation_id, quantity, reason=note)
    say(as_json, {"step_id": step}, step)


@gifts.command("list")
@click.option("--state", default="", help="Only gifts that hold something in it. 按状态。")
@on_installation
def listing(state: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Gifts, the newest first. 列表。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        found = service.listing(inst, acting(inst, account, _STAFF), state=state)
    say(as_json, found, "\n".join(_line(one) for one in found) or "–")


@gifts.command("show")
@click.argument("gift_id")
@on_installation
def show(gift_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """A gift: where each piece is, and its steps. 一笔捐赠的去向与步骤。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        one = service.show(inst, acting(inst, account, _STAFF), gift_id)
    say(as_json, one, "\n".join([_line(one), *(_step(step) for step in one["steps"])]))


def _step(step: dict[str, Any]) -> str:
    moved = ", ".join(f"{m['quantity']} {m['source']} -> {m['target']}" for m in step["moves"])
    undone = "  UNDONE 已冲正" if step["undone"] else ""
    return (
        f"{step['number']:>3}  {step['at']:%Y-%m-%d %H:%M}Z  {step['kind']:<10} {moved}  {step['by']}  "
        f"log {step['log_index']}  {step['step_id']}{undone}"
    )


@gifts.command("reverse")
@click.argument("step_id")
@click.option("--reason", required=True, help="Why, naming nobody. 理由。")
@on_installation
def reverse(step_id: str, reason: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Undo a step by another that names it; the old one stays. 冲正。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        step = service.reverse(inst, acting(inst, account, ("manager",)), step_id, reason=reason)
    say(as_json, {"step_id": step}, step)


@gifts.command("follow")
@click.argument("code")
@on_installation
def follow(code: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """What a donor sees under the code of his receipt. 按查询码查询。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        found = service.follow(inst, code)
    lines = []
    for gift in found["gifts"]:
        lines.append(f"{gift['item']['name_zh']} {gift['item']['name_en']} {gift['quantity']}")
        for step in gift["steps"]:
            body = step["body"] or next((m["place"] for m in step["moves"] if m["place"]), None)
            where = f"  {body['name_zh']} {body['name_en']}" if body else ""
            ward = f"  {step['said']['ward']}" if "ward" in step["said"] else ""
            moved = f"{sum(m['quantity'] for m in step['moves'])}{where}{ward}"
            when = f"{step['number']:>3}  {step['at']:%Y-%m-%d}  {step['kind']:<10}"
            lines.append(f"{when} {moved}  log {step['log_index']}")
    say(as_json, found, "\n".join(lines))


@gifts.command("import")
@click.argument("event_id")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Check only, write nothing. 只检查，不写入。")
@on_installation
def import_(
    event_id: str, file: Path, dry_run: bool, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """A list of promises (CSV, .xlsx): all rows or none. 导入认捐清单。

    Columns: item, quantity, directed_to, provenance, purpose, name, phone, show; or 物资, 数量, 定向单位, 来源方式,
    用途, 姓名, 电话, 署名.
    """
    from lianfang.services import events
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        who = acting(inst, account, _SUPPLY)
        event = events.find(inst, event_id)["event_id"]
        made = service.import_list(inst, who, event, file, dry_run=dry_run)
    lines = [f"row {one['row']}  {one['gift_id']}  code 查询码 {one['code']}" for one in made["gifts"]]
    say(as_json, made, "\n".join([f"{made['rows']} rows 行", *lines]))


@gifts.command("export")
@click.argument("what", type=click.Choice(["gifts", "items", "needs"]))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@on_installation
def export(what: str, file: Path, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """A table to keep, by FILE's ending .csv or .xlsx; nobody is named in it. 导出。"""
    from lianfang.foundation.errors import BadInput
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        raw = service.export(inst, acting(inst, account, _STAFF), what, form=file.suffix.lstrip(".").lower())
    try:
        with file.open("xb") as out:
            out.write(raw)
    except OSError:
        raise BadInput(
            f"{file.name} exists already, or its folder does not.", hint="Name a new file."
        ) from None
    say(as_json, {"file": file.name, "bytes": len(raw)}, f"{file.name}: {len(raw)} bytes")


@gifts.command("audit")
@on_installation
def audit(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Go through every step again: conserved, signed, as the ledger has it. 账实核查。"""
    from lianfang.foundation.errors import Fault
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        found = service.audit(inst, acting(inst, account, _STAFF))
    text = f"{found['gifts']} gifts, {found['steps']} steps: conserved, signed, logged"
    say(as_json, found, text if found["valid"] else "\n".join(found["findings"]))
    if not found["valid"]:
        raise Fault("The book of gifts is not as it was signed.")
