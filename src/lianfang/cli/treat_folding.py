"""``lianfang treat folding | structure | pairs | accessible``: RNA on files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from lianfang.cli.common import taken

FORMS = ("dot-bracket", "ct", "bpseq")
KINDS = ("mfe", "mea", "centroid", "threshknot")
_beam = click.option(
    "--beam", type=int, default=100, show_default=True, help="Pieces kept: more is finer. 束宽。"
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")


def _raw(source: str) -> bytes:
    """The bytes of a file or, for ``-``, of standard input; one more than allowed at most."""
    from lianfang.treat.folding.sequences import MOST_BYTES

    return taken(source, MOST_BYTES)


@click.command("folding")
@click.argument("file", metavar="FILE")
@_beam
@click.option(
    "--structure", "kind", type=click.Choice(KINDS), default="mfe", show_default=True,
    help="Least energy; most expected; pairs likelier than not; those, crossing allowed. 结构类型。",
)  # fmt: skip
@click.option("--mea", "kind", flag_value="mea", help="The same as --structure mea. 最大期望准确度。")
@click.option(
    "--gamma", type=float, default=1.0, show_default=True, help="Of mea: more is more pairs. 配对权重。"
)
@click.option(
    "--theta", type=float, default=0.3, show_default=True, help="Of threshknot: least probability. 阈值。"
)
@click.option("--constraint", help="One sequence: . free, x unpaired, ( ) must pair. 约束。")
@click.option(
    "--format", "form", type=click.Choice(FORMS), default="dot-bracket", show_default=True, help="格式 form."
)
@click.option("--arcs", "arcs_file", type=click.Path(dir_okay=False), help="Arc diagram as SVG. 弧线图文件。")
@click.option("--workers", type=int, help="Sequences at once; all cores unless given. 并行数。")
@_json
def folding(
    file: str, beam: int, kind: str, gamma: float, theta: float, constraint: str | None, form: str,
    arcs_file: str | None, workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Fold RNA: structure and energy, in seconds for a genome. 预测 RNA 二级结构与能量。

    FILE is FASTA, gzip or not; - reads standard input. T is read as U, ambiguous letters stay unpaired.
    Turner 2004 at 37 °C, beam search from 5' to 3'. FILE 为 FASTA（可为 gzip），- 表示标准输入。
    """
    from lianfang.foundation.errors import UsageError
    from lianfang.foundation.progress import terminal
    from lianfang.services.folding import files as service
    from lianfang.treat.folding import arcs

    records = service.records(_raw(file))
    if len(records) > 1 and arcs_file:
        raise UsageError("An arc diagram is for a file of one sequence.")
    with terminal(len(records) > 1) as report:
        if kind == "threshknot":
            if form != "dot-bracket" or arcs_file or constraint:
                raise UsageError("Crossing pairs are told as dot-bracket only, without a constraint.")
            rows = service.crossing(records, theta=theta, beam=beam, workers=workers, progress=report)
            _crossing(rows, as_json)
            return
        found = service.structures(
            records,
            kind=kind,
            beam=beam,
            constraint=constraint,
            gamma=gamma,
            workers=workers,
            progress=report,
        )
    if arcs_file:
        Path(arcs_file).write_text(arcs.arcs(found[0]).file(), encoding="utf-8")
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        click.echo(service.written(one, form), nl=False)


def _crossing(rows: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f">{row['name']}\n{row['sequence']}\n{row['structure']}")


@click.command("pairs")
@click.argument("file", metavar="FILE")
@_beam
@click.option(
    "--least", type=float, default=0.01, show_default=True, help="Pairs below are left out. 概率下限。"
)
@_json
def pairs(file: str, beam: int, least: float, as_json: bool) -> None:
    """How probable each pair is in the ensemble. 碱基配对概率。

    Columns: name, i, j (from 1), probability. 列：名称、i、j、概率。
    """
    from lianfang.services.folding import files as service

    frames = service.pairs(service.records(_raw(file)), beam=beam, least=least)
    if as_json:
        click.echo(json.dumps({name: frame.to_dicts() for name, frame in frames}))
        return
    for name, frame in frames:
        for i, j, probability in frame.iter_rows():
            click.echo(f"{name}\t{i}\t{j}\t{probability:.4f}")


