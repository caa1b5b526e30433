"""``lianfang ledger witness``, ``monitor``, ``prove``, ``cosign``, ``submitter``: the ledger among others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lianfang.cli.common import acting, on_installation, opened, say

if TYPE_CHECKING:
    from datetime import datetime

_FOLDER = click.argument("folder", type=click.Path(path_type=Path))


def _now() -> datetime:
    from lianfang.foundation.clock import SystemClock

    return SystemClock().now()


@click.group("witness")
def witness() -> None:
    """Be a witness of others' logs (C2SP tlog-witness). 为他方账本作见证。

    A witness signs a log's head only when it adds to the last one it signed. It needs a folder, no installation.
    """


@witness.command("init")
@_FOLDER
@click.option("--name", required=True, help="The witness's name, like witness.example/health. 见证方名称。")
def witness_init(folder: Path, name: str) -> None:
    """Make the folder and the key; prints the verifier key to give to others. 新建见证方。"""
    from lianfang.services.ledger import watching

    with watching.create(folder, name) as made:
        click.echo(str(made.signer.cosigner))


@witness.command("add")
@_FOLDER
@click.argument("key")
@click.option("--url", default="", help="Where the log is read, for the monitor. 账本地址（供监看）。")
def witness_add(folder: Path, key: str, url: str) -> None:
    """Witness and watch the log with this verifier key, or one more key of it. 添加账本。"""
    from lianfang.services.ledger import watching

    with watching.open_watch(folder) as watch:
        click.echo(watch.watch(key, url, now=_now()))


@witness.command("serve")
@_FOLDER
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. 监听地址。")
@click.option("--port", default=8010, show_default=True, help="Port to listen on. 端口。")
def witness_serve(folder: Path, host: str, port: int) -> None:
    """Answer logs that ask for a cosignature. 提供见证服务。"""
    import uvicorn

    from lianfang.api.witness import create_witness
    from lianfang.services.ledger import watching

    with watching.open_watch(folder) as watch:
        click.echo(f"{watch.signer.cosigner}")
        click.echo(f"http://{host}:{port} watches {len(watch.logs())} logs 见证账本")
        uvicorn.run(create_witness(watch), host=host, port=port, log_level="warning", server_header=False)


@click.command("monitor")
@_FOLDER
@click.option(
    "--peer", "peers", multiple=True, metavar="URL", help="Another watcher; may be repeated. 其他见证方。"
)
@click.option("--every", default=600, show_default=True, help="Seconds between two rounds. 间隔秒数。")
@click.option("--once", is_flag=True, help="One round. 只看一次。")
@click.option("--new", "only_new", is_flag=True, help="Read only what is new. 只读新增部分。")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def monitor(
    folder: Path, peers: tuple[str, ...], every: int, once: bool, only_new: bool, as_json: bool
) -> None:
    """Read the watched logs, recompute them, compare with what peers were shown. 监看账本。

    What a log is caught at goes into FOLDER/evidence, one file each, to be verified by anybody with
    `lianfang ledger verify FILE --key LOGKEY`. Exit code 4 (with --once): something was found.
    """
    from lianfang.foundation.errors import Refused
    from lianfang.services.ledger import outside, watching

    known = [outside.address(one) for one in peers]
    with watching.open_watch(folder) as watch:
        while True:
            found = watch.round(now=_now(), peers=known, full=not only_new)
            rows = [
                {"kind": one.kind, "origin": one.origin, "proof": one.proves, "file": str(path)}
                for path, one in found
            ]
            lines = [f"ALARM 警报 {row['kind']}: {row['origin']}, {row['file']}" for row in rows]
            if as_json or lines or once:
                say(
                    as_json,
                    {"logs": len(watch.logs()), "found": rows},
                    "\n".join(lines) or "nothing found 未发现异常",
                )
            if once:
                if found:
                    raise Refused(f"{len(found)} findings.", code="evidence")
                return
            time.sleep(every)


@click.command("prove")
@click.argument("index", type=click.IntRange(min=0))
@click.option(
    "--out", type=click.Path(path_type=Path), help="File to write; default: standard output. 输出文件。"
)
@on_installation
def prove(index: int, out: Path | None, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Write an entry's .tlog-proof file, with the witnesses' signatures. 出具条目证明。"""
    from lianfang.services.ledger import heads, reading

    with opened(home, clock) as inst:
        heads.sign(inst)
        text = reading.proof(inst, index)
    if out is not None:
        out.write_text(text, encoding="utf-8")
        text = str(out)
    say(as_json, {"proof": text}, text.rstrip("\n"))


@click.command("cosign")
@on_installation
def cosign(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Sign the head now and ask the witnesses of ledger.policy. 签署检查点并请见证方签名。"""
    from lianfang.services.ledger import heads

    with opened(home, clock) as inst:
        said = heads.keep(inst)
    lines = [f"{said['size']} entries 条"]
    lines += [f"{name}: {what}" for name, what in said["witnesses"].items()]
    if said["quorum"] is not None:
        lines.append("quorum reached 已达法定见证数" if said["quorum"] else "NO quorum 未达法定见证数")
    say(as_json, said, "\n".join(lines))


@click.group("submitter")
def submitter() -> None:
    """Bodies that may append statements by HTTP. 可向账本提交陈述的单位。"""


@submitter.command("add")
@click.argument("name")
@on_installation
def submitter_add(name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Let a body append; prints its token, this once. 准许单位提交，令牌仅显示一次。"""
    from lianfang.services.ledger import submitters

    with opened(home, clock) as inst:
        token = submitters.add(inst, acting(inst, account, ("manager",)), name)
    say(as_json, {"authority": name, "token": token}, token)


@submitter.command("remove")
@click.argument("name")
@on_installation
def submitter_remove(name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Take a body's token away. 撤销令牌。"""
    from lianfang.services.ledger import submitters

    with opened(home, clock) as inst:
        submitters.remove(inst, acting(inst, account, ("manager",)), name)
    say(as_json, {"removed": name}, f"{name} removed 已撤销")


@submitter.command("list")
@on_installation
def submitter_list(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Who may append. 名单。"""
    from lianfang.services.ledger import submitters

    with opened(home, clock) as inst:
        rows = submitters.listing(inst, acting(inst, account, ("manager",)))
    say(as_json, rows, "\n".join(f"{row['authority']}  {row['added_at']}" for row in rows))
