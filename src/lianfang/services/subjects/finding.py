"""Who asks, and where the house holds something of him."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput
from lianfang.services.gate import reaches, require
from lianfang.services.installation import ROUTINE, Installation, Who

if TYPE_CHECKING:
    from lianfang.guard.vault import Held
    from lianfang.store import Row

FIELDS = ("resident_id", "name", "phone")
MOST_CHARACTERS = 120
#: Grounds on which data are corrected or erased (REQ-P-42), and what each is to the policy.
GROUNDS = {
    "inaccurate": "inaccurate",
    "outdated": "inaccurate",
    "unnecessary": "no_longer_necessary",
    "unlawful": "no_longer_necessary",
}


@dataclass(frozen=True)
class Identity:
    """What a person says of himself: an ID number, or phone and name; its repr shows none of it."""

    resident_id: str = ""
    name: str = ""
    phone: str = ""

    def __repr__(self) -> str:
        return "<Identity>"

    def given(self) -> dict[str, str]:
        """The fields that are not empty."""
        return {name: value for name in FIELDS if (value := getattr(self, name))}


def asked(who: Who, raw: Mapping[str, Any]) -> Identity:
    """As :func:`identity`, for an account that may answer: nobody else's form is even read."""
    require(who, "subject.answer")
    return identity(raw)


def identity(raw: Mapping[str, Any]) -> Identity:
    """Who asks, from ``resident_id``, ``name``, ``phone``.

    Raises:
        BadInput: an unknown field, no text, too long, or neither an ID number nor both phone and name; the value
        is never repeated.
    """
    if not isinstance(raw, Mapping) or not set(raw) <= set(FIELDS):
        raise BadInput(f"The person's identity has the fields {', '.join(FIELDS)} and no others.")
    values = {}
    for name in FIELDS:
        value = raw.get(name) or ""
        if not isinstance(value, str) or len(value) > MOST_CHARACTERS or "\x00" in value:
            raise BadInput(f"The person's {name} is a text of at most {MOST_CHARACTERS} characters.")
        values[name] = value.strip()
    made = Identity(**values)
    if not made.resident_id and not (made.phone and made.name):
        raise BadInput("A person is found by his ID number, or by his phone and name together.")
    return made


@dataclass(frozen=True)
class Place:
    """One event (None: the standing surveillance) with what its keys hold of the person."""

    event: Row | None
    held: tuple[Held, ...]

    @property
    def event_id(self) -> str:
        return str(self.event["event_id"]) if self.event else ROUTINE

    @property
    def subjects(self) -> list[str]:
        return [one.subject_id for one in self.held]


def places(inst: Installation, who: Who, asked: Identity, only: str = "") -> tuple[list[Place], int]:
    """Where the person is found, and how many events were not looked at, as they are of other areas.

    ``only``: one event's id, or ``routine``.
    """
    from lianfang.records import Event
    from lianfang.store import rows

    with inst.store.read() as connection:
        known = {row["event_id"]: row for row in rows(connection, Event)}
    found: list[Place] = []
    passed = 0
    with inst.vault_store.read() as vault:
        for event_id in inst.vault.live_events(vault):
            if only and event_id != only:
                continue
            event = known.get(event_id)
            if event_id != ROUTINE and (event is None or not reaches(who, event["adcode"])):
                passed += event is not None
                continue
            if held := inst.vault.own(vault, event_id, asked.given()):
                found.append(Place(event, tuple(held)))
    return found, passed
