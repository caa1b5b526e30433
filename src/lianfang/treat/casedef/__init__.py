"""Who counts as a case, by which edition, and why: criteria as dated data, with their sources.

>>> from lianfang.treat import casedef
>>> seen = {"contact_positive": True, "fever": True, "pneumonia_imaging": True}
>>> casedef.classify(seen, edition="cn-6").classification
'suspected'
"""

from lianfang.treat.casedef.classify import (
    CLASSES,
    NOTICE,
    SEVERITIES,
    Classification,
    Comparison,
    classify,
    reclassify,
)
from lianfang.treat.casedef.editions import Break, Edition, all_editions, breaks, findings, get, in_force

__all__ = [
    "CLASSES", "NOTICE", "SEVERITIES", "Break", "Classification", "Comparison", "Edition", "all_editions", "breaks",
    "classify", "findings", "get", "in_force", "reclassify",
]  # fmt: skip
