"""Letters that come in: from a known authority, for us, once; what they say and the receipt are one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Refused
from lianfang.services.exchange import cases, channel, ending, outbox, peers, widening
from lianfang.services.exchange.common import (
    act,
    case_key,
    general,
    key_name,
    member,
    message_row,
    open_keys,
    parties,
    stated,
    us,
)
from lianfang.services.exchange.messages import keep, kinds
from lianfang.services.gate import ask, record
from lianfang.services.installation import SYSTEM, Installation

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.store import Row

#: How far the other side's clock may run before ours.
SKEW = timedelta(hours=24)

Prepare = Callable[[Installation, str, Any], None]
Apply = Callable[[Installation, "Connection", str, Any], None]


def receive(inst: Installation, raw: bytes, certificate: str) -> dict[str, Any]:
    """Take a letter; the signed acknowledgement. The same letter again gives the same and changes nothing.

    ``certificate``: SHA-256 (hex) of the certificate shown on the connection; the letter must be that
    authority's own.

    Raises:
        Refused: an unknown authority, another's letter, what may not be received. Conflict: the id was used for
        another letter.
    """
    from lianfang.foundation.canonical import digest
    from lianfang.guard.exchange import opened
    from lianfang.guard.exchange.shapes import BODIES, Acknowledgement, Letter, parse, plain
    from lianfang.guard.signing import sign
    from lianfang.records import ExchangeReceipt
    from lianfang.store import insert_new

    peer = peers.by_certificate(inst, certificate)
    sender = str(peer["authority"])
    letter = opened(inst.signer, peers.keys_of(peer), raw, Letter, "letter")
    if letter.sender != sender or letter.recipient != us(inst):
        raise Refused("The letter is between other authorities.", code="wrong_parties")
    mark = digest(plain(letter))
    with inst.store.read() as connection:
        if (held := _held(connection, letter.letter_id, mark)) is not None:
            return held
    body: Any = parse(BODIES[letter.kind], letter.body, "letter")
    prepare, apply = _HANDLERS[letter.kind]
    prepare(inst, sender, body)
    with inst.store.begin() as connection:
        _one_at_a_time(connection, sender)
        if (held := _held(connection, letter.letter_id, mark)) is not None:
            return held
        apply(inst, connection, sender, body)
        now, ref = inst.now(), _ref(body)
        index = record(
            inst,
            connection,
            f"exchange_letter_{letter.kind}",
            who=SYSTEM,
            purpose="contact_tracing_message",
            ref=ref,
            payload={"letter": letter.letter_id, "sender": sender, "digest": mark},
        )
        ack = Acknowledgement(
            letter_id=letter.letter_id,
            digest=mark,
            sender=sender,
            recipient=us(inst),
            received_at=now,
            log_index=index,
        )
        signed = sign(inst.signer, plain(ack))
        insert_new(
            connection,
            ExchangeReceipt(
                letter_id=letter.letter_id,
                sender=sender,
                kind=letter.kind,
                ref=ref,
                digest=mark,
                received_at=now,
                acknowledgement=signed,
                log_index=index,
            ),
        )
    if letter.kind in ("correction", "erasure"):
        ending.tidy(inst, ref)
    return signed


def _ref(body: Any) -> str:
    names = ("case_id", "grant_id", "message_id", "post_id", "alert_id")
    return next(str(getattr(body, name)) for name in names if hasattr(body, name))


def _held(connection: Connection, letter_id: str, mark: str) -> dict[str, Any] | None:
    from lianfang.records import ExchangeReceipt
    from lianfang.store import rows

    found = rows(connection, ExchangeReceipt, letter_id=letter_id)
    if not found:
        return None
    if found[0]["digest"] != mark:
        raise Conflict("This letter's id was used for another letter.", code="letter_reused")
    acknowledgement: dict[str, Any] = found[0]["acknowledgement"]
    return acknowledgement


def _one_at_a_time(connection: Connection, sender: str) -> None:
    """Letters of one authority are taken one after another (SQLite: one writer at a time anyhow)."""
    import sqlalchemy as sa

    from lianfang.records import ExchangePeer
    from lianfang.store import table

    register = table(ExchangePeer)
    connection.execute(sa.select(register.c.id).where(register.c.authority == sender).with_for_update()).all()


def _nothing(inst: Installation, sender: str, body: Any) -> None:
    """Nothing to ask before the transaction."""


def _from(sender: str, author: str) -> None:
    if sender != author:
        raise Refused("Another authority is named as the author.", code="wrong_parties")


# general channel ------------------------------------------------------------------------------------------


def _ask_alert(inst: Installation, sender: str, body: Any) -> None:
    _from(sender, body.issuer)
    if sender not in body.concerned:
        raise BadInput("An alert concerns the authority that raises it.", code="bad_document")
    general(inst, SYSTEM, [body.title, body.text], body.alert_id, phase="read")


def _take_alert(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    channel.keep_alert(inst, connection, body)


def _ask_concern(inst: Installation, sender: str, body: Any) -> None:
    from lianfang.records import ExchangeAlert
    from lianfang.store import rows

    _ask_alert(inst, sender, body)
    stated(body.reason, "reason")
    if not set(body.added) <= set(body.concerned):
        raise BadInput("The alert does not concern whom it was widened to.", code="bad_document")
    with inst.store.read() as connection:
        known = rows(connection, ExchangeAlert, alert_id=body.alert_id)
    if known:
        _from(sender, str(known[0]["issuer"]))


def _take_concern(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    widening.keep(inst, connection, body)


def _ask_post(inst: Installation, sender: str, body: Any) -> None:
    _from(sender, body.author)
    general(inst, SYSTEM, [body.title, body.text], body.post_id, phase="read")


def _take_post(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    channel.keep_post(connection, body)


# selective channel ----------------------------------------------------------------------------------------


def _ask_message(inst: Installation, sender: str, body: Any) -> None:
    """The recipient checks all that the sender had to: nothing beyond the minimum is stored on its word."""
    from lianfang.guard.exchange import check_content, choose, deadline
    from lianfang.records import ExchangeAlert
    from lianfang.store import one

    _from(sender, body.author)
    with inst.store.read() as connection:
        if _past(_known(connection, body.message_id), body):
            return
        alert = one(connection, ExchangeAlert, alert_id=body.alert_id)
    choose(alert["concerned"], sender, body.recipients)
    if us(inst) not in body.recipients or inst.settings.exchange_kind != "eu_competent_authority":
        raise Refused(
            "This authority is no recipient of the message.", basis=("REQ-P-40",), code="not_concerned"
        )
    now = inst.now()
    if body.posted_at > now + SKEW or body.deadline > deadline(body.pack, body.posted_at):
        raise BadInput("The message's moments are not those of its pack.", code="bad_document")
    if now >= min(body.deadline, deadline(inst.settings.exchange_pack, body.posted_at)):
        raise Refused("The message is past its deadline.", basis=("REQ-P-44",), code="expired")
    content = body.content
    check_content([dict(one) for one in content.persons], content.text, inst.settings.exchange_pack)
    ask(
        inst,
        member(inst, SYSTEM),
        phase="use",
        purpose="contact_tracing_message",
        data=kinds(content),
        context={"channel": "selective", "recipient": "concerned"},
        ref=body.message_id,
        rows=len(content.persons),
        pack=inst.settings.exchange_pack,
    )
    open_keys(inst, key_name(body.message_id, body.version))


def _take_message(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    row = _known(connection, body.message_id)
    if row is not None:
        _from(sender, str(row["author"]))
        if _past(row, body):
            return
        outbox.forget(connection, [key_name(body.message_id, old) for old in range(1, body.version)])
    fresh = keep(inst, connection, body)
    act(
        connection,
        fresh,
        "corrected" if body.version > 1 else "received",
        authority=sender,
        reason=body.reason,
        version=body.version,
        at=inst.now(),
    )


def _known(connection: Connection, message_id: str) -> Row | None:
    """Our copy; a message whose row went with its event counts as purged."""
    from lianfang.records import ExchangeCertificate, ExchangeMessage
    from lianfang.store import rows

    found = rows(connection, ExchangeMessage, message_id=message_id)
    if found:
        return found[0]
    gone = rows(connection, ExchangeCertificate, message_id=message_id)
    return {**gone[0]["content"], "state": "purged"} if gone else None


def _past(row: Row | None, body: Any) -> bool:
    """Whether the message was erased, or corrected, before this letter came; its key may be destroyed by now."""
    return row is not None and (row["state"] not in ("held", "blocked") or row["version"] >= body.version)


def _take_erasure(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    from lianfang.records import ExchangeMessage
    from lianfang.store import put_rows

    _from(sender, body.author)
    row = _known(connection, body.message_id)
    if row is None:
        # its letter is still on the way, or never left: it finds this and is not kept
        names = ("message_id", "alert_id", "author", "posted_at", "deadline", "pack", "version")
        row = {name: getattr(body, name) for name in names}
        row |= {"recipients": list(body.recipients), "event_id": "", "data": [], "persons": 0}
        row |= {"state": "erased", "updated_at": inst.now()}
        put_rows(connection, ExchangeMessage, [row])
    else:
        _from(sender, str(row["author"]))
        if row["state"] not in ("held", "blocked"):
            return
        ending.erase_row(inst, connection, row)
    act(
        connection,
        row,
        "erased",
        authority=sender,
        reason=body.reason,
        version=row["version"],
        at=inst.now(),
    )


def _ask_unlawful(inst: Installation, sender: str, body: Any) -> None:
    stated(body.reason, "reason")


def _take_unlawful(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    from lianfang.records import ExchangeMessage
    from lianfang.store import change

    row = _shared(connection, sender, body.message_id)
    if row["state"] == "held":
        change(connection, ExchangeMessage, row["id"], state="blocked", updated_at=inst.now())
    act(
        connection,
        row,
        "unlawful",
        authority=sender,
        reason=body.reason,
        version=row["version"],
        at=body.at,
    )


def _shared(connection: Connection, sender: str, message_id: str) -> Row:
    """A message that the sender has a copy of as well as we."""
    row = message_row(connection, message_id)
    if sender not in parties(row):
        raise Refused("The sender has no copy of this message.", basis=("REQ-P-40",), code="not_concerned")
    return row


# requests and access --------------------------------------------------------------------------------------


def _open_case_key(inst: Installation, sender: str, body: Any) -> None:
    with inst.store.read() as connection:
        _shared(connection, sender, body.message_id)
    open_keys(inst, case_key(body.case_id))


def _take_request(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    cases.keep_case(inst, connection, _shared(connection, sender, body.message_id), body, sender)


def _take_answer(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    from lianfang.records import ExchangeCase
    from lianfang.store import one

    case = one(connection, ExchangeCase, case_id=body.case_id)
    if sender not in case["concerned"]:
        raise Refused("The sender is not concerned by this request.", code="not_concerned")
    if case["sealed"] is not None:  # else it ended with its message, and so does what is said of it
        cases.keep_answer(inst, connection, case, body, sender)


def _ask_grant(inst: Installation, sender: str, body: Any) -> None:
    stated(body.justification, "justification")


def _take_grant(inst: Installation, connection: Connection, sender: str, body: Any) -> None:
    from lianfang.records import ExchangeGrant
    from lianfang.store import insert_new

    insert_new(
        connection,
        ExchangeGrant.model_validate({**body.model_dump(), "grantor": sender, "peer": us(inst)}),
    )


_HANDLERS: dict[str, tuple[Prepare, Apply]] = {
    "alert": (_ask_alert, _take_alert),
    "concern": (_ask_concern, _take_concern),
    "post": (_ask_post, _take_post),
    "message": (_ask_message, _take_message),
    "correction": (_ask_message, _take_message),
    "erasure": (_nothing, _take_erasure),
    "unlawful": (_ask_unlawful, _take_unlawful),
    "request": (_open_case_key, _take_request),
    "answer": (_nothing, _take_answer),
    "grant": (_ask_grant, _take_grant),
}
