"""The real accounts and points of collection, entered by one person and verified by another; and "is this one real?".

A number that somebody asks about is compared and forgotten: it may be a person's.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from lianfang.foundation.errors import BadInput, Conflict
from lianfang.services.gate import record, require
from lianfang.services.gifts.book import new_id, other_than, said
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

CHANNELS = ("bank", "post", "platform", "point")
MOST_CHARACTERS = 200
#: Letters that look like a figure or another letter, in many fonts and alphabets.
_ALIKE = str.maketrans(
    {
        "o": "0", "i": "1", "l": "1", "|": "1", "z": "2", "s": "5", "b": "8", "g": "9",
        "а": "a", "е": "e", "о": "0", "р": "p", "с": "c", "у": "y", "х": "x", "і": "1", "ѕ": "5", "ο": "0", "α": "a",
        "〇": "0", "零": "0",
    }
)  # fmt: skip
Verdict = Literal["real", "ended", "lookalike", "unknown"]


def enter_account(
    inst: Installation,
    who: Who,
    *,
    name_zh: str,
    name_en: str,
    channel: str,
    number: str,
    bank: str = "",
    valid_from: date,
    valid_to: date | None = None,
) -> str:
    """Enter an account or a point; it is shown when another person has verified it. Returns the entry's id.

    Raises:
        BadInput: a text, channel or day that is none. Conflict: a number that stands in the register already.
    """
    from lianfang.records import CollectionAccount
    from lianfang.store import insert_new, rows

    require(who, "gift.register")
    texts = {"name_zh": name_zh, "name_en": name_en, "bank": bank, "number": number}
    made: dict[str, Any] = {name: text.strip() for name, text in texts.items()}
    if any(len(text) > MOST_CHARACTERS or not text.isprintable() for text in made.values()):
        raise BadInput(f"Names and numbers are one line of at most {MOST_CHARACTERS} characters.")
    if not (made["name_zh"] and made["name_en"] and len(spelt(made["number"])) >= 4):
        raise BadInput("An entry has a name in both languages and a number of at least four characters.")
    if channel not in CHANNELS:
        raise BadInput(f"The channel is one of: {', '.join(CHANNELS)}.")
    if valid_to is not None and valid_to < valid_from:
        raise BadInput("The entry ends before it begins.")
    made |= {"channel": channel, "valid_from": valid_from, "valid_to": valid_to}
    with inst.store.begin() as connection:
        for row in rows(connection, CollectionAccount):
            if row["ended_at"] is None and spelt(row["number"]) == spelt(made["number"]):
                raise Conflict("This number stands in the register already.")
        account_id = new_id("c")
        insert_new(
            connection,
            CollectionAccount.model_validate({**made, "account_id": account_id, "entered_by": who.account}),
        )
        _enter(inst, connection, who, "account_entered", account_id, made)
    return account_id


def verify_account(inst: Installation, who: Who, account_id: str, *, evidence: str) -> None:
    """A second person has verified the entry (by which document, naming nobody); from now on the public sees it.

    Raises:
        Conflict: verified or ended already. Refused: by who entered it.
    """
    from lianfang.records import CollectionAccount
    from lianfang.store import change, one

    require(who, "gift.register")
    by = said(evidence, "proof of the entry", needed=True)
    with inst.store.begin() as connection:
        row = one(connection, CollectionAccount, account_id=account_id)
        if row["verified_at"] is not None or row["ended_at"] is not None:
            raise Conflict("This entry was verified or ended already.")
        other_than(who, [row["entered_by"]], "who entered an account does not verify it")
        told = {**{name: row[name] for name in _PUBLIC}, "evidence": by}
        index = _enter(inst, connection, who, "account_verified", account_id, told)
        values = {"evidence": by, "verified_by": who.account, "verified_at": inst.now(), "log_index": index}
        change(connection, CollectionAccount, row["id"], **values)


def end_account(inst: Installation, who: Who, account_id: str, *, reason: str) -> None:
    """The account is no longer to be used; the register says so, and its entry stays."""
    from lianfang.records import CollectionAccount
    from lianfang.store import change, one

    require(who, "gift.register")
    why = said(reason, "reason", needed=True)
    with inst.store.begin() as connection:
        row = one(connection, CollectionAccount, account_id=account_id)
        if row["ended_at"] is not None:
            raise Conflict("This entry was verified or ended already.")
        change(connection, CollectionAccount, row["id"], ended_at=inst.now())
        _enter(inst, connection, who, "account_ended", account_id, {"reason": why})


_PUBLIC = ("account_id", "name_zh", "name_en", "channel", "bank", "number", "valid_from", "valid_to")


def _enter(
    inst: Installation, connection: sa.Connection, who: Who, what: str, ref: str, told: dict[str, Any]
) -> int:
    return record(inst, connection, f"gift_{what}", who=who, purpose="donation", ref=ref, payload=told)


def registered(inst: Installation, who: Who | None = None) -> list[dict[str, Any]]:
    """The register: verified entries with ``state`` (``valid``, ``future``, ``ended``); for staff the others too.

    ``who`` None: what the public sees.
    """
    from lianfang.records import CollectionAccount
    from lianfang.store import rows

    if who is not None:
        require(who, "gift.read")
    today = inst.today()
    with inst.store.read() as connection:
        found = rows(connection, CollectionAccount, order_by=["name_zh", "valid_from"])
    shown = (*_PUBLIC, "evidence", "verified_at", "ended_at", "log_index")
    told = []
    for row in found:
        if who is None and row["verified_at"] is None:
            continue
        made = {name: row[name] for name in shown}
        if who is not None:
            made |= {"entered_by": row["entered_by"], "verified_by": row["verified_by"]}
        told.append({**made, "state": _state(row, today)})
    return sorted(told, key=lambda one: one["state"] != "valid")


def _state(row: Row, today: date) -> str:
    if row["ended_at"] is not None or (row["valid_to"] is not None and row["valid_to"] < today):
        return "ended"
    if row["verified_at"] is None:
        return "entered"
    return "future" if row["valid_from"] > today else "valid"


def valid(connection: sa.Connection, today: date, account_id: str) -> bool:
    """Whether the entry is verified and counts on this day."""
    from lianfang.records import CollectionAccount
    from lianfang.store import rows

    found = rows(connection, CollectionAccount, account_id=account_id)
    return bool(found) and _state(found[0], today) == "valid"


def spelt(number: str) -> str:
    """One spelling of a number or address: half width, small letters, no spaces and hyphens."""
    return re.sub(r"[\s\-–—]+", "", unicodedata.normalize("NFKC", number)).casefold()


def check_account(inst: Installation, number: str, name: str = "") -> dict[str, Any]:
    """Is this the real account? ``verdict``, the real ``entry`` where there is one, and ``why`` (codes).

    ``real``: exactly an entry that is verified and valid today (and, where a name was given, of that name).
    ``lookalike``: not one, but it looks like one: letters for figures, up to two figures changed, left out or
    swapped, the same beginning and end, or the body's name with another number: a warning. ``ended``: it was one.
    ``unknown``: none of this authority's; that does not say that it is a fraud. Nothing is kept of what was asked.

    Raises:
        BadInput: no number, or a text longer than 200 characters.
    """
    asked, called = spelt(number), spelt(name)
    if len(asked) < 4 or len(number) > MOST_CHARACTERS or len(name) > MOST_CHARACTERS:
        raise BadInput(f"Give the account's number or address: 4 to {MOST_CHARACTERS} characters.")
    entries = registered(inst)
    exact = [one for one in entries if spelt(one["number"]) == asked]
    for one in sorted(exact, key=lambda one: one["state"] != "valid"):
        if called and not _named(one, called):
            return _answer("lookalike", one, "other_name")
        return _answer("real" if one["state"] == "valid" else "ended", one, one["state"])
    for one in entries:
        if why := _like(asked, spelt(one["number"])):
            return _answer("lookalike", one, why)
    for one in entries:
        if called and _named(one, called):
            return _answer("lookalike", one, "other_number")
    return _answer("unknown", None, "not_registered")


def _answer(verdict: Verdict, entry: dict[str, Any] | None, why: str) -> dict[str, Any]:
    return {"verdict": verdict, "entry": entry, "why": why}


def _named(entry: dict[str, Any], called: str) -> bool:
    """Whether a name is the entry's, or a part of it long enough to be taken for it."""
    names = [spelt(entry["name_zh"]), spelt(entry["name_en"])]
    return any(called == one or (len(called) >= 4 and called in one) for one in names)


def _like(asked: str, real: str) -> str:
    """In which way a number looks like a real one without being it; empty when it does not."""
    if asked.translate(_ALIKE) == real.translate(_ALIKE):
        return "letters"
    if len(real) >= 8 and near(asked, real):
        return "figures"
    if len(asked) >= 10 and len(real) >= 10 and asked[:4] == real[:4] and asked[-4:] == real[-4:]:
        return "both_ends"
    return ""


def near(a: str, b: str, most: int = 2) -> bool:
    """Whether ``b`` comes of ``a`` by at most ``most`` letters changed, left out, put in or swapped with the next.

    Optimal string alignment distance (Damerau 1964; Boytsov 2011, 2.2), by its plain table.
    """
    if abs(len(a) - len(b)) > most:
        return False
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1] <= most
