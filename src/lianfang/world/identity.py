"""Invented ID and phone numbers: valid in form, impossible in fact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], np.int64)
_CHECK = np.array(list("10X98765432"))


def check_characters(digits: NDArray[np.int64]) -> NDArray[Any]:
    """Check characters of ID numbers (GB 11643, ISO 7064 MOD 11-2) from their (n, 17) digits."""
    found: NDArray[Any] = _CHECK[(digits @ _WEIGHTS) % 11]
    return found


def resident_ids(
    adcodes: NDArray[np.int64], birth: NDArray[np.int64], male: NDArray[np.bool_]
) -> NDArray[Any]:
    """ID numbers: region, birth date, a running number (odd: male), check character; all distinct."""
    key = (adcodes * 100_000_000 + birth) * 2 + male
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    at = np.arange(key.size)
    rank = np.empty(key.size, np.int64)
    rank[order] = at - np.maximum.accumulate(np.where(starts, at, 0))
    sequence = (rank * 2 + male + np.where(male, 0, 2)) % 1000
    number = (adcodes * 100_000_000 + birth) * 1000 + sequence
    digits = (number[:, None] // 10 ** np.arange(16, -1, -1, dtype=np.int64)) % 10
    return np.char.add(number.astype("U17"), check_characters(digits))


def phones(index: NDArray[np.int64], offset: int) -> NDArray[Any]:
    """Distinct numbers 154xxxxxxxx for distinct ``index`` below 10^8."""
    return (15_400_000_000 + (index * 73_939_133 + offset) % 100_000_000).astype("U11")
