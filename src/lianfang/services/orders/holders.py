"""The register of holders: who may be asked, where, under which keys (REQ-P-13)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Refused
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who
from lianfang.services.orders.wire import call, checked_url

if TYPE_CHECKING:
    from lianfang.guard.signing import PublicKeys
    from lianfang.store import Row


def fetch(url: str) -> dict[str, Any]:
    """A node's identity, checked, with the fingerprint that both sides compare. Nothing is written."""
    from lianfang.guard.policy.vocabulary import ACTORS
    from lianfang.guard.signing import PublicKeys
    from lianfang.services.holder.documents import SOURCES
    from lianfang.services.holder.folder import fingerprint

    document = call(checked_url(url), "/identity", seconds=10)
    if document.get("format") != "lianfang-holder/1" or not isinstance(document.get("keys"), dict):
        raise BadInput("This address is no holder's node.")
    keys = PublicKeys.from_json(document["keys"])
    sources = document.get("sources")
    names = document.get("name")
    if document.get("holder") != keys.name or document.get("kind") not in ACTORS:
        raise BadInput("The node's identity is not consistent.", code="unknown_holder")
    if not isinstance(sources, list) or not sources or set(map(str, sources)) - set(SOURCES):
        raise BadInput("The node names no known source.")
    if not isinstance(names, dict):
        raise BadInput("The node has no name.")
    return {
        "holder": keys.name,
        "kind": document["kind"],
        "name_zh": str(names.get("zh", ""))[:80],
        "name_en": str(names.get("en", ""))[:80],
        "url": checked_url(url),
        "sources": [str(one) for one in sources],
        "sign_key": base64.b64encode(keys.signing).decode(),
        "seal_key": base64.b64encode(keys.sealing).decode(),
        "fingerprint": fingerprint(keys),
    }


def register(
    inst: Installation, who: Who, url: str, *, fingerprint: str = "", replace: bool = False
) -> dict[str, Any]:
    """Enter a holder in the register; returns its entry with the fingerprint.

    ``fingerprint``: what the holder read out; without it the keys are taken as they come, which is only
    right on one machine.

    Raises:
        Refused: the fingerprint differs. Conflict: the holder is known under other keys.
    """
    from lianfang.records import HolderEntry
    from lianfang.store import put, rows

    require(who, "order.send")
    found = fetch(url)
    mark = str(found.pop("fingerprint"))
    if fingerprint and fingerprint.replace(" ", "").lower() != mark.replace(" ", ""):
        raise Refused("The node's keys are not those that the holder read out.", code="fingerprint")
    with inst.store.begin() as connection:
        known = rows(connection, HolderEntry, holder=found["holder"])
        changed = known and any(known[0][key] != found[key] for key in ("sign_key", "seal_key"))
        if changed and not replace:
            raise Conflict(
                "This holder is registered with other keys.", hint="Ask the holder, then use --replace."
            )
        put(connection, HolderEntry.model_validate(found))
        told = {"url": found["url"], "fingerprint": mark, "sources": found["sources"]}
        record(
            inst,
            connection,
            "holder_registered",
            who=who,
            purpose="maintenance",
            ref=found["holder"],
            payload=told,
        )
    return {**found, "fingerprint": mark}


def entry(inst: Installation, holder: str) -> Row:
    """The register's line of an active holder; Refused when it is not in the register (REQ-P-13)."""
    from lianfang.records import HolderEntry
    from lianfang.store import rows

    with inst.store.read() as connection:
        found = rows(connection, HolderEntry, holder=holder)
    if not found or not found[0]["active"]:
        raise Refused(
            "This holder is not in the register.",
            basis=("REQ-P-13",),
            hint="lianfang holder register URL",
            code="unknown_holder",
        )
    return found[0]


def keys_of(row: Row) -> PublicKeys:
    """The holder's public keys from its line in the register."""
    from lianfang.guard.signing import PublicKeys

    return PublicKeys.from_json(
        {"name": row["holder"], "ed25519": row["sign_key"], "x25519": row["seal_key"]}
    )
