"""What a selective message may hold (the tracing minimum), and who may get it (the authorities concerned)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.exchange.shapes import MAX_PERSONS, MAX_VALUE, Content, parse
from lianfang.guard.policy.pack import Pack, get

#: The policy's word for each kind of finding in free text; other kinds of number count as identifiers.
_DATUM = {
    "PERSON": "name",
    "MOBILE": "mobile",
    "LANDLINE": "phone",
    "ADDRESS": "home_address",
    "TRIP": "train_seat",
    "AGE": "age",
    "DOB": "age",
    "STUDENT_NO": "student_no",
    "DEVICE_ID": "device_id",
    "IP_ADDR": "device_id",
}
_NUMBER = re.compile(r"\+?[0-9][0-9 ()-]{4,24}\Z")
_FIELD = re.compile(r"[a-z_]{1,40}\Z")


def minimum(pack: str) -> frozenset[str]:
    """Fields that tracing needs (REQ-P-35), as the pack's rule on sending says; the words are not a field."""
    return frozenset(_sending(get(pack)) - {"selective_message"})


def _sending(pack: Pack) -> frozenset[str]:
    for rule in pack.rules:
        if rule.id == "message_send":
            return rule.data
    raise BadInput(f"The policy pack {pack.id} knows no exchange between authorities.", code="unknown_pack")


def kinds_in(text: str) -> list[str]:
    """Kinds of personal data that a text holds, in the policy's words; the text itself is not repeated."""
    from lianfang.guard.redaction import find

    return sorted({_DATUM.get(found.kind, "resident_id") for found in find(text, point="block")})


def check_content(persons: Sequence[Any], text: str, pack: str) -> Content:
    """What is to be said, checked against the tracing minimum of the pack.

    Raises:
        Refused: a field, or what stands in a field or in the words, is beyond the minimum; it is named.
        BadInput: nobody in it, an empty or too long value, a number or day that is none.
    """
    allowed = minimum(pack)
    if not isinstance(persons, list | tuple) or not 0 < len(persons) <= MAX_PERSONS:
        raise BadInput(f"A message is about 1 to {MAX_PERSONS} persons.")
    for at, person in enumerate(persons):
        if not isinstance(person, dict) or not person:
            raise BadInput(f"Person {at + 1}: an object of fields expected.")
        for field, value in person.items():
            _check(at + 1, field, value, allowed)
    if not isinstance(text, str):
        raise BadInput("The words of a message are a text.")
    beyond = [kind for kind in kinds_in(text) if kind not in allowed]
    if beyond:
        raise _beyond("The words", beyond)
    return parse(Content, {"persons": list(persons), "text": text}, "message")


def _check(number: int, field: Any, value: Any, allowed: frozenset[str]) -> None:
    if field not in allowed:
        # what stands in the place of a field's name may be a person's: only what looks like a word of ours is shown
        shown = field if isinstance(field, str) and _FIELD.match(field) else "(not shown)"
        raise _beyond(f"Person {number}", [shown])
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_VALUE:
        raise BadInput(f"Person {number}, field {field}: a text of 1 to {MAX_VALUE} characters expected.")
    if field in ("mobile", "phone"):
        if not _NUMBER.match(value):
            raise BadInput(f"Person {number}, field {field}: not a telephone number.")
        return
    if field == "confirm_date":
        try:
            date.fromisoformat(value)
        except ValueError:
            raise BadInput(f"Person {number}, field confirm_date: a day like 2026-01-29 expected.") from None
        return
    beyond = [kind for kind in kinds_in(value) if kind not in allowed]
    if beyond:
        raise _beyond(f"Person {number}, field {field}", beyond)


def _beyond(where: str, fields: Iterable[str]) -> Refused:
    named = ", ".join(fields)
    return Refused(
        f"{where}: {named} is beyond what contact tracing needs.",
        reasons=tuple(f"tracing_minimum: {field}" for field in fields),
        basis=("REQ-P-35",),
        hint="Leave it out.",
        code="beyond_tracing",
    )


def choose(concerned: Sequence[str], author: str, wanted: Sequence[str] | None) -> list[str]:
    """Recipients of a message under an alert: all the others concerned, or those wanted among them.

    Raises:
        Refused: author or a wanted recipient is not concerned (REQ-P-40). BadInput: nobody is left.
    """
    if author not in concerned:
        raise Refused(
            "This authority is not concerned by the alert.", basis=("REQ-P-40",), code="not_concerned"
        )
    strangers = sorted(set(wanted or ()) - set(concerned))
    if strangers:
        raise Refused(
            f"Not concerned by the alert: {', '.join(strangers)}.",
            reasons=tuple(f"not_concerned: {one}" for one in strangers),
            basis=("REQ-P-40", "REQ-P-41"),
            code="not_concerned",
        )
    chosen = sorted(set(concerned if wanted is None else wanted) - {author})
    if not chosen:
        raise BadInput("No other authority would receive the message.")
    return chosen
