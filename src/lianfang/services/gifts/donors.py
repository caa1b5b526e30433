"""Who gave: in the vault, named to who handles the gift, and in public as long as he wishes it.

The receipt code is a donor's only key: whoever has it follows the gift and may take the name off the public page.
Of the code a digest is kept; who lost it gets another, and the old one ends.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, NotFound
from lianfang.services.gate import ask, record, require, within
from lianfang.services.gifts.book import event_row, new_id
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

#: Crockford's base 32: no I, L, O, U, so that a code survives being read out.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SPOKEN = str.maketrans("ILO", "110")
CODE_LETTERS = 20  # 100 random bits
MOST_CHARACTERS = 120
#: Who acts with a receipt code and nothing else.
BY_CODE = Who("donor", "", "data_subject")


def make_code() -> str:
    """A receipt code: 100 random bits in five groups of four letters."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LETTERS))
    return "-".join(letters[at : at + 4] for at in range(0, CODE_LETTERS, 4))


def digest(code: str) -> str:
    """What is kept of a code; empty for a text that is none. Read out or typed in small letters it is the same."""
    letters = "".join(c for c in code.upper() if c not in "- \t").translate(_SPOKEN)
    if len(letters) != CODE_LETTERS or any(c not in _LETTERS for c in letters):
        return ""
    return hashlib.sha256(b"lianfang gift code\x00" + letters.encode()).hexdigest()


@dataclass(frozen=True)
class Taken:
    """A donor whose particulars are in the vault: his id, the subject there, the decision that permitted it.

    ``subject`` is empty when he gave without name and phone: nothing is kept of him.
    """

    donor_id: str
    subject: str = ""
    decision: str = ""
    show: bool = False


def collect(inst: Installation, who: Who, event: Row, name: str, phone: str, show: bool) -> Taken:
    """Take a donor's particulars into the vault by his consent.

    Raises:
        BadInput: too long, or to be shown without a name. Refused: the law of the pack.
    """
    from lianfang.guard.vault import DONOR

    given = {"name": name.strip(), "phone": phone.strip()}
    if any(len(text) > MOST_CHARACTERS or not text.isprintable() for text in given.values()):
        raise BadInput(f"A donor's name and phone are one line of at most {MOST_CHARACTERS} characters.")
    if show and not given["name"]:
        raise BadInput("Who wants to be named gives a name.")
    donor_id = new_id("d")
    data = [kind for kind, field in (("name", "name"), ("mobile", "phone")) if given[field]]
    if not data:
        return Taken(donor_id)
    decision = ask(
        inst,
        who,
        phase="collect",
        purpose="donation",
        data=data,
        context={"consent": "separate"},
        event=event,
        ref=donor_id,
        rows=1,
    ).decision_id
    if show:
        decision = _disclose(inst, who, event, donor_id)
    with inst.vault_store.begin() as vault:
        # with an id of its own in the set no two gifts of a person, and no patient, become one subject
        row = {**given, "gift": donor_id}
        inst.vault.open_event(vault, event["event_id"])
        subject = inst.vault.put_many(vault, event["event_id"], [row], kind=DONOR)[0]
    return Taken(donor_id, subject, decision, show)


def _disclose(inst: Installation, who: Who, event: Row, donor_id: str) -> str:
    return ask(
        inst,
        who,
        phase="disclose",
        purpose="donation",
        data=["name"],
        context={"consent": "separate", "audience": "public"},
        event=event,
        ref=donor_id,
        rows=1,
    ).decision_id


def keep(inst: Installation, connection: sa.Connection, event_id: str, taken: Taken) -> None:
    """The donor's row in the caller's transaction, where something is held of him."""
    from lianfang.records import GiftDonor
    from lianfang.store import put_rows

    if not taken.subject:
        return
    row = {
        "donor_id": taken.donor_id,
        "event_id": event_id,
        "subject_id": taken.subject,
        "show": taken.show,
        "decided_at": inst.now(),
        "decision_id": taken.decision,
    }
    put_rows(connection, GiftDonor, [row])


def donor(inst: Installation, who: Who, gift_id: str) -> dict[str, Any]:
    """Name and phone of who gave, for who handles the gift: ``name``, ``phone``, ``show``. Each reading is recorded.

    Raises:
        NotFound: no such gift. Refused: the role, the area, or the law. Empty texts: nothing is held of him.
    """
    require(who, "gift.donor")
    gift, row, event = _donor_of(inst, who, gift_id)
    if row is None:
        return {"name": "", "phone": "", "show": False}
    granted = ask(
        inst,
        who,
        phase="read",
        purpose="donation",
        data=["name", "mobile"],
        context={"consent": "separate", "list_scope": "own"},
        event=event,
        ref=gift["gift_id"],
        rows=1,
    )
    with inst.vault_store.read() as vault:
        held = inst.vault.donors(vault, event["event_id"], [row["subject_id"]])
    fields = granted.project(held.get(row["subject_id"], {}), {"name": "name", "phone": "mobile"})
    return {"name": fields.get("name", ""), "phone": fields.get("phone", ""), "show": row["show"]}


