"""Compiled loops of the co-location search. Everything here works on plain arrays.

They release the interpreter's lock and share nothing, so plain threads run them side by side (Numba's own
parallel loops are not safe to enter from two threads of a server).

Distances are haversine on a sphere of R = 6371008.8 m. A plane about the index's position decides the clear
cases; only pairs within the plane's error of the radius pay for the trigonometry.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

R = 6371008.8
DEGREE = math.pi / 180.0
EMPTY = np.int64(-1)


@njit(cache=True, nogil=True, inline="always")
def _mix(key):  # type: ignore[no-untyped-def]
    """splitmix64's finaliser: neighbouring cells must not fall together."""
    x = np.uint64(key)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def _pack(slot, row, col):  # type: ignore[no-untyped-def]
    """12 bits slot of the block, 21 bits row, 22 bits column."""
    return (np.int64(slot) << np.int64(43)) | (np.int64(row) << np.int64(22)) | np.int64(col)


@njit(cache=True, nogil=True)
def haversine(lat1, lon1, lat2, lon2):  # type: ignore[no-untyped-def]
    """Metres between two points in degrees."""
    u = math.sin((lat2 - lat1) * DEGREE * 0.5)
    v = math.sin((lon2 - lon1) * DEGREE * 0.5)
    a = u * u + math.cos(lat1 * DEGREE) * math.cos(lat2 * DEGREE) * v * v
    return 2.0 * R * math.asin(math.sqrt(min(1.0, a)))


@njit(cache=True, nogil=True, inline="always")
def _row(lat, height):  # type: ignore[no-untyped-def]
    return np.int64((lat + 90.0) * DEGREE * R / height)


@njit(cache=True, nogil=True, inline="always")
def _col(lon, columns):  # type: ignore[no-untyped-def]
    """Column in a row of ``columns`` cells around the globe; 180 E and 180 W are one meridian."""
    c = np.int64((lon + 180.0) / 360.0 * columns)
    return c % columns


@njit(cache=True, nogil=True, inline="always")
def _square(lat, lon, e_lat, e_lon, e_cos):  # type: ignore[no-untyped-def]
    """Squared distance in the plane about the index's position."""
    dx = lon - e_lon
    if dx > 180.0:
        dx -= 360.0
    elif dx < -180.0:
        dx += 360.0
    dx *= e_cos * (DEGREE * R)
    dy = (lat - e_lat) * (DEGREE * R)
    return dx * dx + dy * dy


@njit(cache=True, nogil=True, inline="always")
def _plane(radius, cosine):  # type: ignore[no-untyped-def]
    """Whether the plane may decide at all: not near the poles, not over long distances."""
    return cosine > 0.17 and radius < 20_000.0


@njit(cache=True, nogil=True, inline="always")
def _slack(radius, cosine):  # type: ignore[no-untyped-def]
    """Bound of the plane's relative error near the radius: about r / R * (1 + tan lat)."""
    return radius / R * (1.0 + 1.0 / max(cosine, 0.1))


@njit(cache=True)
def grid_columns(first_row, rows, height, radius):  # type: ignore[no-untyped-def]
    """Cells around the globe in each row: a cell is never narrower than the reach of the radius.

    The reach in longitude is 2 asin(sin(r / 2R) / cos(lat)) at the row's outermost latitude, one row's
    margin included because the other point may lie there.
    """
    out = np.empty(rows, np.int64)
    reach = math.sin(min(radius * 1.0001 / (2.0 * R), math.pi / 2))
    for k in range(rows):
        low = (first_row + k - 1) * height / R - math.pi / 2
        high = (first_row + k + 2) * height / R - math.pi / 2
        outer = max(abs(low), abs(high))
        cosine = math.cos(outer) if outer < math.pi / 2 else 0.0
        if cosine <= reach:
            out[k] = 1
        elif reach == 0.0:
            out[k] = 2_000_000
        else:
            width = 2.0 * math.asin(reach / cosine)
            out[k] = max(1, min(2_000_000, int(2.0 * math.pi / width)))
    return out


