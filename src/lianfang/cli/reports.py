"""``lianfang report``: commit to reports where they are made; and which nodes the centre knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened, say

_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")


@click.group("report")
def report() -> None:
    """Reports committed to before they leave, and on receipt. 报告先承诺、后报送，收到即存证。"""


@report.command("init")
@_FOLDER
@click.option("--name", required=True, help="The node's log, like reports.example/hospital-3. 节点代号。")
@_JSON
def init(folder: Path, name: str, as_json: bool) -> None:
    """Make a reporting node: its own key and log in FOLDER. 建立报告节点。

    Give the key that it prints to the centre, which registers it with `lianfang report register`.
    """
    from lianfang.services.reports import init as make

    made = make(folder, name)
    say(as_json, made, f"{made['origin']}\nkey 公钥: {made['key']}")


@report.command("commit")
@_FOLDER
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", default="", help="Ready mapping or record type; default: by the name. 文件种类。")
@click.option(
    "--mapping", type=click.Path(exists=True, path_type=Path), help="A mapping of your own. 自定义映射。"
)
@click.option(
    "--receipt",
    "came_with",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The receipt with which the file came, to pass it on. 上级节点转报时的原回执。",
)
@click.option(
    "--proof", is_flag=True, help="Also write FILE.tlog-proof, to check in a browser. 另存 .tlog-proof 凭证。"
)
@_JSON
def commit(
    folder: Path,
    file: Path,
    kind: str,
    mapping: Path | None,
    came_with: Path | None,
    proof: bool,
    as_json: bool,
) -> None:
    """Commit to FILE in the log of FOLDER before it is sent; writes FILE.receipt.json. 报送前承诺。

    Send the receipt with the file: whoever receives both can tell a change, a missing row, a delay.
    """
    from lianfang.foundation.progress import terminal
    from lianfang.services.reports import ReportNode
    from lianfang.services.reports import receipt as receipts

    previous = receipts.read(came_with.read_bytes()) if came_with else None
    with ReportNode(folder) as node, terminal(not as_json) as progress:
        made = node.commit(file, kind=kind, mapping=mapping, previous=previous, progress=progress)
        link = receipts.check(made, {})[-1]
    if proof:
        Path(f"{file}.tlog-proof").write_text(made.links[-1].proof, encoding="utf-8")
    told = {"sha256": link.sha256, "rows": len(made.rows), "log_index": link.index, "at": link.committed_at}
    words = (
        f"{len(made.rows)} rows, entry {link.index} of {link.origin} ({link.committed_at:%Y-%m-%d %H:%M} UTC)"
    )
    say(as_json, {**told, "origin": link.origin}, f"{words}\nreceipt 回执: {file}{receipts.SUFFIX}")


@report.command("book")
@_FOLDER
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File; default: print. 输出文件。"
)
def book(folder: Path, out: Path | None) -> None:
    """All that the node ever committed to, without rows. 节点账本，供核对漏报。"""
    from lianfang.services.reports import ReportNode

    with ReportNode(folder) as node:
        text = node.book()
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


@report.command("register")
@click.argument("key")
@click.option("--name", required=True, help="The unit's name as its reports bear it. 报告单位名称。")
@click.option(
    "--level",
    required=True,
    type=click.Choice(["hospital", "laboratory", "community", "district", "city"]),
    help="Level. 层级。",
)
@on_installation
def register(
    key: str, name: str, level: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Take the receipts of the node with this KEY. 登记报告节点。"""
    from lianfang.services.reports import register as take

    with opened(home, clock) as inst:
        row = take(inst, acting(inst, account, ("manager", "security_officer")), key, name=name, level=level)
    say(as_json, row, f"registered 已登记: {row['name']} ({row['origin']})")


