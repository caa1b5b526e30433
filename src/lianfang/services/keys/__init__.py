"""The installation's keys: which there are, rotation of the persons' keys, moving the root."""

from lianfang.services.keys.changing import Moved, Rotated, move_root, rotate
from lianfang.services.keys.inventory import KINDS, KeyKind
from lianfang.services.keys.listing import KeyList, listing

__all__ = ["KINDS", "KeyKind", "KeyList", "Moved", "Rotated", "listing", "move_root", "rotate"]