@njit(cache=True)
def index_keys(slot, lat, lon, height, first_row, columns):  # type: ignore[no-untyped-def]
    """The cell key of each of the index persons' positions."""
    out = np.empty(len(slot), np.int64)
    for i in range(len(slot)):
        row = _row(lat[i], height) - first_row
        out[i] = _pack(slot[i], row, _col(lon[i], columns[row]))
    return out


@njit(cache=True)
def build_table(keys, table):  # type: ignore[no-untyped-def]
    """Open addressing over sorted ``keys``: the table holds where each key's run begins."""
    mask = np.uint64(len(table) - 1)
    table[:] = -1
    for i in range(len(keys)):
        if i and keys[i] == keys[i - 1]:
            continue
        h = _mix(keys[i]) & mask
        while table[h] >= 0:
            h = (h + np.uint64(1)) & mask
        table[h] = i


@njit(cache=True)
def build_sieve(slot, lat, lon, height, first_row, columns, sieve):  # type: ignore[no-untyped-def]
    """Marks every cell from which one of the index's positions may be reached (one bit a cell, hashed)."""
    mask = np.uint64(len(sieve) * 64 - 1)
    for i in range(len(slot)):
        row = _row(lat[i], height) - first_row
        for r in range(max(0, row - 1), min(len(columns), row + 2)):
            n = columns[r]
            centre = _col(lon[i], n)
            for step in range(min(np.int64(3), n)):
                h = _mix(_pack(slot[i], r, (centre + step - 1 + n) % n)) & mask
                sieve[h >> np.uint64(6)] |= np.uint64(1) << (h & np.uint64(63))


@njit(cache=True, nogil=True)
def sift(t, lat, lon, low, high, slot_us, first_slot, dense, d0, d1, height, first_row, columns, sieve, out):  # type: ignore[no-untyped-def]
    """Which pings can be near an index position: right period, a slot with an index in it, a marked cell."""
    mask = np.uint64(len(sieve) * 64 - 1)
    for i in range(len(t)):
        out[i] = False
        if t[i] < low or t[i] >= high:
            continue
        s = t[i] // slot_us - first_slot
        if s < 0 or s >= len(dense):
            continue
        d = dense[s]
        if d < d0 or d >= d1:
            continue
        row = _row(lat[i], height) - first_row
        if row < 0 or row >= len(columns):
            continue
        h = _mix(_pack(d - d0, row, _col(lon[i], columns[row]))) & mask
        out[i] = (sieve[h >> np.uint64(6)] >> (h & np.uint64(63))) & np.uint64(1)


