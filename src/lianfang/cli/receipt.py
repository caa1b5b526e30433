"""``lianfang receipt``: what a citizen, a donor or a hospital takes away, and its check without an installation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lianfang.cli.common import on_installation, opened, say

if TYPE_CHECKING:
    from lianfang.services.installation import Installation
    from lianfang.services.receipts import Checked, Receipt

MAX_INPUT = 4 << 20
_ENTRY = click.argument("entry", metavar="ENTRY")


@click.group("receipt")
def receipt() -> None:
    """Receipts of records: made here, checked anywhere. 记录凭证：在此出具，随处核验。

    A receipt shows that the record was not altered since it was signed, not that it was true.
    凭证证明记录自签署以来未变，不证明其内容为真。
    """


@receipt.command("make")
@_ENTRY
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the files; default: here. 输出目录。",
)
@on_installation
def make(entry: str, out: Path, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Write the receipt of ENTRY: proof file, QR code, a bulletin's own file. 出具凭证。

    ENTRY is a number of the log, or EVENT/NUMBER of a bulletin. The head is signed first where it is due; ask the
    witnesses before with `lianfang ledger cosign`.
    """
    from lianfang.services import bulletin
    from lianfang.services.ledger import heads

    with opened(home, clock) as inst:
        heads.sign(inst)
        found, number = _found(inst, entry)
        files = {
            found.name: found.proof.encode(),
            f"entry-{found.index}.svg": found.svg.encode(),
            f"entry-{found.index}.png": found.png,
        }
        if number:
            name = f"bulletin-{number[0]}-{number[1]}.lianfang.json"
            files[name] = bulletin.document(inst, *number).encode()
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(data)
    told = {**_told(found), "files": [str(out / name) for name in files]}
    say(as_json, told, "\n".join([_words(found), *(f"  {file}" for file in told["files"])]))


@receipt.command("show")
@_ENTRY
@on_installation
def show(entry: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Show the receipt of ENTRY: its link, and the QR code on the terminal. 显示凭证与二维码。"""
    import io

    with opened(home, clock) as inst:
        found, _ = _found(inst, entry)
    drawn = io.StringIO()
    if not as_json:
        import segno

        segno.make(found.link, error="m", micro=False).terminal(drawn, compact=True, border=2)
    say(as_json, _told(found), f"{drawn.getvalue()}{_words(found)}")


@receipt.command("verify")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--key", "keys", multiple=True, help="The authority's key, or a file of keys. 机构公钥或公钥文件。"
)
@click.option("--policy", "policy_file", help="A C2SP tlog-policy in place of keys. 见证策略文件，代替公钥。")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON. 以 JSON 输出。")
def verify(files: tuple[str, ...], keys: tuple[str, ...], policy_file: str | None, as_json: bool) -> None:
    """Check bulletins, .tlog-proof files and heads; needs no installation. 离线核验，无需安装环境。

    Several files are also compared: which bulletin corrects which, and whether the log showed two faces. Without a key
    a bulletin is checked by the key in its own file, which anybody can make. Exit code 0: all sound; 4: not.
    """
    from lianfang.cli.ledger import _key, _read
    from lianfang.foundation.errors import BadInput, Refused, UsageError
    from lianfang.services import receipts

    if keys and policy_file:
        raise UsageError("Give the log's key with --key, or a policy with --policy.")
    try:
        text = _read(policy_file).decode() if policy_file else "\n".join(_key(one) for one in keys)
    except UnicodeDecodeError:
        raise BadInput(f"{policy_file} is not UTF-8 text.") from None
    found = receipts.check([_read(name) for name in files], receipts.Trust.parse(text))
    rows = [{"file": name, **asdict(one)} for name, one in zip(files, found, strict=True)]
    say(as_json, rows, "\n".join(_verdict(name, one) for name, one in zip(files, found, strict=True)))
    bad = [one for one in found if not one.valid]
    if bad:
        raise Refused(f"{len(bad)} of {len(found)} files are not valid.", code="not_valid")


@receipt.command("page")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--policy", "policy_file", help="Keys or a policy to stand in it. 预置的公钥或见证策略。")
def page(file: Path, policy_file: str | None) -> None:
    """Write the verifier as one page for any browser, to be used offline. 导出离线核验网页。"""
    from lianfang.api.verifier import single_file
    from lianfang.cli.ledger import _text
    from lianfang.services import receipts

    text = _text(policy_file) if policy_file else ""
    receipts.Trust.parse(text)
    file.write_text(single_file(text), encoding="utf-8")
    click.echo(f"{file}: open it in a browser, without a network if you like. 用浏览器打开即可，可断网。")


def _found(inst: Installation, entry: str) -> tuple[Receipt, tuple[str, int] | None]:
    """The receipt, and the bulletin's event and number where ENTRY names one or is one's entry."""
    from lianfang.foundation.errors import UsageError
    from lianfang.services import bulletin, events, receipts

    if entry.isascii() and entry.isdigit() and len(entry) <= 18:
        found = receipts.receipt_of(inst, int(entry))
    else:
        event, _, number = entry.rpartition("/")
        if not event or not (number.isascii() and number.isdigit() and len(number) <= 9):
            raise UsageError("ENTRY is a number of the log, or EVENT/NUMBER of a bulletin.")
        row = bulletin.row_of(inst, events.find(inst, event)["event_id"], int(number))
        found = receipts.receipt_of(inst, row["log_index"])
    path = receipts.page_of(inst, found).split("/")
    return found, (path[2], int(path[3])) if len(path) == 4 else None


def _told(found: Receipt) -> dict[str, Any]:
    return {
        "index": found.index,
        "code": found.code,
        "link": found.link,
        "entry": found.entry,
        "size": found.size,
        "witnesses": found.witnesses,
        "proof": found.proof,
    }


def _words(found: Receipt) -> str:
    lines = [found.link, f"entry {found.index} 日志第 {found.index} 号"]
    if found.entry:
        lines[1] += f": {found.entry['type']}, {found.entry['time']}"
    if found.proof:
        lines.append(f"head of {found.size} entries, {len(found.witnesses)} witnesses 见证方")
    else:
        lines.append("not under a signed head yet 尚无签名检查点: lianfang ledger cosign")
    return "\n".join(lines)


def _verdict(name: str, one: Checked) -> str:
    from lianfang.cli.ledger import _clean
    from lianfang.foundation import words
    from lianfang.foundation.words.choice import terminal_language

    if not one.valid:
        return f"NOT VALID 无效  {name}: {words.say(one.reason, terminal_language())}"
    lines = [f"VALID 有效  {name}"]
    if one.bulletin:
        lines.append(f"  bulletin 通报: {_clean(one.bulletin['authority'])} no. {one.bulletin['number']}")
        lines.append(f"  key 公钥: {_clean(one.bulletin['key'])}")
    where = f"entry {one.index} of {one.size}" if one.index is not None else f"head of {one.size} entries"
    lines.append(f"  {where} in {_clean(one.origin)}")
    if one.paper:
        lines.append(f"  code on paper 纸面编号: {one.paper}")
    if one.witnesses:
        lines.append("  witnesses 见证方: " + ", ".join(_clean(who) for who, _ in one.witnesses))
    if one.corrected_by is not None:
        lines.append(f"  ! corrected by no. {one.corrected_by} 已被第 {one.corrected_by} 期更正")
    if not one.trusted:
        lines.append(
            "  ! by the key in the file itself: compare it with the authority's 公钥取自文件自身，请比对"
        )
    return "\n".join(lines)
