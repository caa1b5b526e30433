"""Encrypted backups: made while the house works, kept without the keys, restored only with what has ended since."""

from lianfang.services.backup.making import create, create_keys_archive, listing, new_identity, prune
from lianfang.services.backup.restoring import Restored, drill, restore

__all__ = [
    "Restored",
    "create",
    "create_keys_archive",
    "drill",
    "listing",
    "new_identity",
    "prune",
    "restore",
]
