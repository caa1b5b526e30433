"""``lianfang guard``: the guard's tools on files and on single questions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, TextIO

import click

from lianfang.cli import _room

MAX_INPUT = 20_000_000


def _open(source: str) -> str:
    """The text of a file or, for ``-``, of standard input; bounded, UTF-8."""
    from lianfang.foundation.errors import BadInput

    try:
        if source == "-":
            raw = sys.stdin.buffer.read(MAX_INPUT + 1)
        else:
            with Path(source).open("rb") as stream:
                raw = stream.read(MAX_INPUT + 1)
    except OSError as error:
        raise BadInput(f"{Path(source).name} cannot be read: {error.strerror}.") from None
    if len(raw) > MAX_INPUT:
        raise BadInput(f"the input is larger than {MAX_INPUT} bytes.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the input is not UTF-8 (byte {error.start}).") from None


def _json(source: str) -> Any:
    from lianfang.foundation.errors import BadInput

    try:
        return json.loads(_open(source))
    except json.JSONDecodeError as error:
        raise BadInput(f"the input is not JSON (line {error.lineno}, column {error.colno}).") from None
    except RecursionError:
        raise BadInput("the input is nested too deeply.") from None


def _say(value: Any, stream: TextIO | None = None) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2), file=stream)


guard = _room("guard", "Who may know what, why, and for how long. 谁可以知道什么、为何、多久。")


@click.group("policy")
def policy() -> None:
    """Ask the policy: who may do what with which data. 询问策略：谁可以为何目的处理何种信息。"""


def _request(request: str | None, words: dict[str, Any]) -> dict[str, Any]:
    from lianfang.foundation.errors import UsageError

    if request is not None:
        given = _json(request)
        if not isinstance(given, dict):
            raise UsageError("the request is a JSON object.")
        return given
    context: dict[str, Any] = {}
    for pair in words.pop("context"):
        key, sign, value = pair.partition("=")
        if not sign:
            raise UsageError("--context takes KEY=VALUE.")
        try:
            context[key] = json.loads(value)
        except json.JSONDecodeError:
            context[key] = value
    data = [name for part in words.pop("data") for name in part.split(",") if name]
    return {
        **{key: value for key, value in words.items() if value is not None},
        "data": data,
        "context": context,
    }


def _asked(function: Any) -> Any:
    for option in reversed(
        [
            click.argument("request", required=False),
            click.option("--actor", help="Who acts. 主体。"),
            click.option("--purpose", help="What for. 目的。"),
            click.option("--phase", help="collect, use, read, share ... 环节。"),
            click.option("--data", multiple=True, help="Fields, separated by commas. 字段。"),
            click.option("--context", multiple=True, metavar="KEY=VALUE", help="A circumstance. 情境。"),
            click.option("--at", help="Date at which to judge. 判断日期。"),
            click.option("--pack", help="Policy pack. 策略包。"),
            click.option("--json", "as_json", is_flag=True, help="Answer as JSON. 以 JSON 输出。"),
        ]
    ):
        function = option(function)
    return function


@policy.command("decide")
@_asked
def decide(request: str | None, as_json: bool, **options: Any) -> None:
    """Decide REQUEST (a JSON file, - for standard input) or the options; exit 4 if denied. 判定请求。"""
    from lianfang.foundation import words
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.guard.policy import decide as judge

    decision = judge(_request(request, options))
    if as_json:
        _say(decision.to_dict())
        decision.enforce()
        return
    decision.enforce()
    click.echo(f"permit 允许 ({decision.pack}), holds {decision.ttl} s")
    for name, treatment in decision.fields.items():
        click.echo(f"  {name}: {treatment}")
    lang = terminal_language()
    click.echo("obligations 义务: " + words.listed(sorted(decision.obligations), lang))
    click.echo("basis 依据: " + "; ".join(words.article(one, lang) for one in decision.basis))


@policy.command("explain")
@_asked
def explain(request: str | None, as_json: bool, **options: Any) -> None:
    """Tell which rules speak about a request and which facts hold. 解释判定。"""
    from lianfang.foundation import words
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.guard.policy.engine import explain as tell

    told = tell(_request(request, options))
    if as_json:
        _say(told)
        return
    lang = terminal_language()
    click.echo(f"{told['outcome']} ({told['pack']})")
    for reason in told["reasons"]:
        click.echo(f"  {words.reason(reason, lang)}")
    for field in told["fields"]:
        click.echo(f"{field['data']}:")
        for rule in field["rules"]:
            mark = "applies 适用" if rule["applies"] else "does not apply 不适用"
            lacking = "; ".join(rule["missing"] + rule["barred"])
            click.echo(f"  {rule['effect']:7} {rule['id']}: {mark}{f' ({lacking})' if lacking else ''}")


@policy.command("packs")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON. 以 JSON 输出。")
def packs(as_json: bool) -> None:
    """List the policy packs. 列出策略包。"""
    from lianfang.guard.policy import packs as all_packs

    rows = [
        {
            "id": p.id,
            "title": {"en": p.title_en, "zh": p.title_zh},
            "jurisdiction": p.jurisdiction,
            "valid_from": p.valid_from.isoformat(),
            "valid_to": p.valid_to.isoformat() if p.valid_to else None,
            "rules": len(p.rules),
            "hash": p.hash,
        }
        for p in all_packs()
    ]
    if as_json:
        _say(rows)
        return
    for p in all_packs():
        until = p.valid_to or ""
        click.echo(
            f"{p.id:14} {p.valid_from} .. {until!s:10} {len(p.rules):3} rules {p.title_en} {p.title_zh}"
        )


@policy.command("diff")
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON. 以 JSON 输出。")
def diff(a: str, b: str, as_json: bool) -> None:
    """Show what packs A and B decide differently. 比较两个策略包。"""
    from lianfang.guard.policy import diff as compare

    found = compare(a, b)
    if as_json:
        _say(found)
        return
    for entry in found:
        context = ", ".join(f"{key}={json.dumps(value)}" for key, value in entry["context"].items())
        click.echo(
            f"{entry['change']:10} {entry['actor']} {entry['phase']} {entry['purpose']}: "
            f"{', '.join(entry['data'])} (e.g. {context or 'no context'})"
        )
    click.echo(f"{len(found)} differences 处差异")


def _capabilities(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked:
        return
    from lianfang.guard.redaction import capabilities

    told = capabilities()
    click.echo("names weighed by the tagger 以标注模型判断姓名: " + ("yes 是" if told["tagger"] else "no 否"))
    for one in told["unseen"]:
        click.echo(f"not seen 无法发现: {one['en']} / {one['zh']}")
    ctx.exit()


@click.command("redaction")
@click.argument("source", metavar="FILE")
@click.option(
    "--capabilities",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_capabilities,
    help="Say what this installation cannot see. 说明本机无法发现什么。",
)
@click.option("--mask", "masked", is_flag=True, help="Print the text without them. 输出隐去后的文本。")
@click.option(
    "--point",
    type=click.Choice(["block", "mask"]),
    default="block",
    show_default=True,
    help="Recall or precision first. 查全优先或查准优先。",
)
@click.option("--names/--no-names", default=True, help="Look for names too. 是否查找姓名。")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON. 以 JSON 输出。")
def redaction(source: str, masked: bool, point: str, names: bool, as_json: bool) -> None:
    """Find what points to a person in FILE (- for standard input). 查找文本中的个人信息。

    Kinds and positions are printed, the text itself never is; exit 4 if --mask is not given and something
    is found. Without the ner extra a line on the error output says that names in prose are not seen.
    """
    from lianfang.foundation.errors import Refused
    from lianfang.guard.redaction import capabilities, find, replace

    text = _open(source)
    findings = find(text, names=names, point=point)
    if names and not (told := capabilities())["tagger"]:
        first = told["unseen"][0]
        click.echo(f"not seen 无法发现: {first['en']} / {first['zh']}", err=True)
    if masked:
        click.echo(replace(text, findings), nl=False)
        return
    if as_json:
        _say([{"kind": f.kind, "start": f.start, "end": f.end} for f in findings])
    else:
        for finding in findings:
            line = text.count("\n", 0, finding.start) + 1
            column = finding.start - (text.rfind("\n", 0, finding.start) + 1) + 1
            click.echo(
                f"line {line}, column {column}: {finding.kind} ({finding.end - finding.start} characters)"
            )
        click.echo(f"{len(findings)} findings 处发现")
    if findings:
        raise Refused(
            f"{len(findings)} findings point to a person.", hint="--mask prints the text without them."
        )