@njit(cache=True, nogil=True)
def touch(  # type: ignore[no-untyped-def]
    which, t, lat, lon, slot_us, first_slot, dense, d0, height, first_row, columns, radius,
    runs, keys, e_lat, e_lon, e_cos, out,
):  # fmt: skip
    """Of the pings ``which``, those with an index position within the radius, or too near it to say."""
    mask = np.uint64(len(runs) - 1)
    for w in range(len(which)):
        i = which[w]
        found = False
        d = np.int64(dense[t[i] // slot_us - first_slot] - d0)
        row = _row(lat[i], height) - first_row
        for r in range(max(0, row - 1), min(len(columns), row + 2)):
            cells = columns[r]
            centre = _col(lon[i], cells)
            for step in range(min(np.int64(3), cells)):
                if found:
                    break
                key = _pack(d, r, (centre + step - 1 + cells) % cells)
                h = _mix(key) & mask
                while runs[h] >= 0 and keys[runs[h]] != key:
                    h = (h + np.uint64(1)) & mask
                e = runs[h]
                while e >= 0 and e < len(keys) and keys[e] == key:
                    square = _square(lat[i], lon[i], e_lat[e], e_lon[e], e_cos[e])
                    outer = radius * (1.0 + _slack(radius, e_cos[e])) + 1e-6
                    if square <= outer * outer or not _plane(radius, e_cos[e]):
                        found = True
                        break
                    e += 1
        out[i] = found


@njit(cache=True, nogil=True)
def _pair(key, table, keys, n):  # type: ignore[no-untyped-def]
    """Number of a pair, a new one when unseen; -1 when there is no room."""
    mask = np.uint64(len(table) - 1)
    h = _mix(key) & mask
    while table[h] >= 0:
        if keys[table[h]] == key:
            return table[h], n
        h = (h + np.uint64(1)) & mask
    if n >= len(keys):
        return np.int64(-1), n
    table[h] = n
    keys[n] = key
    return np.int64(n), n + 1


@njit(cache=True, nogil=True)
def rebuild(table, keys, n):  # type: ignore[no-untyped-def]
    """Fills a larger table from the pairs known so far."""
    mask = np.uint64(len(table) - 1)
    table[:] = -1
    for i in range(n):
        h = _mix(keys[i]) & mask
        while table[h] >= 0:
            h = (h + np.uint64(1)) & mask
        table[h] = i


@njit(cache=True, nogil=True)
def meet(  # type: ignore[no-untyped-def]
    begin, part, parts, t, lat, lon, code, slot_us, first_slot, dense, d0,
    height, first_row, columns, radius,
    runs, keys, e_slot, e_lat, e_lon, e_cos, e_code, e_from, e_to,
    pair_table, pair_keys, nearest, bits, n,
):  # fmt: skip
    """Hits of the pings from row ``begin`` on; only contacts of this ``part`` (code modulo parts).

    Sets one bit a (pair, slot), so order and repetition of pings do not matter. Returns the row reached and
    the number of pairs; a row short of the end means that the pair table is full: enlarge it and go on there.
    """
    mask = np.uint64(len(runs) - 1)
    for i in range(begin, len(t)):
        if code[i] % parts != part:
            continue
        d = np.int64(dense[t[i] // slot_us - first_slot] - d0)
        row = _row(lat[i], height) - first_row
        word, bit = d >> 6, np.uint64(1) << np.uint64(d & 63)
        for r in range(max(0, row - 1), min(len(columns), row + 2)):
            cells = columns[r]
            centre = _col(lon[i], cells)
            for step in range(min(np.int64(3), cells)):
                key = _pack(d, r, (centre + step - 1 + cells) % cells)
                h = _mix(key) & mask
                while runs[h] >= 0 and keys[runs[h]] != key:
                    h = (h + np.uint64(1)) & mask
                e = runs[h]
                if e < 0:
                    continue
                while e < len(keys) and keys[e] == key:
                    j = e
                    e += 1
                    if e_code[j] == code[i] or t[i] < e_from[j] or t[i] >= e_to[j]:
                        continue
                    cosine = e_cos[j]
                    square = _square(lat[i], lon[i], e_lat[j], e_lon[j], cosine)
                    plane = _plane(radius, cosine)
                    slack = _slack(radius, cosine)
                    outer = radius * (1.0 + slack) + 1e-6
                    if plane and square > outer * outer:
                        continue
                    inner = radius * (1.0 - slack) - 1e-6
                    distance = -1.0
                    if not plane or inner <= 0.0 or square >= inner * inner:
                        distance = haversine(lat[i], lon[i], e_lat[j], e_lon[j])
                        if distance > radius:
                            continue
                    p, n = _pair((np.int64(e_code[j]) << np.int64(32)) | code[i], pair_table, pair_keys, n)
                    if p < 0:
                        return i, n
                    bits[p, word] |= bit
                    if distance < 0.0:
                        known = nearest[p] * (1.0 + slack) + 1e-6
                        if square < known * known:
                            distance = haversine(lat[i], lon[i], e_lat[j], e_lon[j])
                    if distance >= 0.0 and distance < nearest[p]:
                        nearest[p] = distance
    return len(t), n


@njit(cache=True)
def tally(bits, slots, count, first, last):  # type: ignore[no-untyped-def]
    """Slots of each pair: how many, the first and the last."""
    for p in range(len(bits)):
        total = 0
        for w in range(bits.shape[1]):
            x = bits[p, w]
            base = w * 64
            k = 0
            while x:
                if x & np.uint64(1):
                    s = slots[base + k]
                    if total == 0:
                        first[p] = s
                    last[p] = s
                    total += 1
                x >>= np.uint64(1)
                k += 1
        count[p] = total
