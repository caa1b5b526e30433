"""``lianfang treat genome | reads | oligos | clusters``: what a laboratory asks of its genomes, on files."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lianfang.cli.common import taken

if TYPE_CHECKING:
    from lianfang.treat.genome import GenomeReport
    from lianfang.treat.genome.reads import Consensus

#: Bytes of a file of genomes, unpacked or not.
MOST_BYTES = 256 * 1024 * 1024


def records(source: str) -> list[tuple[str, str]]:
    """(name, sequence) of a FASTA file or, for ``-``, of standard input."""
    from lianfang.foundation.errors import BadInput
    from lianfang.treat.folding.sequences import fasta

    found = list(fasta(taken(source, MOST_BYTES), MOST_BYTES))
    if not found:
        raise BadInput("The file holds no sequence.", hint="Give FASTA: a line >name, then the bases.")
    return found


def _options(command: Any) -> Any:
    """What all three take."""
    for option in (
        click.argument("file", metavar="FILE"),
        click.option(
            "--dataset", default="sars-cov-2", show_default=True, help="Shipped name, or folder. 数据集。"
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。"),
    ):
        command = option(command)
    return command


def _reports(file: str, dataset: str, table: str | None, workers: int | None = None) -> list[GenomeReport]:
    from lianfang.foundation.progress import terminal
    from lianfang.treat import genome

    found = records(file)
    with terminal(len(found) > 20) as progress:
        return genome.analyse(found, dataset=dataset, lineage_table=table, workers=workers, progress=progress)


@click.command("genome")
@_options
@click.option("--lineages", "table", type=click.Path(dir_okay=False), help="Lineage table, TSV. 谱系表。")
@click.option(
    "--tsv",
    "tsv_file",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Nextclade's columns. 表格文件。",
)
@click.option("--workers", type=int, help="Genomes at once; all cores unless given. 并行数。")
def genome(
    file: str, dataset: str, as_json: bool, table: str | None, tsv_file: str | None, workers: int | None
) -> None:
    """Read genomes: quality, mutations, clade, lineage, assays. 基因组分析：质量、变异、分型、引物。

    FILE is FASTA, gzip or not; - reads standard input. No sequence is dropped: one that cannot be read says why.
    FILE 为 FASTA（可为 gzip），- 表示标准输入。
    """
    from lianfang.treat.genome import tables

    reports = _reports(file, dataset, table, workers)
    if tsv_file:
        click.open_file(tsv_file, "w", encoding="utf-8").write(tables.tsv(reports))
        if tsv_file == "-":
            return
    if as_json:
        click.echo(json.dumps([asdict(one) for one in reports], ensure_ascii=False))
        return
    for one in reports:
        click.echo("\n".join(_told(one)))


def _told(report: GenomeReport) -> list[str]:
    """A report in a few lines, both languages where it warns."""
    from lianfang.treat.genome import REASONS

    lines = [f"{report.name}\t{report.status}"]
    if report.status in REASONS:
        lines.append("  " + " ".join(REASONS[report.status]))
    if report.qc is None:
        return lines
    called = report.lineage or "-"
    if report.lineage_runner_up:
        called += (
            f" ({report.lineage_distance}; {report.lineage_runner_up} {report.lineage_runner_up_distance})"
        )
    lines += [
        f"  clade 分支 {report.clade or '-'}  lineage 谱系 {called}",
        f"  quality 质量 {report.qc.status} {report.qc.overall_score:.1f}  N {report.qc.missing_total}  "
        f"mixed 混合 {report.qc.mixed_total}  {report.alignment_start}-{report.alignment_end}",
        f"  changes 变异 {' '.join(report.substitutions + report.deletions + report.insertions) or '-'}",
        f"  protein 蛋白 {' '.join(report.aa_substitutions + report.aa_deletions + report.aa_insertions) or '-'}",
    ]
    if report.frame_shifts or report.stop_codons:
        lines.append(
            f"  frame 移码 {' '.join(report.frame_shifts) or '-'}  stop 终止 {' '.join(report.stop_codons) or '-'}"
        )
    lines += [
        "  " + " ".join(REASONS[why])
        for why in dict.fromkeys((report.clade_reason, report.lineage_reason))
        if why
    ]
    lines += [
        f"  oligo 引物 {one.oligo} {one.verdict} {_places(one)}"
        for one in report.oligos
        if one.new or one.inserted
    ]
    return lines


def _places(one: Any) -> str:
    extra = f" +{one.inserted}" if one.inserted else ""
    return f"{','.join(map(str, one.new))}{extra}" + (f" (3': {one.near_3})" if one.near_3 else "")


@click.command("reads")
@click.argument(
    "files", nargs=-1, required=True, metavar="FASTQ [FASTQ]", type=click.Path(exists=True, dir_okay=False)
)
@click.option("--name", default="", help="Name of the consensus; the file's unless given. 序列名称。")
@click.option("--dataset", default="sars-cov-2", show_default=True, help="Shipped name, or folder. 数据集。")
@click.option(
    "--primers",
    type=click.Path(exists=True, dir_okay=False),
    help="BED of the tiled primers. 扩增引物 BED 文件。",
)
@click.option(
    "--min-depth", type=int, default=10, show_default=True, help="Fewer fragments give N. 最低深度。"
)
@click.option(
    "--min-share",
    type=float,
    default=0.25,
    show_default=True,
    help="Share that a mixed site tells. 混合位点比例。",
)
@click.option("--min-quality", type=int, help="Phred; 20 short, 10 long reads unless given. 最低碱基质量。")
@click.option(
    "--fasta", "fasta_file", type=click.Path(dir_okay=False, allow_dash=True), help="Consensus. 一致性序列。"
)
@click.option(
    "--depths", type=click.Path(dir_okay=False, allow_dash=True), help="Depth by position, CSV. 各位点深度。"
)
@click.option("--lineages", "table", type=click.Path(dir_okay=False), help="Lineage table, TSV. 谱系表。")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def reads(
    files: tuple[str, ...], name: str, dataset: str, primers: str | None, min_depth: int, min_share: float,
    min_quality: int | None, fasta_file: str | None, depths: str | None, table: str | None, as_json: bool,
) -> None:  # fmt: skip
    """From a sample's reads to its genome, read. 由测序读段得到一致性序列并分析。

    One FASTQ file, or the two of a paired run, gzip or not. Reads that do not map are kept nowhere.
    一个 FASTQ 文件，或双端测序的两个文件；未比对上的读段不保存。
    """
    from lianfang.foundation.progress import terminal
    from lianfang.treat import genome
    from lianfang.treat.genome import reads as engine

    with terminal() as progress:
        made = engine.consensus(
            files, name=name, dataset=dataset, primer_bed=primers, min_depth=min_depth, min_share=min_share,
            min_quality=min_quality, progress=progress,
        )  # fmt: skip
    report = genome.analyse([(made.name, made.sequence)], dataset=dataset, lineage_table=table)[0]
    if fasta_file:
        lines = [made.sequence[at : at + 80] for at in range(0, len(made.sequence), 80)]
        click.open_file(fasta_file, "w", encoding="ascii").write("\n".join([f">{made.name}", *lines, ""]))
    if depths:
        rows = [f"{place},{one}" for place, one in enumerate(made.depth.tolist(), start=1)]
        click.open_file(depths, "w", encoding="ascii").write("\n".join(["position,depth", *rows, ""]))
    if "-" in (fasta_file, depths):
        return
    if as_json:
        click.echo(json.dumps(_mapped(made) | {"report": asdict(report)}, ensure_ascii=False))
        return
    click.echo("\n".join([*_piled(made), *_told(report)]))


def _mapped(made: Consensus) -> dict[str, Any]:
    return {
        "name": made.name, "reads": made.total, "mapped": made.mapped, "trimmed": made.trimmed, "long": made.long,
        "covered": round(made.covered, 4), "depth_mean": round(float(made.depth.mean()), 1),
        "depth_median": float(sorted(made.depth.tolist())[len(made.depth) // 2]),
        "mixed": [{"position": at, "shares": dict(zip("ACGT", one, strict=True))} for at, one in made.mixed],
        "shallow": made.shallow, "insertions": made.insertions, "consensus": made.sequence,
    }  # fmt: skip


def _piled(made: Consensus) -> list[str]:
    facts = _mapped(made)
    lines = [
        f"reads 读段 {made.total}  mapped 比对 {made.mapped} ({made.mapped / made.total:.1%})  "
        f"trimmed 切除引物 {made.trimmed}  {'long 长读段' if made.long else 'short 短读段'}",
        f"covered 覆盖 {made.covered:.2%}  depth 深度 {facts['depth_mean']} (median 中位 {facts['depth_median']:.0f})",
    ]
    if made.mapped < made.total / 2:
        lines.append(
            "! Most reads are not of this virus: the patient's own, another organism, or the wrong dataset. "
            "多数读段不属于该病毒：可能来自患者本人、其他生物，或数据集选错。"
        )
    if made.shallow:
        lines.append("too shallow 深度不足 " + " ".join(f"{first}-{last}" for first, last in made.shallow))
    for at, shares in made.mixed:
        told = " ".join(f"{base} {one:.0%}" for base, one in zip("ACGT", shares, strict=True) if one >= 0.01)
        lines.append(f"mixed 混合 {at}: {told}")
    return lines


@click.command("oligos")
@_options
@click.option("--all", "every", is_flag=True, help="Those that fit as well. 含无错配者。")
def oligos(file: str, dataset: str, as_json: bool, every: bool) -> None:
    """Which published primers and probes each genome escapes. 引物与探针的错配检查。"""
    reports = _reports(file, dataset, None)
    rows = [
        {"genome": report.name, **asdict(one), "new": list(one.new)}
        for report in reports
        for one in report.oligos
        if every or one.verdict != "fits"
    ]
    unread = [{"genome": report.name, "status": report.status} for report in reports if not report.read]
    if as_json:
        click.echo(json.dumps({"oligos": rows, "unread": unread}, ensure_ascii=False))
        return
    for row in rows:
        places = ",".join(map(str, row["new"])) or "-"
        click.echo(f"{row['genome']}\t{row['oligo']}\t{row['verdict']}\t{places}\t{row['near_3']}")
    for row in unread:
        click.echo(f"{row['genome']}\t-\t{row['status']}")


@click.command("clusters")
@_options
@click.option(
    "--threshold", type=int, default=2, show_default=True, help="Differing bases at most. 差异碱基上限。"
)
@click.option("--days", type=int, default=14, show_default=True, help="Days apart at most. 间隔天数上限。")
@click.option("--dates", type=click.Path(dir_okay=False), help="CSV with columns name, date. 采样日期表。")
def clusters(file: str, dataset: str, as_json: bool, threshold: int, days: int, dates: str | None) -> None:
    """Genomes that may belong to one chain, by differing bases and days. 按碱基差异与日期聚类。"""
    from lianfang.foundation.errors import BadInput
    from lianfang.treat.genome import chains

    named = records(file)
    known = _dates(Path(dates)) if dates else {}
    unknown = sorted(set(known) - {name for name, _ in named})
    if unknown:
        raise BadInput(
            f"The dates name {len(unknown)} genomes that the file does not hold, such as {unknown[0]}."
        )
    found = chains.of_records(named, dataset=dataset, threshold=threshold, days=days, dates=known)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, default=str))
        return
    for one in found:
        span = f"{one.first} - {one.last}" if one.first else "-"
        click.echo(f"{one.number}\t{len(one.names)}\t{one.widest_link}\t{span}\t{' '.join(one.names)}")
    if not found:
        click.echo("No cluster. 无聚类。")


def _dates(path: Path) -> dict[str, date]:
    from lianfang.foundation.errors import BadInput
    from lianfang.treat.genome.dataset import read

    rows = csv.reader(read(path).decode("utf-8-sig", "replace").splitlines())
    if [one.strip() for one in next(rows, [])][:2] != ["name", "date"]:
        raise BadInput(f"{path.name} needs the columns name, date in its first row.")
    made: dict[str, date] = {}
    for at, row in enumerate(rows, start=2):
        if not row:
            continue
        try:
            made[row[0].strip()] = date.fromisoformat(row[1].strip())
        except (IndexError, ValueError):
            raise BadInput(f"{path.name}: row {at}, column date: give a day such as 2026-01-31.") from None
    return made
