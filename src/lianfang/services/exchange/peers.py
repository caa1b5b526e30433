"""The register of other authorities; identities are handed over outside the exchange and compared by fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services.exchange import tls
from lianfang.services.exchange.common import us
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.guard.signing import PublicKeys
    from lianfang.store import Row


def identity(inst: Installation) -> dict[str, Any]:
    """What another authority has to know of us, with the fingerprint that both sides compare."""
    from lianfang.guard.exchange.shapes import Identity, parse, plain

    settings = inst.settings
    document = parse(
        Identity,
        {
            "authority": us(inst),
            "kind": settings.exchange_kind,
            "name_zh": settings.authority_name_zh,
            "name_en": settings.authority_name_en,
            "url": tls.checked_url(settings.exchange_url),
            "certificate": tls.certificate(inst),
            "keys": inst.signer.public.to_json(),
        },
        "identity",
    )
    return plain(document)


def fingerprint(document: Mapping[str, Any]) -> str:
    """A short mark of an identity: authority, kind, certificate and keys, 128 bits in groups of four."""
    from lianfang.foundation.canonical import digest

    mark = digest({name: document[name] for name in ("authority", "kind", "certificate", "keys")})[:32]
    return " ".join(mark[at : at + 4] for at in range(0, 32, 4))


def add(
    inst: Installation,
    who: Who,
    identity: Mapping[str, Any] | bytes,
    *,
    expected: str = "",
    replace: bool = False,
) -> Row:
    """Enter another authority; returns its entry with its fingerprint.

    ``identity``: what :func:`identity` gives there, as an object or as JSON text. ``expected``: the fingerprint that
    the other read out.

    Raises:
        Refused: the fingerprint differs. Conflict: it is known under other keys. BadInput: no identity, our own.
    """
    from lianfang.guard.exchange.shapes import Identity, parse, plain, read_json
    from lianfang.guard.signing import PublicKeys
    from lianfang.records import ExchangePeer
    from lianfang.store import put, rows

    require(who, "exchange.peer")
    document = read_json(identity, "identity") if isinstance(identity, bytes) else identity
    if not isinstance(document, Mapping):
        raise BadInput("An identity is a JSON object.")
    found = parse(Identity, dict(document), "identity")
    mark = fingerprint(plain(found))
    if expected and "".join(expected.split()).lower() != mark.replace(" ", ""):
        raise Refused(
            "The fingerprint is another one.", hint="Do not enter this identity.", code="fingerprint"
        )
    keys = PublicKeys.from_json(found.keys.model_dump())
    if keys.name != found.authority:
        raise BadInput("The identity is not consistent.")
    if found.authority == us(inst):
        raise BadInput("This is our own identity.")
    _, certificate = tls.read_certificate(found.certificate)
    entry = ExchangePeer(
        authority=found.authority,
        kind=found.kind,
        name_zh=found.name_zh,
        name_en=found.name_en,
        url=tls.checked_url(found.url),
        certificate=found.certificate,
        fingerprint=certificate,
        sign_key=found.keys.ed25519,
        seal_key=found.keys.x25519,
        added_at=inst.now(),
        added_by=who.account,
    )
    with inst.store.begin() as connection:
        held = rows(connection, ExchangePeer, authority=found.authority)
        same = ("kind", "certificate", "sign_key", "seal_key")
        if held and not replace and any(held[0][name] != getattr(entry, name) for name in same):
            raise Conflict(
                "This authority is known with another certificate or other keys.",
                hint="Ask it by telephone; then --replace.",
            )
        put(connection, entry)
        payload = {"kind": found.kind, "certificate": certificate, "fingerprint": mark}
        record(
            inst,
            connection,
            "exchange_peer_added",
            who=who,
            purpose="maintenance",
            ref=found.authority,
            payload=payload,
        )
    return {**entry.model_dump(), "mark": mark}


def remove(inst: Installation, who: Who, authority: str) -> int:
    """Trust an authority no more: nothing goes to it or is taken from it, from the next request on.

    Letters that waited for it are undeliverable from now on, and told as that; gives how many. What it has is out
    of our reach: it ends there by its own term.
    """
    from lianfang.records import ExchangePeer
    from lianfang.services.exchange import outbox
    from lianfang.store import change, one

    require(who, "exchange.peer")
    with inst.store.begin() as connection:
        row = one(connection, ExchangePeer, authority=authority)
        change(connection, ExchangePeer, row["id"], active=False)
        left = outbox.give_up(connection, authority)
        record(
            inst,
            connection,
            "exchange_peer_removed",
            who=who,
            purpose="maintenance",
            ref=authority,
            payload={"undeliverable": [{"kind": one["kind"], "about": one["ref"]} for one in left]},
        )
    return len(left)


def listing(inst: Installation, *, active: bool = True) -> list[Row]:
    """The authorities in the register, by name."""
    from lianfang.records import ExchangePeer
    from lianfang.store import rows

    with inst.store.read() as connection:
        found = rows(connection, ExchangePeer, order_by=["authority"])
    return [row for row in found if row["active"] or not active]


def shown(inst: Installation, who: Who) -> list[Row]:
    """The register for a person, with the authorities that are trusted no more."""
    require(who, "exchange.look")
    return listing(inst, active=False)


def renew(inst: Installation, who: Who) -> None:
    """A new certificate for the same private key; the other authorities have to enter us anew."""
    require(who, "exchange.peer")
    tls.renew(inst)
    with inst.store.begin() as connection:
        _, certificate = tls.read_certificate(tls.certificate(inst))
        record(
            inst,
            connection,
            "exchange_certificate_renewed",
            who=who,
            purpose="maintenance",
            ref=us(inst),
            payload={"certificate": certificate},
        )


def entry(inst: Installation, authority: str) -> Row:
    """An authority that is trusted; NotFound otherwise."""
    for row in listing(inst):
        if row["authority"] == authority:
            return row
    raise NotFound("There is no such authority in the register of the exchange.")


def by_certificate(inst: Installation, mark: str) -> Row:
    """The authority that showed this certificate (SHA-256, hex); Refused when it is nobody's."""
    for row in listing(inst):
        if row["fingerprint"] == mark:
            return row
    raise Refused("The certificate is that of no authority of the exchange.", code="unknown_peer")


def keys_of(row: Row) -> PublicKeys:
    """An authority's public keys."""
    from lianfang.guard.signing import PublicKeys

    return PublicKeys.from_json(
        {"name": row["authority"], "ed25519": row["sign_key"], "x25519": row["seal_key"]}
    )
