"""RNA folding in linear time: structure, energy, pair probabilities, sites that probes and primers can reach.

>>> from lianfang.treat import folding
>>> folding.fold("GGGGAAAACCCC")
Fold(sequence='GGGGAAAACCCC', structure='((((....))))', energy=-5.4, name='')
"""

from lianfang.treat.folding.engine import Fold, evaluate, fold, fold_many
from lianfang.treat.folding.expected import centroid, mea, threshknot
from lianfang.treat.folding.probabilities import (
    Ensemble,
    Openness,
    accessible,
    around,
    base_pairs,
    ensemble,
    ensemble_energy,
)
from lianfang.treat.folding.sequences import fasta

__all__ = [
    "Ensemble", "Fold", "Openness", "accessible", "around", "base_pairs", "centroid", "ensemble", "ensemble_energy",
    "evaluate", "fasta", "fold", "fold_many", "mea", "threshknot",
]  # fmt: skip
