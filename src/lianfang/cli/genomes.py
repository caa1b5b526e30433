"""``lianfang genomes``: genomes of an event's samples, received and set beside who met whom."""

from __future__ import annotations

from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened, say, taken


@click.group("genomes")
def genomes() -> None:
    """Genomes of an event's samples: receive them, see what they say of its links. 事件样本的基因组。"""


@genomes.command("receive")
@click.argument("file", metavar="FILE")
@on_installation
def receive(file: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Read the genomes of a FASTA file whose headers are sample numbers. 接收并分析样本基因组。"""
    from lianfang.services import genomes as service

    raw = taken(file, service.MOST_BYTES)
    with opened(home, clock) as inst:
        done = service.receive(inst, acting(inst, account, ("laboratory",)), raw)
    lines = [
        f"{one['sample_no']}\t{one['status']}\t{one['clade'] or '-'}\t{one['lineage'] or '-'}\t{one['quality'] or '-'}"
        for one in done["received"]
    ]
    lines += [
        f"! {one['oligo']}: {one['sample_no']}  first in its event 本事件首次出现" for one in done["alarms"]
    ]
    if done["left"]:
        lines.append(f"of no open event, nothing kept 不属于已启动事件，未保存: {' '.join(done['left'])}")
    say(as_json, done, "\n".join(lines))


@genomes.command("show")
@click.argument("event_id")
@on_installation
def show(event_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Clusters, what genomes say of traced links, primers that no longer fit. 聚类、关联与引物。"""
    from lianfang.foundation.canonical import plain
    from lianfang.services import genomes as service

    with opened(home, clock) as inst:
        found = service.view(inst, acting(inst, account, ("epidemiologist", "laboratory")), event_id)
    say(as_json, plain(found), "\n".join(_told(found)))


def _told(found: dict[str, Any]) -> list[str]:
    lines = [f"{len(found['genomes'])} genomes 基因组"]
    lines += [
        f"cluster 聚类 {one['number']}\t{len(one['samples'])}\t{' '.join(one['samples'])}"
        for one in found["clusters"]
    ]
    lines += [
        f"link 关联 {one['from_sample']} -> {one['to_sample']}\t{one['verdict']}\t{one['differences']}/{one['days']} d"
        for one in found["links"]
    ]
    lines += [
        f"oligo 引物 {one['oligo']}\t{one['verdict']}\t{one['places']}\t{one['genomes']}"
        for one in found["misfits"]
    ]
    return lines
