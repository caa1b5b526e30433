"""In which selective messages a person is: looked up in the sealed copies that this authority holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lianfang.services.exchange.changes import REASONS
from lianfang.services.exchange.common import member, parties, unseal, us
from lianfang.services.gate import ask, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.store import Row

#: What a message calls a telephone number.
_PHONES = ("mobile", "phone")


@dataclass(frozen=True)
class Mention:
    """A person's place in a message: ``numbers`` count from 1; ``others`` have a copy too."""

    message_id: str
    event_id: str
    numbers: tuple[int, ...]
    others: tuple[str, ...]


def mentions(
    inst: Installation,
    who: Who,
    identities: Iterable[Mapping[str, str]],
    *,
    phase: str,
    purpose: str,
    ground: str,
    ref: str,
) -> list[Mention]:
    """Messages not yet ended in which one of these identities stands, the oldest first.

    ``identities``: sets of ``resident_id``, ``name``, ``phone``; a person agrees by his ID number, or by name and
    phone together. The policy of the exchange is asked before the copies are opened: in the person's name for a
    correction or an erasure, in this authority's for his report.

    Raises:
        Refused: the role, or the policy of the exchange.
    """
    from lianfang.records import ExchangeMessage
    from lianfang.store import rows, table

    require(who, "subject.answer")
    known = [_spelt(one) for one in identities]
    messages = table(ExchangeMessage)
    with inst.store.read() as connection:
        live = rows(
            connection,
            ExchangeMessage,
            messages.c.state.in_(["held", "blocked"]),
            messages.c.deadline > inst.now(),
            order_by=["posted_at"],
        )
    if not live:
        return []
    # a person's own right to see is the pack's for none of its copies: the house, which has them, looks for him
    looking = phase == "read"
    facts = {"channel": "selective", "reader": "concerned"} if looking else {REASONS[ground]: True}
    ask(
        inst,
        member(inst, who) if looking else replace(who, actor="data_subject"),
        phase=phase,
        purpose="contact_tracing_message" if looking else purpose,
        data=["selective_message"],
        context={"identity_verified": True, **facts},
        ref=ref,
        rows=len(live),
        pack=inst.settings.exchange_pack,
        # what comes of it: a case to each authority that has a copy, and an entry for what was erased here
        going=() if looking else ("letters_to_recipients", "erasure_entry"),
    )
    found = []
    for row in live:
        content = json.loads(unseal(inst, row["key"], row["message_id"], str(row["sealed"])))
        numbers = tuple(
            at for at, person in enumerate(content["persons"], 1) if any(_same(one, person) for one in known)
        )
        if numbers:
            found.append(_mention(inst, row, numbers))
    return found


def _mention(inst: Installation, row: Row, numbers: tuple[int, ...]) -> Mention:
    others = tuple(name for name in parties(row) if name != us(inst))
    return Mention(str(row["message_id"]), str(row["event_id"]), numbers, others)


def _spelt(identity: Mapping[str, str]) -> dict[str, str]:
    """The one spelling by which the vault, too, tells persons apart."""
    from lianfang.guard.vault.normal import normalise

    return {name: normalise(name, identity.get(name) or "") for name in ("resident_id", "name", "phone")}


def _same(mine: Mapping[str, str], person: Mapping[str, Any]) -> bool:
    from lianfang.guard.vault.normal import normalise

    said = {name: normalise(name, str(person.get(name, ""))) for name in ("resident_id", "name")}
    if mine["resident_id"] and said["resident_id"]:
        return mine["resident_id"] == said["resident_id"]
    phones = {normalise("phone", str(person.get(field, ""))) for field in _PHONES}
    return bool(mine["name"] and mine["phone"]) and mine["name"] == said["name"] and mine["phone"] in phones
