"""Reads a dataset folder of Nextclade 3 as laboratories have it: pathogen.json, reference, annotation, tree.

Format: https://docs.nextstrain.org/projects/nextclade, "Input files". What is used: the reference, the coding
sequences of the GFF3, the figures and ignore lists of the quality rules, the mutation labels, and the tree's nodes
with their clade and lineage. Coding sequences on the minus strand are refused: none of the supported viruses has one.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lianfang.foundation.errors import BadInput
from lianfang.treat.genome import _codes
from lianfang.treat.genome import dataset as datasets
from lianfang.treat.genome.dataset import Coding, Dataset, QcFigures
from lianfang.treat.genome.lineages import MOST_CHANGES, MOST_NODES, Table

#: Attributes of a tree's node that hold a lineage, the first that is there.
LINEAGE = ("Nextclade_pango", "pango_lineage", "lineage", "clade_nextstrain")


def load(folder: Path) -> Dataset:
    """The dataset in a folder; BadInput with the file's name when one is missing or not in order."""
    about = _json(folder / "pathogen.json")
    files = about.get("files") or {}
    reference = datasets.reference_of(
        datasets.read(_inside(folder, files.get("reference", "reference.fasta"))), "the reference"
    )
    annotation = files.get("genomeAnnotation", "genome_annotation.gff3")
    coding = _coding(datasets.read(_inside(folder, annotation)).decode("utf-8", "replace"), len(reference))
    tree = _inside(folder, files.get("treeJson", "tree.json"))
    version = str((about.get("version") or {}).get("tag", "unknown"))
    labels = (about.get("mutLabels") or {}).get("nucMutLabelMap") or {}
    table = _tree(_json(tree), len(reference), version) if tree.is_file() else None
    name = str((about.get("attributes") or {}).get("name") or folder.name)
    return Dataset(
        name, version, reference, coding, oligos=_oligos(folder, len(reference)),
        qc=_figures(about.get("qc") or {}), labels={str(key): tuple(map(str, where)) for key, where in labels.items()},
        lineages=table, folder=folder,
    )  # fmt: skip


def _inside(folder: Path, name: object) -> Path:
    """A file that the dataset names, which has to lie in its folder."""
    path = (folder / str(name)).resolve()
    if folder.resolve() not in path.parents:
        raise BadInput("pathogen.json names a file outside of the dataset's folder.")
    return path


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(datasets.read(path))
    except (ValueError, RecursionError):
        raise BadInput(f"{path.name} is no JSON, or nested too deeply.") from None
    if not isinstance(found, dict):
        raise BadInput(f"{path.name} does not hold a JSON object.")
    return found


def _coding(text: str, length: int) -> tuple[Coding, ...]:
    """The CDS features of a GFF3, parts with one ID joined in order."""
    parts: dict[str, list[tuple[int, int]]] = {}
    names: dict[str, str] = {}
    for at, line in enumerate(text.splitlines(), start=1):
        columns = line.split("\t")
        if line.startswith("#") or len(columns) != 9 or columns[2] != "CDS":
            continue
        if columns[6] == "-":
            raise BadInput(f"The annotation's row {at} is on the minus strand, which is not supported.")
        start = datasets.position(columns[3], "The annotation", at, 1, length) - 1
        end = datasets.position(columns[4], "The annotation", at, 1, length)
        pairs = (one.partition("=") for one in columns[8].split(";") if "=" in one)
        attributes = {key.strip(): unquote(value.strip()) for key, _, value in pairs}
        name = next(
            (attributes[key] for key in ("Name", "gene", "gene_name", "ID") if key in attributes), f"cds{at}"
        )
        key = attributes.get("ID", name)
        parts.setdefault(key, []).append((start, end))
        names[key] = name
    found = tuple(Coding(names[key], tuple(one)) for key, one in parts.items())
    if any(len(one) % 3 for one in found):
        raise BadInput("A coding sequence of the annotation is no multiple of three bases long.")
    return found


def _oligos(folder: Path, length: int) -> tuple[datasets.Oligo, ...]:
    """A table oligos.tsv beside Nextclade's files (its own primers were removed with version 3)."""
    path = folder / "oligos.tsv"
    return datasets.oligos(datasets.read(path), path.name, length) if path.is_file() else ()


