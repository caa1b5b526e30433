"""Planted records (canaries): invented persons under an event's keys; one that is seen outside shows a leak."""

from lianfang.services.canaries.planting import MOST, plant
from lianfang.services.canaries.searching import search

__all__ = ["MOST", "plant", "search"]
