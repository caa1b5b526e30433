"""What can be given, and to whom: items with the standard each must meet, and the bodies that keep and receive them."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound
from lianfang.services.gate import record, require, within
from lianfang.services.gifts.book import said
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

MONEY = "money"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
BODY_KINDS = ("depot", "hospital", "community", "other")


@cache
def shipped() -> dict[str, Row]:
    """The items that come with the program, by id."""
    raw = tomllib.loads((Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8"))
    return {one["id"]: _item(one) for one in raw["item"]}


def _item(one: dict[str, Any]) -> Row:
    return {
        "item_id": one["id"],
        "category": one["category"],
        "name_zh": one["name"][0],
        "name_en": one["name"][1],
        "unit_zh": one["unit"][0],
        "unit_en": one["unit"][1],
        "standard": one["standard"],
        "medical": one.get("medical", False),
        "expires": one.get("expires", True),
        "serves": one.get("serves", []),
        "source": one["source"],
    }


def known(connection: sa.Connection) -> dict[str, Row]:
    """Every item by id: the shipped ones and those that the installation added."""
    from lianfang.records import SupplyItem
    from lianfang.store import rows

    own = {
        row["item_id"]: {k: v for k, v in row.items() if k != "id"} for row in rows(connection, SupplyItem)
    }
    return {**shipped(), **own}


def items(inst: Installation) -> list[Row]:
    """The catalogue, by category and id. It is public."""
    with inst.store.read() as connection:
        return sorted(known(connection).values(), key=lambda row: (row["category"], row["item_id"]))


def item(connection: sa.Connection, item_id: str) -> Row:
    """One item; :class:`NotFound` with the way to the list."""
    found = known(connection).get(item_id)
    if found is None:
        raise NotFound("There is no such item in the catalogue.", hint="See: lianfang gifts items.")
    return found


def spelt(mark: str) -> str:
    """A standard's mark in one spelling: half width, capitals, no spaces, no hyphens."""
    return re.sub(r"[\s\-–—_/]+", "", unicodedata.normalize("NFKC", mark)).upper()


def meets(wanted: Row, mark: str) -> bool:
    """Whether goods with this mark are that item: its own standard and no other."""
    return spelt(mark) == spelt(wanted["standard"])


def serving(catalogue: dict[str, Row], needed: str) -> set[str]:
    """Items that may serve a need of ``needed``: itself, and those that say so."""
    return {needed} | {one for one, row in catalogue.items() if needed in row["serves"]}


def add_item(inst: Installation, who: Who, fields: dict[str, Any]) -> str:
    """Add an item to the catalogue, with the standard that it must meet; the shipped ones stay as they are.

    Raises:
        BadInput: a field is missing or wrong, or a standard that another item has. Conflict: the id is taken.
    """
    from pydantic import ValidationError

    from lianfang.records import SupplyItem
    from lianfang.store import put

    require(who, "gift.catalogue")
    try:
        made = SupplyItem.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise BadInput(
            f"The item's {first['loc'][0] if first['loc'] else 'fields'}: {first['msg']}."
        ) from None
    if not _ID.fullmatch(made.item_id):
        raise BadInput("An id has 2 to 40 small letters, digits and hyphens.")
    if not made.standard or made.category == MONEY:
        raise BadInput("An item of goods names the standard that it must meet.")
    for text in (made.name_zh, made.name_en, made.unit_zh, made.unit_en, made.source):
        said(text, "name of the item")
    with inst.store.begin() as connection:
        catalogue = known(connection)
        if made.item_id in catalogue:
            raise Conflict("This item is in the catalogue already.")
        if any(meets(row, made.standard) for row in catalogue.values()):
            raise BadInput("Another item of the catalogue has this standard.")
        if unknown := sorted(set(made.serves) - set(catalogue)):
            raise BadInput(f"It can't serve an item that is not in the catalogue: {', '.join(unknown)}.")
        if any(catalogue[one]["medical"] and not made.medical for one in made.serves):
            raise BadInput("An item that is not medical serves no medical need.")
        put(connection, made)
        payload = made.model_dump()
        record(inst, connection, "gift_item", who=who, purpose="donation", ref=made.item_id, payload=payload)
    return made.item_id


def bodies(inst: Installation) -> list[Row]:
    """Depots, hospitals and others, by name. They are public."""
    from lianfang.records import SupplyBody
    from lianfang.store import rows

    with inst.store.read() as connection:
        found = rows(connection, SupplyBody, order_by=["kind", "body_id"])
    return [{name: value for name, value in row.items() if name not in ("id", "by")} for row in found]


def body(connection: sa.Connection, body_id: str) -> Row:
    """One body; :class:`NotFound` with the way to the list."""
    from lianfang.records import SupplyBody
    from lianfang.store import rows

    found = rows(connection, SupplyBody, body_id=body_id)
    if not found:
        raise NotFound("There is no such body.", hint="See: lianfang gifts bodies.")
    return found[0]


def add_body(
    inst: Installation, who: Who, body_id: str, *, kind: str, name_zh: str, name_en: str, adcode: str = ""
) -> str:
    """Enter a depot, a hospital or another body in the area of one's rights.

    Raises:
        BadInput: an id, a kind or a name that is none. Conflict: the id is taken. Refused: another area.
    """
    from lianfang.records import SupplyBody
    from lianfang.store import insert_new

    require(who, "gift.catalogue")
    place = adcode or inst.settings.adcode
    within(who, place)
    if not _ID.fullmatch(body_id):
        raise BadInput("An id has 2 to 40 small letters, digits and hyphens.")
    if kind not in BODY_KINDS:
        raise BadInput(f"A body is one of: {', '.join(BODY_KINDS)}.")
    made = {
        "body_id": body_id,
        "kind": kind,
        "name_zh": _name(name_zh),
        "name_en": _name(name_en),
        "adcode": place,
    }
    with inst.store.begin() as connection:
        insert_new(connection, SupplyBody.model_validate({**made, "by": who.account}))
        record(inst, connection, "gift_body", who=who, purpose="donation", ref=body_id, payload=made)
    return body_id


def _name(text: str) -> str:
    """An institution's name: one line. Hospitals are named after people, so it is not looked through for names."""
    name = text.strip()
    if not 0 < len(name) <= 120 or not name.isprintable():
        raise BadInput("A body's name is one line of 1 to 120 characters.")
    return name