@click.command("accessible")
@click.argument("file", metavar="FILE")
@click.option("--length", type=int, default=20, show_default=True, help="Bases of a site. 位点长度。")
@click.option("--top", type=int, default=20, show_default=True, help="Most open sites shown; 0 all. 显示数。")
@click.option(
    "--from", "start", type=int, default=1, show_default=True, help="First base of a site, from 1. 起点。"
)
@click.option("--to", "end", type=int, help="Last first base of a site. 终点。")
@click.option(
    "--around", "wanted", multiple=True, metavar="SITE",
    help="FIRST-LAST, an oligo's name, or oligos: how open is it? Again for more. 指定位点或引物。",
)  # fmt: skip
@click.option(
    "--within", type=int, default=50, show_default=True, help="Of --around: move by at most. 移动范围。"
)
@click.option("--dataset", default="sars-cov-2", show_default=True, help="Whose oligos. 引物所属数据集。")
@_beam
@_json
def accessible(
    file: str, length: int, top: int, start: int, end: int | None, wanted: tuple[str, ...], within: int, dataset: str,
    beam: int, as_json: bool,
) -> None:  # fmt: skip
    """Where a probe or a primer finds its site open. 探针与引物的可及位点。

    Columns: name, first and last base (from 1), mean and least probability of its bases to be unpaired.
    列：名称、首末碱基、不配对概率的均值与最小值。

    With --around: name, site, the same four, share of the sequence's windows of that length that are more open, and
    the most open window near by (first, last, mean). 加 --around：另列更开放窗口所占比例与附近最优窗口。
    """
    from lianfang.services.folding import files as service

    records = service.records(_raw(file))
    if wanted:
        _around(records, wanted, within, dataset, beam, as_json)
        return
    found = service.open_sites(records, length=length, top=top, start=start, end=end, beam=beam)
    if as_json:
        click.echo(json.dumps({name: frame.to_dicts() for name, frame in found}))
        return
    for name, frame in found:
        for first, last, mean, least in frame.iter_rows():
            click.echo(f"{name}\t{first}\t{last}\t{mean:.3f}\t{least:.3f}")


def _around(
    records: list[tuple[str, str]],
    wanted: tuple[str, ...],
    within: int,
    dataset: str,
    beam: int,
    as_json: bool,
) -> None:
    """How open given sites and oligos are, printed."""
    from lianfang.services.folding import files as service
    from lianfang.treat import folding as engine

    rows = {
        name: [
            one.row()
            for one in service.sites(
                engine.ensemble(sequence, beam=beam), wanted, within=within, dataset=dataset
            )
        ]
        for name, sequence in records
    }
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for name, sites in rows.items():
        for row in sites:
            best = row["best"]
            click.echo(
                f"{name}\t{row['site']}\t{row['start']}\t{row['end']}\t{row['unpaired']:.3f}\t{row['least']:.3f}"
                f"\t{row['opener']:.2f}\t{best['start']}\t{best['end']}\t{best['unpaired']:.3f}"
            )


@click.command("structure")
@click.argument("file", metavar="FILE")
@_json
def structure(file: str, as_json: bool) -> None:
    """The energy of given structures. 给定结构的能量。

    FILE holds, for each RNA, a line >name, the sequence and the structure in dot-bracket, as folding prints them; - is
    standard input. 每条含名称行、序列、点括号结构。
    """
    from lianfang.foundation.errors import BadInput
    from lianfang.treat import folding as engine

    text = _raw(file).decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows: list[dict[str, str | float]] = []
    for at in range(0, len(lines), 3):
        if not lines[at].startswith(">") or at + 2 >= len(lines):
            raise BadInput("Each RNA takes three lines: >name, the sequence, the structure in dot-bracket.")
        pairs = lines[at + 2].split()[0]
        words = lines[at][1:].split()
        rows.append(
            {"name": words[0] if words else "unnamed", "energy": engine.evaluate(lines[at + 1], pairs)}
        )
    if not rows:
        raise BadInput("The file holds no structure.", hint="Print one with lianfang treat folding FILE.")
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['name']}\t{row['energy']:.2f} kcal/mol")
