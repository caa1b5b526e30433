"""``lianfang treat``: the engines of diagnosis on files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from lianfang.cli import _room
from lianfang.cli.common import taken

treat = _room(
    "treat",
    "Help to diagnose: folds of RNA, genomes, case definitions. 辅助诊断：RNA 折叠、基因组、病例定义。",
)

FORMS = ("dot-bracket", "ct", "bpseq")
KINDS = ("mfe", "mea", "centroid", "threshknot")


def _records(source: str) -> list[tuple[str, str]]:
    from lianfang.foundation.errors import BadInput
    from lianfang.treat import folding
    from lianfang.treat.folding.sequences import MOST_BYTES

    found = list(folding.fasta(taken(source, MOST_BYTES)))
    if not found:
        raise BadInput("The file holds no sequence.", hint="Give FASTA or one bare sequence.")
    return found


@click.command("folding")
@click.argument("file", metavar="FILE")
@click.option("--beam", type=int, default=100, show_default=True, help="Pieces kept: more is finer. 束宽。")
@click.option(
    "--structure", "kind", type=click.Choice(KINDS), default="mfe", show_default=True,
    help="Least energy; most expected; pairs likelier than not; those, crossing allowed. 结构类型。",
)  # fmt: skip
@click.option("--constraint", help="One sequence: . free, x unpaired, ( ) must pair. 约束。")
@click.option(
    "--format", "form", type=click.Choice(FORMS), default="dot-bracket", show_default=True, help="格式 form."
)
@click.option("--arcs", "arcs_file", type=click.Path(dir_okay=False), help="Arc diagram as SVG. 弧线图文件。")
@click.option("--workers", type=int, help="Sequences at once; all cores unless given. 并行数。")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def folding(
    file: str,
    beam: int,
    kind: str,
    constraint: str | None,
    form: str,
    arcs_file: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Fold RNA: structure and energy, in seconds for a genome. 预测 RNA 二级结构与能量。

    FILE is FASTA, gzip or not; - reads standard input. T is read as U, ambiguous letters stay unpaired.
    Turner 2004 at 37 °C, beam search from 5' to 3'. FILE 为 FASTA（可为 gzip），- 表示标准输入。
    """
    from lianfang.foundation.errors import UsageError
    from lianfang.foundation.progress import terminal
    from lianfang.treat import folding as engine
    from lianfang.treat.folding import arcs, formats

    records = _records(file)
    if len(records) > 1 and (constraint or arcs_file):
        raise UsageError("A constraint and an arc diagram are for a file of one sequence.")
    if kind != "mfe" and constraint:
        raise UsageError("A constraint is for the structure of least energy.")
    if kind == "threshknot":
        if form != "dot-bracket" or arcs_file:
            raise UsageError("Crossing pairs are told as dot-bracket only.")
        _crossing(records, beam, as_json)
        return
    if kind != "mfe":
        expected = {"mea": engine.mea, "centroid": engine.centroid}[kind]
        found = [expected(sequence, beam=beam, name=name) for name, sequence in records]
    elif constraint:
        name, sequence = records[0]
        found = [engine.fold(sequence, beam=beam, constraint=constraint, name=name)]
    else:
        with terminal(len(records) > 1) as report:
            found = engine.fold_many(records, beam=beam, workers=workers, progress=report)
    if arcs_file:
        Path(arcs_file).write_text(arcs.arcs(found[0]).file(), encoding="utf-8")
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        return
    write = {"dot-bracket": formats.dot_bracket, "ct": formats.ct, "bpseq": formats.bpseq}[form]
    for one in found:
        click.echo(write(one), nl=False)


def _crossing(records: list[tuple[str, str]], beam: int, as_json: bool) -> None:
    """Pairs that are each other's likeliest partner, printed; the energy model has no figure for crossing ones."""
    from lianfang.treat import folding as engine
    from lianfang.treat.folding.sequences import clean

    rows = [
        {"name": name, "sequence": clean(sequence), "structure": engine.threshknot(sequence, beam=beam)}
        for name, sequence in records
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f">{row['name']}\n{row['sequence']}\n{row['structure']}")


@click.command("pairs")
@click.argument("file", metavar="FILE")
@click.option("--beam", type=int, default=100, show_default=True, help="Pieces kept: more is finer. 束宽。")
@click.option(
    "--least", type=float, default=0.01, show_default=True, help="Pairs below are left out. 概率下限。"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def pairs(file: str, beam: int, least: float, as_json: bool) -> None:
    """How probable each pair is in the ensemble. 碱基配对概率。

    Columns: name, i, j (from 1), probability. 列：名称、i、j、概率。
    """
    from lianfang.foundation.errors import UsageError
    from lianfang.treat import folding as engine

    if not 0 <= least <= 1:
        raise UsageError("The least probability is a number from 0 to 1.")
    frames = [
        (name, engine.base_pairs(sequence, beam=beam, least=least)) for name, sequence in _records(file)
    ]
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
@click.option("--beam", type=int, default=100, show_default=True, help="Pieces kept: more is finer. 束宽。")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def accessible(
    file: str, length: int, top: int, start: int, end: int | None, beam: int, as_json: bool
) -> None:
    """Where a probe or a primer finds its site open. 探针与引物的可及位点。

    Columns: name, first and last base (from 1), mean and least probability of its bases to be unpaired.
    列：名称、首末碱基、不配对概率的均值与最小值。
    """
    import polars as pl

    from lianfang.treat import folding as engine

    found = {}
    for name, sequence in _records(file):
        frame = engine.accessible(sequence, length=length, beam=beam)
        frame = frame.filter((pl.col("start") >= start) & (pl.col("start") <= (end or len(sequence))))
        frame = frame.sort(["unpaired", "start"], descending=[True, False])
        found[name] = frame.head(top) if top > 0 else frame
    if as_json:
        click.echo(json.dumps({name: frame.to_dicts() for name, frame in found.items()}))
        return
    for name, frame in found.items():
        for first, last, mean, least in frame.iter_rows():
            click.echo(f"{name}\t{first}\t{last}\t{mean:.3f}\t{least:.3f}")


@click.command("structure")
@click.argument("file", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def structure(file: str, as_json: bool) -> None:
    """The energy of given structures. 给定结构的能量。

    FILE holds, for each RNA, a line >name, the sequence and the structure in dot-bracket, as folding prints them; - is
    standard input. 每条含名称行、序列、点括号结构。
    """
    from lianfang.foundation.errors import BadInput
    from lianfang.treat import folding as engine
    from lianfang.treat.folding.sequences import MOST_BYTES

    text = taken(file, MOST_BYTES).decode("utf-8", errors="replace")
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
