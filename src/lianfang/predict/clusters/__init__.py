"""聚集: do cases share a workplace, a school, a place, a household more than chance would have it?

* :func:`alarm` - an explicit rule: N unexplained cases within D days that share a value.
* :func:`scan` - an excess over what earlier cases lead one to expect, with a p-value for the whole search.
"""

from lianfang.predict.clusters.excess import scan
from lianfang.predict.clusters.rule import alarm

__all__ = ["alarm", "scan"]
