"""Letters sealed to one recipient: signed inside, HPKE outside, bound to both names."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from lianfang.foundation.canonical import canonical, digest, from_base64
from lianfang.foundation.errors import BadInput, Fault, LianfangError, Refused
from lianfang.guard.exchange.shapes import (
    Acknowledgement,
    Envelope,
    Letter,
    S,
    Shape,
    parse,
    plain,
    read_json,
)
from lianfang.guard.signing import PublicKeys, SecretKeys, seal, sign, unseal, verify


def sealed(keys: SecretKeys, recipient: PublicKeys, note: Shape, use: str) -> bytes:
    """The bytes that travel: ``note`` signed by us, sealed to ``recipient`` for ``use`` (letter, look, shown)."""
    inside = canonical(sign(keys, plain(note)))
    closed = seal(recipient, inside, info=f"exchange/{use}", aad=_parties(keys.name, recipient.name))
    envelope = {
        "sender": keys.name,
        "recipient": recipient.name,
        "sealed": base64.b64encode(closed).decode(),
    }
    return json.dumps(envelope).encode()


def opened(keys: SecretKeys, sender: PublicKeys, raw: bytes, shape: type[S], use: str) -> S:
    """The note in what came, if ``sender`` signed it and sealed it to us for this use.

    Raises:
        BadInput: another form. Refused: another sender, another recipient, another use, changed on the way.
    """
    envelope = parse(Envelope, read_json(raw, "letter"), "letter")
    if envelope.sender != sender.name or envelope.recipient != keys.name:
        raise Refused("The letter is between other authorities.", code="wrong_parties")
    try:
        closed = from_base64(envelope.sealed)
    except ValueError:
        raise BadInput("The letter is not base64.", code="bad_document") from None
    inside = unseal(keys, closed, info=f"exchange/{use}", aad=_parties(sender.name, keys.name))
    document = read_json(inside, "letter")
    if not isinstance(document, dict):
        raise BadInput("The letter is no signed document.", code="bad_document")
    return parse(shape, verify(sender, document), "letter")


def acknowledged(
    sender: str, recipient: PublicKeys, letter: Letter, document: Mapping[str, Any]
) -> Acknowledgement:
    """The acknowledgement in ``document``, if the recipient signed it for exactly this letter.

    Raises:
        Fault: it is another's, or for something else; the letter then counts as not delivered.
    """
    try:
        ack = parse(Acknowledgement, verify(recipient, document), "acknowledgement")
    except LianfangError:
        raise Fault("The acknowledgement is not the recipient's.", code="bad_acknowledgement") from None
    wanted = (letter.letter_id, digest(plain(letter)), sender, recipient.name)
    if (ack.letter_id, ack.digest, ack.sender, ack.recipient) != wanted:
        raise Fault("The acknowledgement is for another letter.", code="bad_acknowledgement")
    return ack


def _parties(sender: str, recipient: str) -> bytes:
    return f"{sender}\x00{recipient}".encode()
