"""``lianfang ledger``: proofs in the hand of whoever holds them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lianfang.cli import LazyGroup
from lianfang.cli.common import on_installation, opened, say

if TYPE_CHECKING:
    from lianfang.guard.ledger.offline import Verdict

MAX_INPUT = 2_000_000
_LAZY = {
    "reconcile": ("lianfang.cli.reports:reconcile", "A bulletin against its reports. 通报与报告核对。"),
}


@click.group("ledger", cls=LazyGroup, lazy=_LAZY)
def ledger() -> None:
    """Proofs that a record was not altered. 记录未被篡改之证明。

    What such a proof shows is that the record stands in the log unchanged since it was signed. It does not
    show that the record was true. 证明记录自签署以来未变，不证明其内容为真。
    """


@ledger.command("verify")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    help="The log's verifier key or a file of keys, from a source you trust; may be repeated. 日志公钥。",
)
@click.option("--origin", help="The log that is meant; another one's proof is refused. 指定日志。")
@click.option("--entry", "entry_file", help="The entry's file, when the proof does not carry it. 条目文件。")
@click.option("--opening", "opening_file", help="JSON with salt and payload to check too. 盐与内容。")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON. 以 JSON 输出。")
def verify(
    files: tuple[str, ...],
    keys: tuple[str, ...],
    origin: str | None,
    entry_file: str | None,
    opening_file: str | None,
    as_json: bool,
) -> None:
    """Verify notes, checkpoints and .tlog-proof files; needs no installation. 离线核验，无需安装环境。

    FILE may be - for standard input. Exit code 0: all valid; 4: at least one is not.
    """
    from lianfang.foundation.errors import BadInput, Refused
    from lianfang.guard.ledger.offline import as_verdict, read_keys, split_views, verify_file

    known = read_keys([_key(one) for one in keys])
    entry = _read(entry_file) if entry_file else None
    opening = _opening(opening_file) if opening_file else None
    verdicts: list[Verdict] = []
    for name in files:
        text = _text(name)
        try:
            verdicts.append(verify_file(text, known, origin=origin, entry=entry, opening=opening))
        except BadInput as error:
            verdicts.append(as_verdict(error))
    split = split_views(verdicts)
    if as_json:
        rows = [{"file": name, **asdict(one)} for name, one in zip(files, verdicts, strict=True)]
        click.echo(json.dumps({"files": rows, "split_view": split}, ensure_ascii=False, indent=2))
    else:
        for name, one in zip(files, verdicts, strict=True):
            _say(name, one)
        for log in split:
            click.echo(f"SPLIT VIEW 分裂视图: {log} signed two different heads of one size. Keep both files.")
    bad = [one for one in verdicts if not one.valid]
    if split:
        raise Refused("The log showed different people different records.", code="split_view")
    if bad:
        raise Refused(f"{len(bad)} of {len(verdicts)} files are not valid.", code="not_valid")


@ledger.command("check")
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="FILE",
    help="A signed head that others kept. 他处保存的检查点。",
)
@on_installation
def check(heads: tuple[str, ...], home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Read the installation's log and vault again, whole. 全量核对本机账本与保险库。

    One changed byte is found. Exit code 0: all as it was written; 4: not.
    """
    from lianfang.foundation import words
    from lianfang.foundation.errors import Refused
    from lianfang.foundation.progress import terminal
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services import integrity

    with opened(home, clock) as inst, terminal(not as_json) as progress:
        found = integrity.check(inst, heads=[_text(one) for one in heads], progress=progress)
    lines = [f"{found['entries']} entries, {found['subjects']} identities"]
    lang = terminal_language(home)
    lines += [f"! {words.say(one['what'], lang)}" + _at(one["index"]) for one in found["findings"][:50]]
    lines.append("all as it was written 完好" if found["valid"] else "NOT as it was written 有改动")
    say(as_json, found, "\n".join(lines))
    if not found["valid"]:
        raise Refused(f"{len(found['findings'])} findings.", code="not_valid")


def _at(index: int | None) -> str:
    return "" if index is None else f" (entry {index})"


def _say(name: str, one: Verdict) -> None:
    from lianfang.foundation import words
    from lianfang.foundation.words.choice import terminal_language

    if not one.valid:
        click.echo(f"NOT VALID 无效  {name}: {words.say(one.reason, terminal_language())}")
        return
    click.echo(f"VALID 有效  {name}")
    if one.index is not None:
        click.echo(f"  entry {one.index} of {one.size} in {one.origin}")
    elif one.size is not None:
        click.echo(f"  head of {one.origin}: {one.size} entries, root {one.root}")
    for title in ("type", "time", "authority", "purpose", "ref"):
        if one.entry and title in one.entry:
            click.echo(f"  {title}: {_clean(one.entry[title])}")
    if one.payload is not None:
        click.echo(f"  payload: {_clean(json.dumps(one.payload, ensure_ascii=False, sort_keys=True))}")
    click.echo("  signed by " + ", ".join(_clean(key.split("+")[0]) for key in one.signed_by))


def _clean(value: Any) -> str:
    """Nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else "�" for c in str(value))[:2000]


def _key(given: str) -> str:
    if given.count("+") >= 2 and not Path(given).is_file():
        return given
    return _text(given)


def _opening(name: str) -> dict[str, Any]:
    from lianfang.foundation.errors import BadInput

    try:
        found = json.loads(_text(name))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadInput(f"{name} is no opening.", hint="It is JSON with salt and payload.")
    return found


def _text(name: str) -> str:
    from lianfang.foundation.errors import BadInput

    try:
        return _read(name).decode()
    except UnicodeDecodeError:
        raise BadInput(f"{name} is not UTF-8 text.") from None


def _read(name: str) -> bytes:
    from lianfang.foundation.errors import BadInput

    try:
        if name == "-":
            raw = sys.stdin.buffer.read(MAX_INPUT + 1)
        else:
            with Path(name).open("rb") as stream:
                raw = stream.read(MAX_INPUT + 1)
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.") from None
    if len(raw) > MAX_INPUT:
        raise BadInput(f"{name} is larger than {MAX_INPUT:,} bytes.")
    return raw
