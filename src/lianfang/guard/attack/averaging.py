"""Averaging: the same noisy question asked again and again gives the answer away, unless answers are kept."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lianfang.foundation.errors import BadInput

MAX_ANSWERS = 1_000_000


@dataclass(frozen=True)
class Averaged:
    """A cell of a noisy question: how often answered, how many different answers, mean and 95% half width.

    ``recovered``: the half width is below one half, so that the whole number behind the noise is known.
    """

    question: str
    cell: str
    answers: int
    different: int
    mean: float
    half_width: float
    recovered: bool

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def averaging(answers: Iterable[Mapping[str, Any]]) -> list[Averaged]:
    """Average repeated answers. An answer has ``question`` (any text), ``epsilon`` and ``cells`` (name -> number).

    An answer that is always the same was kept, not drawn again: it is one observation, and the noise of one
    answer, with variance 2 a / (1 - a)^2 for a = exp(-epsilon), stands between it and the truth.

    Raises:
        BadInput: not of this form.
    """
    drawn: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for number, answer in enumerate(answers, start=1):
        if number > MAX_ANSWERS:
            raise BadInput(f"more than {MAX_ANSWERS} answers.")
        try:
            epsilon = float(answer["epsilon"])
            cells = {str(k): int(v) for k, v in answer["cells"].items()}
            question = str(answer["question"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BadInput(f"answer {number}: question, epsilon and cells are expected.") from None
        if not 0 < epsilon <= 100:
            raise BadInput(f"answer {number}: epsilon lies above 0 and up to 100.")
        for cell, value in cells.items():
            drawn[question, cell].append((value, epsilon))
    found = []
    for (question, cell), seen in sorted(drawn.items()):
        values = [value for value, _ in seen]
        different = set(seen)
        # kept answers repeat themselves: only different ones bring anything new
        independent = values if len(different) > 1 else values[:1]
        a = math.exp(-min(epsilon for _, epsilon in seen))
        sd = math.sqrt(2 * a) / (1 - a)
        half = 1.96 * sd / math.sqrt(len(independent))
        found.append(
            Averaged(question, cell, len(values), len(different), sum(independent) / len(independent), half,
                     half < 0.5)
        )  # fmt: skip
    return found