def _donor_of(inst: Installation, who: Who, gift_id: str) -> tuple[Row, Row | None, Row]:
    from lianfang.records import Gift, GiftDonor
    from lianfang.store import one, rows

    with inst.store.read() as connection:
        gift = one(connection, Gift, gift_id=gift_id)
        found = rows(connection, GiftDonor, donor_id=gift["donor_id"])
        event = event_row(connection, gift["event_id"])
    within(who, str(event["adcode"]))
    return gift, (found[0] if found else None), event


def wish(inst: Installation, who: Who, gift_id: str, show: bool) -> None:
    """Record whether the donor wants to be named in public; the page follows at once.

    Raises:
        BadInput: nothing is held of him that could be shown. Refused: the role, the area, the law.
    """
    require(who, "gift.donor")
    gift, row, event = _donor_of(inst, who, gift_id)
    if row is None:
        raise BadInput("Nothing is held of this donor: he gave without a name, or it was erased.")
    decision = _disclose(inst, who, event, row["donor_id"]) if show else ""
    _set(inst, who, row, show, decision, gift["gift_id"])


def unwish(inst: Installation, code: str) -> None:
    """The donor himself takes his name off the public page, by his code alone; at once, and as easily as he gave it.

    Raises:
        NotFound: no gift has this code.
    """
    from lianfang.records import GiftDonor
    from lianfang.store import rows

    with inst.store.read() as connection:
        gift = by_code(connection, code)[0]
        found = rows(connection, GiftDonor, donor_id=gift["donor_id"])
    if found:
        _set(inst, BY_CODE, found[0], False, "", gift["gift_id"])


def _set(inst: Installation, who: Who, row: Row, show: bool, decision: str, gift_id: str) -> None:
    from lianfang.records import GiftDonor
    from lianfang.store import change

    with inst.store.begin() as connection:
        values = {"show": show, "decided_at": inst.now(), "decision_id": decision}
        change(connection, GiftDonor, row["id"], **values)
        payload = {"donor_id": row["donor_id"], "show": show}
        record(inst, connection, "gift_wish", who=who, purpose="donation", ref=gift_id, payload=payload)


def new_code(inst: Installation, who: Who, gift_id: str) -> str:
    """Another receipt code for a donor who lost his; the old one ends. Told once, kept as a digest."""
    from lianfang.records import Gift
    from lianfang.store import change, rows

    require(who, "gift.pledge")
    gift, _, _ = _donor_of(inst, who, gift_id)
    if not gift["donor_id"]:
        raise BadInput("Goods that were bought are followed by the codes of the money.")
    code = make_code()
    with inst.store.begin() as connection:
        for row in rows(connection, Gift, donor_id=gift["donor_id"]):
            change(connection, Gift, row["id"], code=digest(code))
        payload = {"donor_id": gift["donor_id"]}
        record(inst, connection, "gift_code", who=who, purpose="donation", ref=gift_id, payload=payload)
    return code


def by_code(connection: sa.Connection, code: str) -> list[Row]:
    """The gifts with this receipt code; :class:`NotFound` when there are none."""
    from lianfang.records import Gift
    from lianfang.store import rows

    kept = digest(code)
    found = rows(connection, Gift, code=kept, order_by=["at"]) if kept else []
    if not found:
        raise NotFound("No gift has this code.", hint="Look at the receipt: five groups of four letters.")
    return found


def names(inst: Installation, gifts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Donor id -> the name to be shown, of those who wish it now. The gate permitted it when the wish was recorded."""
    from lianfang.records import GiftDonor
    from lianfang.store import rows, table

    wanted = sorted({str(gift["donor_id"]) for gift in gifts})
    shown: dict[str, str] = {}
    by_event: dict[str, dict[str, str]] = {}
    with inst.store.read() as connection:
        for row in rows(connection, GiftDonor, table(GiftDonor).c.donor_id.in_(wanted), show=True):
            by_event.setdefault(row["event_id"], {})[row["subject_id"]] = row["donor_id"]
    with inst.vault_store.read() as vault:
        for event_id, subjects in by_event.items():
            for subject, fields in inst.vault.donors(vault, event_id, subjects).items():
                if name := fields.get("name", ""):
                    shown[subjects[subject]] = name
    return shown
