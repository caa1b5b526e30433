"""``lianfang treat``: the engines of diagnosis on files."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from lianfang.cli import _room

treat = _room("treat", "Help to diagnose: folds of RNA, genomes. 辅助诊断：RNA 折叠、基因组。")

FORMS = ("dot-bracket", "ct", "bpseq")


def _raw(source: str) -> bytes:
    """The bytes of a file or, for ``-``, of standard input; one more than allowed at most."""
    from lianfang.foundation.errors import BadInput
    from lianfang.treat.folding.sequences import MOST_BYTES

    try:
        if source == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with Path(source).open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{Path(source).name} cannot be read: {error.strerror}.") from None


def _records(source: str) -> list[tuple[str, str]]:
    from lianfang.foundation.errors import BadInput
    from lianfang.treat import folding

    found = list(folding.fasta(_raw(source)))
    if not found:
        raise BadInput("The file holds no sequence.", hint="Give FASTA or one bare sequence.")
    return found


@click.command("folding")
@click.argument("file", metavar="FILE")
@click.option("--beam", type=int, default=100, show_default=True, help="Pieces kept: more is finer. 束宽。")
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
    if constraint:
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
