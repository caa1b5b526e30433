"""``lianfang guard inspect``: the signed report for a supervising body, and its verification by whoever holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened, say

ROLES = ("auditor", "security_officer", "data_protection_officer")


@click.group("inspect", invoke_without_command=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write the signed report here. 写出签名报告。")
@click.option("--days", default=30, show_default=True, help="How far it looks back. 回溯天数。")
@click.option("--strict", is_flag=True, help="Exit 4 when there are errors or warnings. 有问题则退出码为 4。")
@on_installation
@click.pass_context
def inspect(
    context: click.Context,
    out: Path | None,
    days: int,
    strict: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Report on the live installation for a supervising body, findings first. 监督检查：对运行中的安装出具报告。

    No identifier is in it; that it was made is recorded. With --out it is signed and can be verified offline.
    """
    if context.invoked_subcommand is not None:
        return
    from lianfang.foundation.errors import BadInput, Refused
    from lianfang.foundation.progress import terminal
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services import inspection

    if out is not None and (out.exists() or not out.absolute().parent.is_dir()):
        raise BadInput(f"{out.name} exists already, or its folder does not.", hint="Name a new file.")
    with opened(home, clock) as inst, terminal(not as_json) as progress:
        who = acting(inst, account, ROLES)
        if out is None:
            content = inspection.report(inst, who, days=days, progress=progress)
        else:
            text, content = inspection.document(inst, who, days=days, progress=progress)
            out.write_text(text, encoding="utf-8")
    say(as_json, content, _words(content, terminal_language(home)))
    bad = content["totals"]["error"] + content["totals"]["warning"]
    if strict and bad:
        raise Refused(f"The inspection has {bad} findings.", code="findings")


def _words(content: dict[str, Any], lang: str) -> str:
    zh = lang == "zh"
    totals = content["totals"]
    if zh:
        lines = [f"{totals['error']} 项错误，{totals['warning']} 项警告，{totals['info']} 项说明"]
    else:
        lines = [f"{totals['error']} errors, {totals['warning']} warnings, {totals['info']} notes"]
    mark = {"error": "!!", "warning": "! ", "info": "  "}
    for one in content["findings"]:
        where = f" [{one['where']}]" if one["where"] else ""
        lines.append(f"{mark[one['severity']]} {one['zh' if zh else 'en']}{where}")
    ledger, read, asked = content["ledger"], content["readings"], content["decisions"]
    if ledger["valid"]:
        lines.append(
            f"账本 {ledger['entries']} 条，身份 {ledger['subjects']} 个（抽查 {ledger['opened']} 个），完好"
            if zh
            else f"ledger of {ledger['entries']} entries, {ledger['subjects']} identities ({ledger['opened']} opened): "
            "as it was written"
        )
    counts = (content["period"]["days"], asked["permitted"], asked["refused"], read["readings"])
    told = (
        "近 {} 天：允许 {}，拒绝 {}，身份查阅 {} 次"
        if zh
        else "within {} days: {} permitted, {} refused, {} readings of identities"
    )
    lines.append(told.format(*counts))
    return "\n".join(lines)


@inspect.command("verify")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option(
    "--key",
    required=True,
    help="The authority's verifier key, or a file with it, from a source you trust. 机构公钥。",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def verify(file: Any, key: str, as_json: bool) -> None:
    """Verify a signed report offline; one changed byte is refused. 离线核验监督检查报告。"""
    from lianfang.foundation.errors import BadInput
    from lianfang.services import inspection
    from lianfang.services.inspection.making import MAX_FILE

    if key.count("+") < 2:
        try:
            with Path(key).open(encoding="utf-8") as stream:
                key = stream.read(4096).strip()
        except (OSError, UnicodeDecodeError):
            raise BadInput(
                "There is no verifier key.", hint="Give the log's key: name+8 digits+base64."
            ) from None
    try:
        text = file.read(MAX_FILE + 1)
    except UnicodeDecodeError:
        raise BadInput("This is no report of an inspection.") from None
    found = inspection.verify(text, key=key)
    report = found["report"]
    totals = report["totals"]
    say(
        as_json,
        found,
        f"VALID 有效  {report['authority']} {report['made_at']} by {report['made_by']}  "
        f"log entry {found['log_index']} of {found['log_size']}\n"
        f"errors 错误 {totals['error']}, warnings 警告 {totals['warning']}, notes 说明 {totals['info']}",
    )


@click.command("assessment")
@click.option("--event", "event_id", default="", help="Of one event's data only. 仅针对一个事件。")
@click.option(
    "--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Language. 语言。"
)
@click.option(
    "--texts", type=click.File("r", encoding="utf-8"), help="The officer's judgement, JSON. 负责人填写内容。"
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write. 输出文件。")
@on_installation
def assessment(
    event_id: str, lang: str, texts: Any, out: Path, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Write the impact assessment as Markdown, or with --json as JSON. 个人信息保护影响评估。"""
    import json

    from lianfang.foundation.errors import BadInput
    from lianfang.services import assessing, events
    from lianfang.services import assessment as service

    given: Any = {}
    if texts is not None:
        try:
            given = json.loads(texts.read(200_000))
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise BadInput("The officer's texts are a JSON object of texts.")
    if out.exists() or not out.absolute().parent.is_dir():
        raise BadInput(f"{out.name} exists already, or its folder does not.", hint="Name a new file.")
    with opened(home, clock) as inst:
        who = acting(inst, account, ROLES)
        event_id = events.find(inst, event_id)["event_id"] if event_id else ""
        content = service.assessment(inst, who, event_id=event_id, texts=given)
    text = (
        json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        if as_json
        else assessing.markdown(content, lang)
    )
    out.write_text(text, encoding="utf-8")
    click.echo(
        f"{out.name}: {len(content['records'])} records, open 待填写: {', '.join(content['open']) or '–'}"
    )
