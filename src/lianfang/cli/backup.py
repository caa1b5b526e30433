"""``lianfang backup``: encrypted backups, restores that bring nothing ended back, and drills."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lianfang.cli.common import acting, on_installation, opened, say

if TYPE_CHECKING:
    from lianfang.services.backup import Restored

_FOLDER = click.Path(path_type=Path)
_TO = click.option("--to", multiple=True, required=True, metavar="age1...", help="Public key. 接收公钥。")
_IDENTITY = click.option(
    "--identity", required=True, type=_FOLDER, help="File with the secret key. 私钥文件。"
)


@click.group()
def backup() -> None:
    """Encrypted backups, restores, drills. 加密备份、恢复、演练。"""


@backup.command("identity")
@click.argument("file", type=_FOLDER)
def identity(file: Path) -> None:
    """Make a secret key in FILE and print its public key. 生成备份密钥。

    Keep the file away from the machine whose backups it opens.
    """
    from lianfang.services.backup import new_identity

    click.echo(new_identity(file))


@backup.command("create")
@click.argument("folder", type=_FOLDER)
@_TO
@click.option("--keys", "keys_only", is_flag=True, help="The keys alone, kept 14 days at most. 仅备份密钥。")
@click.option("--keep", type=int, default=None, help="Days until prune removes it. 保留天数。")
@on_installation
def create(
    folder: Path,
    to: tuple[str, ...],
    keys_only: bool,
    keep: int | None,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Write a backup into FOLDER, readable with the secret key alone. 备份到目录。"""
    from lianfang.foundation.progress import terminal
    from lianfang.services import backup as service

    with opened(home, clock) as inst:
        who = _who(inst, account)
        more: dict[str, Any] = {} if keep is None else {"kept_days": keep}
        if keys_only:
            made = service.create_keys_archive(inst, who, folder, to=to, **more)
        else:
            with terminal() as progress:
                made = service.create(inst, who, folder, to=to, progress=progress, **more)
    say(
        as_json,
        made,
        f"{made['file']}: {made['files']} files, {made['size']:,} bytes, kept until {made['expires_on']}",
    )


@backup.command("list")
@on_installation
def list_(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Backups made, and their drills. 备份列表。"""
    from lianfang.services import backup as service

    with opened(home, clock) as inst:
        found = service.listing(inst, _who(inst, account))
    lines = [
        f"{row['file']}  {row['size']:>13,}  until {row['expires_on']}  "
        f"{'removed' if row['removed_at'] else row['drill'] or 'never tried'}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@backup.command("drill")
@click.argument("archive", type=_FOLDER)
@_IDENTITY
@on_installation
def drill(archive: Path, identity: Path, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Restore ARCHIVE into a scratch folder, check it, remove it again. 恢复演练。"""
    from lianfang.foundation.progress import terminal
    from lianfang.services import backup as service

    with opened(home, clock) as inst, terminal() as progress:
        found = service.drill(inst, _who(inst, account), archive, identity, progress=progress)
    _told(found, as_json)


@backup.command("restore")
@click.argument("archive", type=_FOLDER)
@click.argument("into", type=_FOLDER)
@_IDENTITY
@click.option("--keys-of", type=_FOLDER, help="Home of the installation whose keys are used. 沿用其密钥。")
@click.option("--keys-archive", type=_FOLDER, help="Or a backup of keys. 或密钥备份。")
@click.option(
    "--erased", type=_FOLDER, multiple=True, help="A further copy of the erasure list. 其他销毁清单。"
)
@click.option(
    "--head", "heads", type=_FOLDER, multiple=True, help="A signed head that others kept. 签名树头。"
)
@click.option("--database-url", default="", help="Empty database to restore into. 目标数据库。")
@click.option("--vault-url", default="", help="Empty database for the vault. 保险库的目标数据库。")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def restore(
    archive: Path,
    into: Path,
    identity: Path,
    keys_of: Path | None,
    keys_archive: Path | None,
    erased: tuple[Path, ...],
    heads: tuple[Path, ...],
    database_url: str,
    vault_url: str,
    as_json: bool,
) -> None:
    """Restore ARCHIVE into the new folder INTO; what has ended since stays ended. 恢复备份。"""
    from lianfang.foundation.progress import terminal
    from lianfang.services import backup as service

    with terminal() as progress:
        found = service.restore(
            archive,
            identity,
            into,
            keys_home=keys_of,
            keys_archive=keys_archive,
            erased=erased,
            heads=[path.read_text(encoding="utf-8") for path in heads],
            database_url=database_url,
            vault_url=vault_url,
            progress=progress,
        )
    _told(found, as_json)


@backup.command("prune")
@click.argument("folder", type=_FOLDER)
@on_installation
def prune(folder: Path, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Remove the archives in FOLDER whose time has come. 删除到期备份。"""
    from lianfang.services import backup as service

    with opened(home, clock) as inst:
        gone = service.prune(inst, _who(inst, account), folder)
    say(as_json, gone, "\n".join(gone) or "–")


def _who(inst: Any, account: str) -> Any:
    from lianfang.services.backup.restoring import RESTORER

    # in a demonstration nobody is administrator: whoever holds its keys acts as its machinery
    return acting(inst, account) if account or not inst.settings.demonstration else RESTORER


def _told(found: Restored, as_json: bool) -> None:
    from lianfang.foundation.errors import Fault

    rows = sum(sum(tables.values()) for tables in found.rows.values())
    say(
        as_json,
        asdict(found),
        f"{found.backup_id}: {rows:,} rows, {found.subjects:,} identities checked, log of {found.entries:,} entries; "
        f"{found.subjects_removed} identities and {len(found.events_ended)} events ended again; "
        f"{'sound' if found.valid else 'NOT sound'}",
    )
    if not found.valid:
        raise Fault(f"{len(found.findings)} findings: the restored state is not sound.")