#: Nextclade's names of the figures, by rule.
_FIGURES = {
    ("missingData", "scoreBias"): "missing_typical",
    ("missingData", "missingDataThreshold"): "missing_span",
    ("mixedSites", "mixedSitesThreshold"): "mixed_threshold",
    ("privateMutations", "typical"): "private_typical",
    ("privateMutations", "cutoff"): "private_cutoff",
    ("privateMutations", "weightReversionSubstitutions"): "weight_reversion",
    ("privateMutations", "weightLabeledSubstitutions"): "weight_labelled",
    ("privateMutations", "weightUnlabeledSubstitutions"): "weight_unlabelled",
    ("snpClusters", "windowSize"): "cluster_window",
    ("snpClusters", "clusterCutOff"): "cluster_more_than",
    ("snpClusters", "scoreWeight"): "cluster_weight",
    ("frameShifts", "scoreWeight"): "frame_shift_weight",
    ("stopCodons", "scoreWeight"): "stop_weight",
}


def _figures(qc: dict[str, Any]) -> QcFigures:
    """The quality rules' figures; a rule that is not enabled weighs nothing."""
    made: dict[str, Any] = {}
    whole = {one.name for one in fields(QcFigures) if one.type == "int"}
    for (rule, key), mine in _FIGURES.items():
        value = (qc.get(rule) or {}).get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
            raise BadInput(f"pathogen.json: {rule}.{key} is no number from 0 on.")
        made[mine] = int(value) if mine in whole else float(value)
    if any(made.get(one) == 0 for one in ("missing_span", "mixed_threshold", "private_cutoff")):
        raise BadInput("pathogen.json: a threshold of the quality rules is 0.")
    try:
        shifts = frozenset(
            (str(one["cdsName"]), int(one["codonRange"]["begin"]), int(one["codonRange"]["end"]))
            for one in (qc.get("frameShifts") or {}).get("ignoredFrameShifts") or ()
        )
        stops = frozenset(
            (str(one["cdsName"]), int(one["codon"]))
            for one in (qc.get("stopCodons") or {}).get("ignoredStopCodons") or ()
        )
    except (KeyError, TypeError, ValueError):
        raise BadInput("pathogen.json: a list of what the quality rules ignore is not in order.") from None
    return QcFigures(**made, ignored_frame_shifts=shifts, ignored_stops=stops)


def _tree(tree: dict[str, Any], length: int, version: str) -> Table:
    """Every node of an Auspice tree as an entry: its changes from the reference, clade, lineage."""
    import numpy as np

    names, clades, starts = list[str](), list[str](), [0]
    sites, bases = list[int](), list[int]()
    waiting: list[tuple[dict[str, Any], dict[int, tuple[str, str]]]] = [(tree.get("tree") or {}, {})]
    while waiting:
        node, above = waiting.pop()
        try:
            here = _with_branch(node, above, length)
            attributes = node.get("node_attrs") or {}
            lineage = next((_value(attributes[one]) for one in LINEAGE if one in attributes), "")
            clade = _value(attributes.get("clade_membership", ""))
            children = list(node.get("children") or ())
        except (AttributeError, TypeError, ValueError):
            raise BadInput(
                "The tree is not in order: a node lacks its attributes, or a mutation is none."
            ) from None
        changed = sorted((site, base) for site, (base, reference) in here.items() if base != reference)
        if len(names) >= MOST_NODES or len(sites) + len(changed) > MOST_CHANGES:
            raise BadInput("The tree is larger than any that is read here.")
        names.append(lineage or clade)
        clades.append(clade)
        sites += [site for site, _ in changed]
        bases += [_codes.LETTERS.index(base) for _, base in changed]
        starts.append(len(sites))
        waiting += [(child, here) for child in reversed(children)]
    return Table(
        tuple(names), tuple(clades), np.array(starts, np.int64), np.array(sites, np.int64), np.array(bases, np.uint8),
        version, whole=True,
    )  # fmt: skip


def _value(attribute: Any) -> str:
    return str(attribute["value"] if isinstance(attribute, dict) else attribute)


def _with_branch(
    node: dict[str, Any], above: dict[int, tuple[str, str]], length: int
) -> dict[int, tuple[str, str]]:
    """Site -> (base, the reference's base) after the mutations of a node's branch."""
    here = dict(above)
    for one in ((node.get("branch_attrs") or {}).get("mutations") or {}).get("nuc") or ():
        before, site, after = one[0], int(one[1:-1]) - 1, one[-1]
        if not 0 <= site < length or before not in "ACGT-" or after not in "ACGT-":
            raise ValueError(one)
        here[site] = (after, here[site][1] if site in here else before)
    return here
