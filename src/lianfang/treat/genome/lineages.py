"""Clade and lineage by the nearest entry of a lineage table, with the runner-up and how far away both are.

A table (installed by the laboratory; Pango designations are CC BY-NC and not shipped) lists for each lineage its
substitutions and deletions from the reference. The distance to an entry counts, over what the genome shows, the
changes that it lacks and those that it has beyond (Nextclade's metric, docs "Phylogenetic placement"). The nearest
entry by that count can be a sibling that shares a chance mutation; a genome of a lineage newer than the table belongs
to an ancestor, whose changes it *has*. So a change that the genome is seen to lack weighs ``LACKING`` times as much
as one beyond.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput
from lianfang.treat.genome import _codes
from lianfang.treat.genome import dataset as datasets

if TYPE_CHECKING:
    import numpy as np

    from lianfang.treat.genome.align import Alignment

#: How much a change of the entry that the genome is seen to lack weighs against one that it has beyond the entry.
LACKING = 3
#: Share of the entries' informative sites that must be sequenced before a lineage is named.
LEAST_SEEN = 0.5
MOST_ENTRIES, MOST_NODES, MOST_CHANGES = 20_000, 50_000, 8_000_000
#: Share of a clade's lineages that makes a substitution typical of it (Nextclade: 0.3 of its genomes, which a table
#: lacks).
TYPICAL = 0.5
#: Bases at either end that make no substitution typical.
ENDS = 100


@dataclass(frozen=True)
class Table:
    """``starts`` [n + 1] into ``sites`` (from 0) and ``bases`` (codes, 0 deleted); ``whole``: a tree with its nodes."""

    names: tuple[str, ...]
    clades: tuple[str, ...]
    starts: np.ndarray
    sites: np.ndarray
    bases: np.ndarray
    version: str
    whole: bool = False

    @cached_property
    def informative(self) -> np.ndarray:
        """The sites at which some entry differs from the reference."""
        import numpy as np

        return np.unique(self.sites)

    @cached_property
    def last(self) -> int:
        return int(self.sites.max()) if len(self.sites) else -1

    @cached_property
    def follows(self) -> np.ndarray:
        """Whether a change goes on a run of deleted bases, which counts once."""
        import numpy as np

        found = np.zeros(len(self.sites), bool)
        found[1:] = (self.bases[1:] == 0) & (self.bases[:-1] == 0) & (np.diff(self.sites) == 1)
        found[self.starts[:-1][self.starts[:-1] < len(found)]] = False
        return found

    @cached_property
    def below(self) -> np.ndarray:
        """How many names of the table lie below each name."""
        import numpy as np

        counts = Counter[str]()
        for name in self.names:
            parts = name.split(".")
            counts.update(".".join(parts[:depth]) for depth in range(1, len(parts)))
        return np.array([counts[name] for name in self.names], np.int64)

    @cached_property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Substitutions ("241T") that a share of TYPICAL of a clade's entries carry -> those clades."""
        import numpy as np

        clades = np.array(self.clades)
        owner = np.repeat(np.arange(len(self.names)), np.diff(self.starts))
        # A genome's ends are seldom sequenced: what a table says there is a tree's guess.
        inner = (self.sites >= ENDS) & (self.sites < self.last - ENDS)
        found: dict[str, list[str]] = {}
        for clade in sorted(set(self.clades)):
            mine = (clades[owner] == clade) & (self.bases != 0) & inner
            keys, counts = np.unique(self.sites[mine] * 16 + self.bases[mine], return_counts=True)
            for key in keys[counts >= TYPICAL * int((clades == clade).sum())].tolist():
                found.setdefault(f"{key // 16 + 1}{_codes.LETTERS[key % 16]}", []).append(clade)
        return {label: tuple(where) for label, where in found.items()}

    @cached_property
    def nodes(self) -> Table:
        """The entries, and for each what it shares with the entry of its clade that it shares most with.

        A table lists tips; a genome often leaves the tree between them. What two tips of a clade share is the node
        where they part, and against it private mutations are counted.
        """
        import numpy as np

        if self.whole:
            return self
        keys = self.sites * 16 + self.bases
        sets = [frozenset(keys[a:b].tolist()) for a, b in zip(self.starts, self.starts[1:], strict=False)]
        known, extra = set(sets), list[tuple[str, str, frozenset[int]]]()
        for clade in sorted(set(self.clades)):
            members = [at for at, one in enumerate(self.clades) if one == clade]
            columns = {key: at for at, key in enumerate(sorted(set().union(*(sets[one] for one in members))))}
            grid = np.zeros((len(members), len(columns)), np.float32)
            for row, one in enumerate(members):
                grid[row, [columns[key] for key in sets[one]]] = 1
            common = grid @ grid.T
            common[common >= grid.sum(axis=1)[:, None]] = -1  # itself, and those below it
            for row, other in enumerate(common.argmax(axis=1).tolist()):
                node = sets[members[row]] & sets[members[other]]
                if common[row, other] >= 0 and node not in known:
                    known.add(node)
                    extra.append((self.names[members[row]], clade, node))
        ordered = [np.array(sorted(one), np.int64) for _, _, one in extra]
        starts = np.concatenate(
            (self.starts, self.starts[-1] + np.cumsum([len(one) for one in ordered], dtype=np.int64))
        )
        added = np.concatenate([np.zeros(0, np.int64), *ordered])
        return Table(
            self.names + tuple(one[0] for one in extra), self.clades + tuple(one[1] for one in extra), starts,
            np.concatenate((self.sites, added // 16)), np.concatenate((self.bases, (added % 16).astype(np.uint8))),
            self.version,
        )  # fmt: skip

    def changes(self, entry: int) -> dict[int, int]:
        """An entry's changes: site from 0 -> code, 0 a deletion."""
        part = slice(int(self.starts[entry]), int(self.starts[entry + 1]))
        return dict(zip(self.sites[part].tolist(), self.bases[part].tolist(), strict=True))


@dataclass(frozen=True)
class Placement:
    """The nearest entry, the next one of another lineage; ``distance`` and ``runner_up_distance`` are weighted counts,

    ``parent`` are the changes of the node that private mutations are counted against (site from 0 -> code, 0
    deleted).
    """

    lineage: str
    clade: str
    distance: int
    runner_up: str
    runner_up_distance: int
    parent: dict[int, int]


def read(path: str | Path) -> Table:
    """A table: tab-separated, gzip or not, with columns name, clade, pango, substitutions, deletions."""
    import numpy as np

    source = Path(path)
    raw = datasets.read(source)
    if raw[:2] == b"\x1f\x8b":
        try:
            unpacking = zlib.decompressobj(wbits=31)
            raw = unpacking.decompress(raw, datasets.MOST_FILE)
        except (zlib.error, gzip.BadGzipFile):
            raise BadInput("The lineage table cannot be unpacked: it is no gzip, or broken.") from None
    rows = datasets.table(raw, source.name, ("name", "clade", "pango", "substitutions", "deletions"))
    if len(rows) > MOST_ENTRIES:
        raise BadInput(f"The lineage table has more than {MOST_ENTRIES:,} rows.")
    starts, sites, bases = [0], list[int](), list[int]()
    for at, row in enumerate(rows, start=2):
        try:
            found = {
                int(one[1:-1]) - 1: _codes.LETTERS.index(one[-1])
                for one in row["substitutions"].split(",")
                if one
            }
            for one in row["deletions"].split(","):
                low, _, high = one.partition("-")
                found.update(dict.fromkeys(range(int(low) - 1, int(high or low)), 0) if one else {})
        except ValueError:
            raise BadInput(
                f"{source.name}: row {at} holds a change that is none, such as C241T or 21765-21770."
            ) from None
        if len(sites) + len(found) > MOST_CHANGES or any(site < 0 for site in found):
            raise BadInput(f"{source.name}: row {at} holds too many changes, or one before the first base.")
        ordered = sorted(found)
        sites += ordered
        bases += [found[site] for site in ordered]
        starts.append(len(sites))
    return Table(
        tuple(row["pango"] for row in rows), tuple(row["clade"] for row in rows), np.array(starts, np.int64),
        np.array(sites, np.int64), np.array(bases, np.uint8), source.name.split(".")[0],
    )  # fmt: skip


def place(alignment: Alignment, reference: np.ndarray, table: Table) -> Placement | None:
    """The nearest entry; None when too little of the sites that tell lineages apart was sequenced.

    Of entries as near the one with more lineages below it is taken: a genome that fits an ancestor and one of its
    descendants alike is no evidence for the descendant.
    """
    import numpy as np

    from lianfang.treat.genome import _kernels

    codes = alignment.codes
    if table.last >= len(codes):
        raise BadInput("The lineage table speaks of another reference: a site lies beyond its end.")
    seen = _codes.plain(codes)
    seen[alignment.start : alignment.end] |= codes[alignment.start : alignment.end] == 0
    share = float(seen[table.informative].mean()) if len(table.informative) else 0.0
    if share < LEAST_SEEN:
        return None
    differs = seen & (codes != reference)
    # A run of deleted bases is one event: only its first base counts.
    differs[1:] &= ~((codes[1:] == 0) & (codes[:-1] == 0))
    states = codes | np.where(seen, np.uint8(16), np.uint8(0)) | np.where(differs, np.uint8(32), np.uint8(0))
    nodes = table.nodes
    beyond, lacking = _kernels.distances(
        states, int(differs.sum()), nodes.starts, nodes.sites, nodes.bases, nodes.follows
    )
    count = len(table.names)
    distance = (beyond + LACKING * lacking)[:count]
    order = np.lexsort((np.diff(table.starts), -table.below, distance))
    best = int(order[0])
    second = next((int(one) for one in order if table.names[int(one)] != table.names[best]), best)
    node = int(np.lexsort((np.diff(nodes.starts), beyond + lacking))[0])
    return Placement(
        table.names[best], table.clades[best], int(distance[best]), table.names[second], int(distance[second]),
        nodes.changes(node),
    )  # fmt: skip


def clade_by_rules(alignment: Alignment, rules: dict[str, dict[int, str]]) -> str | None:
    """The clade whose rule holds with the most bases of its own; None when none holds or a deciding base is unknown."""
    codes = alignment.codes
    best, most = None, -1
    for clade, sites in rules.items():
        if (
            all(_codes.LETTERS[codes[site]] == base for site, base in sites.items())
            and _own(clade, rules) >= most
        ):
            best, most = clade, _own(clade, rules)
    return best


def _own(clade: str, rules: dict[str, dict[int, str]]) -> int:
    """How special a rule is: the place of the clade in the list, which runs from the root to the latest."""
    return list(rules).index(clade)
