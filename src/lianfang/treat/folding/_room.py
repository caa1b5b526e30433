"""The arrays that the folding search works in, by name."""

from __future__ import annotations

from typing import Any, NamedTuple


class Tables(NamedTuple):
    """Terms of loops by their sizes, at [q-j-1, 31-(i-p-1)], and where a base may next pair."""

    generic: Any
    one: Any
    bulge: Any
    following: Any


class Beams(NamedTuple):
    """The pieces kept: of a kind, those that end at q lie at starts[kind, q] .. starts[kind, q + 1]."""

    starts: Any
    p: Any
    e: Any


class Rows(NamedTuple):
    """Energies of the pairs p..q of one column at [p + PAD], by way of loop; FAR where no block's stamp is q."""

    generic: Any
    one: Any
    bulge: Any
    whole: Any
    stamp: Any


class Inner(NamedTuple):
    """Energies of the last 32 columns' pairs as inner pairs, at [column % 32, place in its beam], by way of loop."""

    generic: Any
    one: Any
    bulge: Any


class Waits(NamedTuple):
    """Open hairpins: a list for each column, where its members may next close."""

    first: Any
    after: Any


class Opened(NamedTuple):
    """Open multiloops: the lowest energy of what they hold, at [p + PAD], and which blocks have any."""

    e: Any
    active: Any


class Pool(NamedTuple):
    """Candidates: where they begin, their energy, the rank they are kept by; and room for the selection."""

    at: Any
    e: Any
    key: Any
    scratch: Any


class Shares(NamedTuple):
    """The pieces kept by the sums: of a kind, those that end at q lie at starts[kind, q] .. starts[kind, q + 1]."""

    starts: Any
    p: Any
    w: Any


class Sums(NamedTuple):
    """lz[k], the logarithm of Z over the first k bases, and near[i, x] = exp(lz[i-32+x] - lz[i])."""

    lz: Any
    near: Any


class OpenedSums(NamedTuple):
    """Open multiloops: what they hold, at [p + PAD], divided by exp(ground[0] - lz[p]), and which blocks have any."""

    w: Any
    active: Any
    ground: Any


class SharePool(NamedTuple):
    """Candidates: where they begin, their share; room for the selection, and for sums by where they begin."""

    at: Any
    share: Any
    scratch: Any
    dense: Any


class Outsides(NamedTuple):
    """What stands outside the pieces kept, in their order; and C, outside what all bases up to one come to."""

    p: Any
    two: Any
    some: Any
    c: Any


class Closable(NamedTuple):
    """What multiloops closed later give to p, at [p + PAD], divided by exp(lz[p] - ground[0]).

    ``mark``: the last column that kept p open; what lies behind one that did not is void.
    """

    w: Any
    mark: Any
    ground: Any
