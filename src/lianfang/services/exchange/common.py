"""What the parts of the exchange share: who we are in it, its law, ids, and the check of the general channel."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Refused
from lianfang.services.gate import ask, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.store import Row

WARNING_ZH = "普通渠道不得传输接触者追踪信息或任何个人信息。个人信息只可经选择性消息发送。"
WARNING_EN = (
    "The general channel must not carry contact-tracing data or any other personal data. "
    "Personal data go by selective message only."
)


def member(inst: Installation, who: Who) -> Who:
    """The same person, acting for this installation as what it is in the exchange."""
    return replace(who, actor=inst.settings.exchange_kind)


def us(inst: Installation) -> str:
    """This authority's name in the exchange."""
    return inst.signer.name


def new_id(kind: str) -> str:
    """A random id; ``kind`` is its first letter."""
    return f"{kind}{secrets.token_hex(10)}"


def key_name(message_id: str, version: int) -> str:
    """The vault's name of the key of one version of a message."""
    return f"xm-{message_id}-{version}"


def case_key(case_id: str) -> str:
    """The vault's name of the key of a data subject's request."""
    return f"xc-{case_id}"


def seal(inst: Installation, key: str, row: str, data: bytes) -> str:
    """``data`` under a key of the vault, as text for a column. The key must be there."""
    with inst.vault_store.read() as vault:
        return base64.b64encode(inst.vault.seal(vault, key, None, row, data)).decode()


def unseal(inst: Installation, key: str, row: str, text: str) -> bytes:
    """Open :func:`seal`; Refused or NotFound once the key was destroyed."""
    with inst.vault_store.read() as vault:
        return inst.vault.unseal(vault, key, None, row, base64.b64decode(text))


def open_keys(inst: Installation, *names: str) -> None:
    """Have the vault make keys; those that are there stay. On disk before this returns."""
    with inst.vault_store.begin() as vault:
        for name in names:
            inst.vault.open_event(vault, name)


def destroy_keys(inst: Installation, names: Sequence[str]) -> list[dict[str, Any]]:
    """Destroy those of the keys that the vault still has; the facts of each. Again: nothing is left to do."""
    import sqlalchemy as sa

    from lianfang.guard.vault import metadata

    keys = metadata.tables["vault_event"]
    alive = sa.select(keys.c.event_id).where(keys.c.event_id.in_(list(names)), keys.c.destroyed_at.is_(None))
    with inst.vault_store.begin() as vault:
        present = sorted(vault.execute(alive.order_by(keys.c.event_id)).scalars())
        return [inst.vault.destroy_event(vault, name) for name in present]


def local_event(inst: Installation, who: Who, event_id: str, *, ended: bool = False) -> Row | None:
    """The event of this installation that a message belongs to, if any; its area must be reached.

    ``ended``: a closed event will do, as correction and deletion go on after it.
    """
    from lianfang.services import events

    if not event_id:
        return None
    event = events.get(inst, event_id)
    within(who, str(event["adcode"]))
    if event["status"] != "open" and not ended:
        raise Conflict("The event is not open.")
    return event


def message_row(connection: Connection, message_id: str) -> Row:
    """This authority's copy of a message; NotFound when it has none."""
    from lianfang.records import ExchangeMessage
    from lianfang.store import one

    return one(connection, ExchangeMessage, message_id=message_id)


def parties(row: Row) -> list[str]:
    """The authorities that have a copy of a message."""
    return sorted({str(row["author"]), *map(str, row["recipients"])})


def act(connection: Connection, row: Row, what: str, **values: Any) -> None:
    """Write down what was done to a message (authority, reason, at, by, version)."""
    from lianfang.records import ExchangeAct
    from lianfang.store import insert_new, tally

    number = tally(connection, ExchangeAct, message_id=row["message_id"]) + 1
    insert_new(
        connection,
        ExchangeAct.model_validate(
            {"message_id": row["message_id"], "number": number, "act": what, **values}
        ),
    )


def stated(text: str, what: str, limit: int = 200) -> str:
    """A reason that somebody typed, kept in clear: short, not empty, and free of personal data."""
    from lianfang.guard.exchange import kinds_in

    said = text.strip()
    if not 0 < len(said) <= limit or not said.isprintable():
        raise BadInput(f"The {what} is one line of 1 to {limit} characters.")
    if found := kinds_in(said):
        raise Refused(
            f"The {what} is kept in clear and may not hold personal data; found: {', '.join(found)}.",
            basis=("REQ-P-38",),
            hint="Say it without naming a person.",
            code="personal_data",
        )
    return said


def general(inst: Installation, who: Who, texts: Sequence[str], ref: str, *, phase: str = "send") -> None:
    """Ask whether texts may go by the general channel, before they are stored (REQ-P-38).

    Raises:
        Refused: personal data were found; only their kinds are told and recorded, never the text.
    """
    from lianfang.guard.exchange import kinds_in

    pack = inst.settings.exchange_pack
    found = sorted({kind for text in texts for kind in kinds_in(text)})
    if not found:
        ask(
            inst,
            member(inst, who),
            phase=phase,
            purpose="situation_monitoring",
            data=["region_index"],
            context={"channel": "general"},
            ref=ref,
            pack=pack,
            going=("sealed_to_peer", "to_all_peers", "counts_only"),
        )
        return
    reasons: tuple[str, ...] = ()
    basis: tuple[str, ...] = ("REQ-P-38",)
    try:
        ask(
            inst,
            member(inst, who),
            phase=phase,
            purpose="contact_tracing_message",
            data=found,
            context={"channel": "general"},
            ref=ref,
            pack=pack,
        )
    except Refused as denied:
        reasons, basis = denied.reasons, denied.basis
    raise Refused(
        f"The general channel carries no personal data; found: {', '.join(found)}. Nothing was kept.",
        reasons=reasons,
        basis=basis,
        hint="Send it as a selective message to the authorities concerned.",
        code="general_channel",
    )
