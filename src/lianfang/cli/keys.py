"""``lianfang guard keys``: which keys there are, rotation, the root key in another place."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lianfang.cli.common import acting, on_installation, opened, say

if TYPE_CHECKING:
    from lianfang.services.installation import Installation, Who

ROLES = ("administrator", "security_officer")


@click.group()
def keys() -> None:
    """The installation's keys: list, rotate, move the root. 密钥：清单、轮换、迁移根密钥。"""


@keys.command("list")
@click.option("--kinds", is_flag=True, help="Every kind of key that the house uses. 列出全部密钥种类。")
@on_installation
def list_(kinds: bool, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Root, events, data keys by version, key files; no key is read out. 密钥清单。"""
    from lianfang.services import keys as service

    with opened(home, clock) as inst:
        found = service.listing(inst, _who(inst, account))
    root = ", ".join(f"{name} {value}" for name, value in found.root.items())
    lines = [f"root 根密钥: {root}"]
    if kinds:
        lines += [
            f"{one.name:20} {one.algorithm:28} {one.kept}; {one.en} {one.zh}; changes: {one.changes}"
            for one in found.kinds
        ]
    for event in found.events:
        held = ", ".join(
            f"{one['data_keys']:,} under version {one['version']} ({one['suite']})" for one in event["held"]
        )
        state = "rotating 轮换中" if event["rotating"] else f"version {event['version']}"
        lines.append(f"{event['event_id']:24} {state}: {held or 'no data keys'}")
    lines += [
        f"{one['file']:24} {one['mode']}{'' if one['known'] else '  unknown 未知文件'}" for one in found.files
    ]
    lines += [f"amiss 不符: {event_id}" for event_id in found.amiss]
    say(as_json, asdict(found), "\n".join(lines))


@keys.command("rotate")
@click.argument("events", nargs=-1, metavar="[EVENT]...")
@on_installation
def rotate(events: tuple[str, ...], home: str | None, account: str, clock: str, as_json: bool) -> None:
    """New wrapping keys for EVENTs (all when none is named); work goes on meanwhile. 轮换密钥。

    Stopped, it goes on where it was when it is called again.
    """
    from lianfang.foundation.progress import terminal
    from lianfang.services import keys as service

    with opened(home, clock) as inst, terminal() as progress:
        done = service.rotate(inst, _who(inst, account), events, progress=progress)
    lines = [
        f"{one.event_id}: version {one.from_version} -> {one.to_version}, {one.rewrapped:,} data keys wrapped anew"
        for one in done
    ]
    say(as_json, [asdict(one) for one in done], "\n".join(lines))


@keys.command("move-root")
@click.option("--renew", is_flag=True, help="Also when it stands there already: a fresh one. 原地更新。")
@on_installation
def move_root(renew: bool, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Put the root key where the setting root_key says; work goes on meanwhile. 迁移根密钥。

    Stopped, it has happened or not; called again it finishes.
    """
    from lianfang.services import keys as service

    with opened(home, clock) as inst:
        moved = service.move_root(inst, _who(inst, account), renew=renew)
    place = ", ".join(f"{name} {value}" for name, value in moved.after.items())
    say(as_json, asdict(moved), f"{'moved 已迁移' if moved.changed else 'already there 已在该处'}: {place}")


def _who(inst: Installation, account: str) -> Who:
    from lianfang.services.installation import SYSTEM

    # in a demonstration nobody is administrator: whoever holds its keys acts as its machinery
    return acting(inst, account, ROLES) if account or not inst.settings.demonstration else SYSTEM