@report.command("withdraw")
@click.argument("origin")
@on_installation
def withdraw(origin: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Take no more receipts of the node ORIGIN. 停用报告节点。"""
    from lianfang.services.reports import withdraw as end

    with opened(home, clock) as inst:
        end(inst, acting(inst, account, ("manager", "security_officer")), origin)
    say(as_json, {"origin": origin}, f"withdrawn 已停用: {origin}")


@report.command("list")
@on_installation
def listing(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """The registered nodes. 已登记的报告节点。"""
    from lianfang.services.reports import reporters

    with opened(home, clock) as inst:
        found = reporters(inst, acting(inst, account, ("manager", "auditor")))
    lines = [f"{row['level']:10} {row['name']}  {row['origin']}" + _until(row) for row in found]
    say(as_json, found, "\n".join(lines) or "none 无")


def _until(row: dict[str, Any]) -> str:
    return f"  withdrawn 停用 {row['until']:%Y-%m-%d}" if row["until"] else ""


@click.command("reconcile")
@click.argument("bulletin", metavar="EVENT/NUMBER")
@click.option(
    "--book",
    "books",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A node's book; may be repeated. 报告节点账本，可多次给出。",
)
@on_installation
def reconcile(
    bulletin: str, books: tuple[Path, ...], home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """What a bulletin's figures rest on, and which reports were late, changed or left out. 通报与报告核对。

    Exit code 0: nothing was found; 4: something was.
    """
    from lianfang.foundation.errors import BadInput, Refused
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services.reports import reconcile as compare
    from lianfang.services.reports.node import MAX_BOOK

    event_id, _, number = bulletin.rpartition("/")
    if not event_id or not number.isdecimal():
        raise BadInput("A bulletin is named EVENT/NUMBER.", hint="List the events: lianfang event list")
    if too_large := [one for one in books if one.stat().st_size > MAX_BOOK]:
        raise BadInput(f"{too_large[0].name} is too large for a book.")
    raw = [one.read_bytes() for one in books]
    with opened(home, clock) as inst:
        who = acting(inst, account, ("manager", "auditor", "epidemiologist"))
        found = compare(inst, who, event_id, int(number), books=raw)
    say(as_json, found, in_words(found, terminal_language(home)))
    if not found["agrees"]:
        raise Refused(f"{len(found['findings'])} findings.", code="not_reconciled")


def in_words(found: dict[str, Any], lang: str) -> str:
    """The reconciliation as text."""
    lines = [f"{found['event_id']}/{found['number']}  {found['as_of']}"]
    for one in found["figures"]:
        published = "withheld 未公开" if one["published"] is None else one["published"]
        if one["rests_on"] == "acts":
            counted = "" if one["recounted"] is None else f"  = {one['recounted']}"
            lines.append(f"  {one['figure']}: {published}{counted}  (acts of this house 本机构行为)")
            if one["acts"]:
                lines.append(f"      entries 日志: {', '.join(map(str, one['acts'][:12]))}")
            continue
        who = ", ".join(f"{name} {count}" for name, count in one["by_reporter"].items())
        entries = ", ".join(str(index) for index in one["reports"][:12]) + (
            "…" if len(one["reports"]) > 12 else ""
        )
        lines.append(f"  {one['figure']}: {published}  = {one['recounted']} reports 报告  {who}".rstrip())
        if entries:
            lines.append(f"      entries 日志: {entries}")
    for row in found["reporters"]:
        way = row["median_hours_on_the_way"]
        on_the_way = "" if way is None else f", {way:g} h from its node 自节点"
        lines.append(
            f"  {row['reporter']}: {row['in_time']} of {row['reports']} in time 及时, "
            f"longest 最长 {row['longest_days']} d{on_the_way}"
        )
    for one in found["findings"]:
        entry = "" if one["log_index"] is None else f" (entry {one['log_index']})"
        lines.append(f"! {one['reporter']}: {one[lang]}{entry}")
    lines.append("agrees 相符" if found["agrees"] else f"{len(found['findings'])} findings 项不符")
    return "\n".join(lines)
