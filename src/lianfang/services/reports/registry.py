"""The register of nodes that commit to their reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lianfang.foundation.errors import Conflict, NotFound
from lianfang.services.gate import record, require

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.services.installation import Installation, Who
    from lianfang.store import Row


def register(inst: Installation, who: Who, key: str, *, name: str, level: str) -> Row:
    """Take a node's receipts from now on. ``name``: the reporting unit's, as its reports bear it.

    A node that is known under another key is not replaced: withdraw it first, and find out why.

    Raises:
        BadInput: the key is no verifier key, or ``level`` none of the levels. Conflict: known already.
    """
    from lianfang.guard import ledger
    from lianfang.records import Reporter
    from lianfang.store import one, put, rows

    require(who, "report.register")
    verifier = ledger.Verifier.parse(key)
    made = Reporter.model_validate(
        {
            "origin": verifier.name,
            "name": name,
            "level": level,
            "key": str(verifier),
            "registered_at": inst.now(),
            "registered_by": who.account,
        }
    )
    with inst.store.begin() as connection:
        held = rows(connection, Reporter, origin=verifier.name)
        if held and held[0]["until"] is None:
            raise Conflict("This node is registered.", hint="Withdraw it before another key takes its place.")
        put(connection, made)
        _log(
            inst, connection, who, "report.registered", verifier.name, {"key": str(verifier), "level": level}
        )
        return one(connection, Reporter, origin=verifier.name)


def withdraw(inst: Installation, who: Who, origin: str) -> None:
    """Take no more receipts of a node; those that were taken stay verified."""
    from lianfang.records import Reporter
    from lianfang.store import change, rows

    require(who, "report.register")
    with inst.store.begin() as connection:
        held = rows(connection, Reporter, origin=origin, until=None)
        if not held:
            raise NotFound("There is no such reporting node.")
        change(connection, Reporter, held[0]["id"], until=inst.now())
        _log(inst, connection, who, "report.withdrawn", origin, {"key": held[0]["key"]})


def reporters(inst: Installation, who: Who) -> list[Row]:
    """Every node that was ever registered, by name."""
    from lianfang.records import Reporter
    from lianfang.store import rows

    require(who, "report.reconcile" if who.role != "security_officer" else "report.register")
    with inst.store.read() as connection:
        return rows(connection, Reporter, order_by=["name", "origin"])


def _log(
    inst: Installation, connection: sa.Connection, who: Who, what: str, ref: str, payload: dict[str, str]
) -> None:
    record(inst, connection, what, who=who, purpose="situation_monitoring", ref=ref[:200], payload=payload)
