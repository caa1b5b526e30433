"""Differential privacy: the two-sided geometric mechanism with exact sampling, and the arithmetic of a budget.

Adding Z with P(Z = z) proportional to exp(-epsilon |z|) to a count that one person changes by at most one is
epsilon-differentially private (Ghosh, Roughgarden and Sundararajan 2009). The sampler draws exactly that law
from random bits and whole numbers only, without floating point (Canonne, Kamath and Steinke, "The discrete
Gaussian for differential privacy", 2020, algorithms 1 and 2), so that no rounding gives the answer away
(Mironov 2012).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from fractions import Fraction

from lianfang.foundation.errors import BadInput, Refused

SMALLEST, LARGEST = Fraction(1, 1000), Fraction(20)
_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,6})?|\d{1,6}/[1-9]\d{0,6}")


def epsilon_of(text: str | Fraction) -> Fraction:
    """A privacy loss from its decimal or fraction, such as ``0.5`` or ``1/3``.

    Raises:
        BadInput: not a number, or not between 1/1000 and 20.
    """
    if isinstance(text, str) and not _NUMBER.fullmatch(text.strip()):
        raise BadInput("epsilon: a number such as 0.5 or 1/3 is expected.")
    value = Fraction(text.strip() if isinstance(text, str) else text)
    if not SMALLEST <= value <= LARGEST:
        raise BadInput(f"epsilon lies between {SMALLEST} and {LARGEST}.")
    return value


def bernoulli(chance: Fraction) -> bool:
    """True with exactly this probability (0 to 1)."""
    return secrets.randbelow(chance.denominator) < chance.numerator


def bernoulli_exp(gamma: Fraction) -> bool:
    """True with probability exp(-gamma), gamma from 0 (algorithm 1)."""
    while gamma > 1:
        if not bernoulli_exp(Fraction(1)):
            return False
        gamma -= 1
    k = 1
    while bernoulli(gamma / k):
        k += 1
    return k % 2 == 1


def geometric(epsilon: Fraction) -> int:
    """One draw of the two-sided geometric law, P(z) proportional to exp(-epsilon |z|) (algorithm 2)."""
    s, t = epsilon.numerator, epsilon.denominator
    while True:
        u = secrets.randbelow(t)
        if not bernoulli_exp(Fraction(u, t)):
            continue
        v = 0
        while bernoulli_exp(Fraction(1)):
            v += 1
        size = (u + t * v) // s
        negative = bool(secrets.randbits(1))
        if not (negative and size == 0):
            return -size if negative else size


def noisy(counts: Mapping[str, int], epsilon: Fraction) -> dict[str, int]:
    """Counts of disjoint groups with noise: one person stands in one group, so the answer costs epsilon once.

    Negative values are left as they come: cutting them off would make sums too large on average.
    """
    return {name: value + geometric(epsilon) for name, value in counts.items()}


def spend(total: Fraction, spent: Fraction, epsilon: Fraction) -> Fraction:
    """What is spent once this answer is given (sequential composition: losses add up).

    Raises:
        Refused: the budget does not suffice.
    """
    after = spent + epsilon
    if after > total:
        raise Refused(
            f"The privacy budget does not suffice: {float(total - spent):g} of {float(total):g} is left.",
            reasons=("budget",),
            hint="An answer that was given before is free; ask that again.",
            code="budget",
        )
    return after
