"""A virus genome read in milliseconds: quality, mutations, clade and lineage, and which PCR assays it escapes.

>>> from lianfang.treat import genome
>>> genome.analyse([("sample", "ACGT")])[0].status
'too_short'
"""

from lianfang.treat.genome.dataset import Dataset, load
from lianfang.treat.genome.report import REASONS, GenomeReport, analyse

__all__ = ["REASONS", "Dataset", "GenomeReport", "analyse", "load"]
