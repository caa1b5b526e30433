"""The node: takes signed orders, searches at home, answers tokens, reveals what was locked, forgets.

Every act is one transaction of the node's own database, with its ledger entry in it. A node that was killed
takes up its unfinished orders when it starts again; the order's id is the idempotency key.
"""

from __future__ import annotations

from lianfang.services.holder.naming import Naming
from lianfang.services.holder.noticing import Noticing
from lianfang.services.holder.receiving import Receiving


class HolderNode(Receiving, Naming, Noticing):
    """A holder's node over its folder. One process at a time serves a folder."""
