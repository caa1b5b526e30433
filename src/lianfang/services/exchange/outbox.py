"""Letters on their way: queued in the act's own transaction, delivered in order, repeated until acknowledged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lianfang.foundation.addresses import check_resolved
from lianfang.foundation.errors import BadInput, Conflict, Fault, LianfangError, NotFound, Refused
from lianfang.foundation.progress import Progress, silent
from lianfang.services.exchange import peers, tls
from lianfang.services.exchange.common import new_id, seal, unseal, us
from lianfang.services.gate import record, require
from lianfang.services.installation import SYSTEM, Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.guard.exchange.shapes import Shape
    from lianfang.store import Row

#: Waits 30 s after the first failure, twice as long after each, an hour at most.
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
#: Why a letter is undeliverable.
REMOVED = "peer_removed: the authority was removed from the register"
_KINDS: dict[int, type[LianfangError]] = {
    403: Refused,
    404: NotFound,
    409: Conflict,
    413: BadInput,
    422: BadInput,
}
_ANSWER = 3 << 20


def queue(
    inst: Installation,
    connection: Connection,
    kind: str,
    recipients: Sequence[str],
    body: Shape,
    *,
    ref: str,
    key: str = "",
) -> None:
    """Write letters to each recipient in the caller's transaction; ``key`` seals a personal body while it waits.

    One to an authority that is trusted no more keeps no body and is undeliverable from the start.
    """
    import sqlalchemy as sa

    from lianfang.guard.exchange.shapes import plain
    from lianfang.records import ExchangeDelivery, ExchangePeer
    from lianfang.store import insert_new, rows, table

    text = json.dumps(plain(body), ensure_ascii=False)
    last = connection.execute(sa.select(sa.func.max(table(ExchangeDelivery).c.number))).scalar() or 0
    trusted = {row["authority"] for row in rows(connection, ExchangePeer, active=True)}
    for at, recipient in enumerate(sorted(recipients), start=1):
        letter_id, gone = new_id("l"), recipient not in trusted
        waiting = None if gone else seal(inst, key, letter_id, text.encode()) if key else text
        insert_new(
            connection,
            ExchangeDelivery.model_construct(
                letter_id=letter_id,
                number=last + at,
                kind=kind,
                recipient=recipient,
                ref=ref,
                key=key,
                body=waiting,
                created_at=inst.now(),
                next_at=inst.now(),
                state="undeliverable" if gone else "queued",
                error=REMOVED if gone else "",
            ),
        )


def give_up(connection: Connection, recipient: str) -> list[Row]:
    """Letters that wait for an authority which is trusted no more wait no longer and keep no body; what they were."""
    import sqlalchemy as sa

    from lianfang.records import ExchangeDelivery
    from lianfang.store import rows, table

    found = rows(connection, ExchangeDelivery, recipient=recipient, state="queued", order_by=["number"])
    letters = table(ExchangeDelivery)
    mine = sa.and_(letters.c.recipient == recipient, letters.c.state == "queued")
    values = {"state": "undeliverable", "body": None, "error": REMOVED}
    connection.execute(sa.update(letters).where(mine).values(**values))
    return found


def undeliverable(inst: Installation, who: Who) -> list[Row]:
    """Letters that could not be delivered, as their recipient is trusted no more; the newest first, no bodies."""
    from lianfang.records import ExchangeDelivery
    from lianfang.store import rows, table

    require(who, "exchange.look")
    newest = table(ExchangeDelivery).c.number.desc()
    with inst.store.read() as connection:
        found = rows(connection, ExchangeDelivery, state="undeliverable", order_by=[newest], limit=200)
    return [{name: value for name, value in row.items() if name != "body"} for row in found]


def forget(connection: Connection, keys: Sequence[str]) -> None:
    """Letters under keys that go keep no body; those that wait are withdrawn, a later letter replaces them."""
    import sqlalchemy as sa

    from lianfang.records import ExchangeDelivery
    from lianfang.store import table

    letters = table(ExchangeDelivery)
    mine = letters.c.key.in_(list(keys))
    connection.execute(sa.update(letters).where(mine, letters.c.state == "queued").values(state="withdrawn"))
    connection.execute(sa.update(letters).where(mine).values(body=None))


def state(connection: Connection, ref: str) -> list[Row]:
    """The letters about one thing, in order, without their bodies."""
    from lianfang.records import ExchangeDelivery
    from lianfang.store import rows

    found = rows(connection, ExchangeDelivery, ref=ref, order_by=["number"])
    return [{name: value for name, value in row.items() if name != "body"} for row in found]


def waiting(inst: Installation, *, due: bool = False) -> list[Row]:
    """Letters that have not arrived, in order; ``due``: those whose next attempt has come."""
    from lianfang.records import ExchangeDelivery
    from lianfang.store import rows

    with inst.store.read() as connection:
        found = rows(connection, ExchangeDelivery, state="queued", order_by=["number", "created_at"])
    now = inst.now()
    return [row for row in found if not due or row["next_at"] <= now]


def deliver(
    inst: Installation, who: Who, *, force: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """Deliver what waits, in order for each recipient; how many arrived, wait on, were refused.

    A recipient that cannot be reached is tried again later; ``force`` does not wait for that. Running twice at
    once does no harm: a letter that was taken gives the same acknowledgement again.
    """
    require(who, "exchange.deliver")
    report, counts = progress or silent, {"delivered": 0, "waiting": 0, "refused": 0}
    letters = waiting(inst)
    now, held = inst.now(), set()
    trusted = {str(row["authority"]): row for row in peers.listing(inst)}
    for at, letter in enumerate(letters):
        report("letters", at, len(letters))
        to = str(letter["recipient"])
        if to in held or to not in trusted or (letter["next_at"] > now and not force):
            held.add(to)  # what comes later may rest on this one
            counts["waiting"] += 1
            continue
        outcome = _send(inst, who, trusted[to], letter)
        if outcome == "queued":
            held.add(to)
            counts["waiting"] += 1
        elif outcome != "withdrawn":
            counts[outcome] += 1
    report("letters", len(letters), len(letters))
    return counts


def _send(inst: Installation, who: Who, peer: Row, row: Row) -> str:
    """One letter; returns its state afterwards."""
    from lianfang.guard.exchange import acknowledged, sealed
    from lianfang.guard.exchange.shapes import BODIES, Letter, parse, plain

    try:
        text = str(row["body"])
        raw = unseal(inst, row["key"], row["letter_id"], text) if row["key"] else text.encode()
    except (NotFound, Refused):  # its key went while it waited
        return _settle(inst, who, row, "withdrawn", body=None)
    body = parse(BODIES[row["kind"]], json.loads(raw), "letter")
    letter = parse(
        Letter,
        {
            "letter_id": row["letter_id"],
            "kind": row["kind"],
            "sender": us(inst),
            "recipient": row["recipient"],
            "at": row["created_at"],
            "body": plain(body),
        },
        "letter",
    )
    keys = peers.keys_of(peer)
    try:
        answer = call(inst, peer, "/letters", sealed(inst.signer, keys, letter, "letter"))
        ack = acknowledged(us(inst), keys, letter, answer)
    except (BadInput, Refused) as error:
        return _settle(inst, who, row, "refused", error=f"{error.code}: {error.message}"[:300], body=None)
    except Fault as error:
        attempts = int(row["attempts"]) + 1
        wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
        told = f"{error.code}: {error.message}"[:300]
        return _settle(inst, who, row, "queued", attempts=attempts, next_at=inst.now() + wait, error=told)
    return _settle(
        inst,
        who,
        row,
        "delivered",
        body=None,
        delivered_at=inst.now(),
        acknowledgement=dict(answer),
        error="",
        digest=ack.digest,
    )


def _settle(inst: Installation, who: Who, row: Row, became: str, *, digest: str = "", **values: Any) -> str:
    """Write down how an attempt went, unless another has settled it meanwhile."""
    from lianfang.records import ExchangeDelivery
    from lianfang.store import change, one

    with inst.store.begin() as connection:
        now = one(connection, ExchangeDelivery, letter_id=row["letter_id"])
        # a letter given up while it was on its way did arrive: that is what counts
        given_up = now["state"] in ("withdrawn", "undeliverable")
        if (now["state"] != "queued" and not given_up) or (given_up and became != "delivered"):
            return str(now["state"])
        change(connection, ExchangeDelivery, row["id"], state=became, **values)
        if became in ("delivered", "refused"):
            payload = {"kind": row["kind"], "recipient": row["recipient"], "ref": row["ref"]}
            record(
                inst,
                connection,
                f"exchange_letter_{became}",
                who=who,
                purpose="contact_tracing_message",
                ref=row["letter_id"],
                payload={**payload, "digest": digest, "attempts": int(row["attempts"]) + 1},
            )
    return became


def call(inst: Installation, peer: Row, path: str, raw: bytes, *, seconds: float = 30) -> dict[str, Any]:
    """One request to another authority over mutual TLS: its JSON object.

    Raises:
        Refused, NotFound, Conflict, BadInput: what it answered. Fault: unreachable, another certificate, too
        slow, too large, not JSON.
    """
    import ssl

    import httpx

    from lianfang.guard.exchange.shapes import read_json

    address = tls.checked_url(peer["url"]) + path
    check_resolved(urlsplit(address).hostname or "")
    headers = {"content-type": "application/json", "accept": "application/json"}
    try:
        context = tls.client_context(inst, peer["certificate"])
        timeout = httpx.Timeout(seconds, connect=5.0)
        with (
            httpx.Client(verify=context, timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", address, content=raw, headers=headers) as got,
        ):
            parts, size = [], 0
            for part in got.iter_bytes():
                size += len(part)
                if size > _ANSWER:
                    raise Fault("The other authority's answer is too large.", code="peer_answer")
                parts.append(part)
            status = got.status_code
    except (httpx.HTTPError, ssl.SSLError) as error:
        raise Fault(
            f"The other authority cannot be reached ({type(error).__name__}).",
            hint="Nothing was lost; it is tried again.",
            code="peer_unreachable",
        ) from None
    document = _object(b"".join(parts), read_json)
    if status == 200:
        return document
    told = document.get("error")
    told = told if isinstance(told, dict) else {}
    message = _line(told.get("message")) or f"The other authority answered {status}."
    kind = _KINDS.get(status, Fault)
    raise kind(message, code=_line(told.get("code"))[:40] or "peer_answer")


def _object(raw: bytes, read: Any) -> dict[str, Any]:
    try:
        document = read(raw, "other authority's answer")
    except BadInput:
        document = None
    if not isinstance(document, dict):
        raise Fault("The other authority's answer is no JSON object.", code="peer_answer")
    return document


def _line(value: Any) -> str:
    return "".join(c for c in value if c.isprintable())[:300] if isinstance(value, str) else ""


def wake(inst: Installation) -> None:
    """Queue the exchange's work that has come due as jobs: letters to repeat, messages past their deadline."""
    from lianfang.services import jobs
    from lianfang.services.exchange import ending

    trusted = {row["authority"] for row in peers.listing(inst)}
    due = [row for row in waiting(inst, due=True) if row["recipient"] in trusted]
    if due:
        first = due[0]
        key = f"{first['letter_id']}-{first['attempts']}-{len(due)}"
        jobs.submit(inst, SYSTEM, "exchange.deliver", {}, key=key)
    past = ending.due(inst)
    if past:
        jobs.submit(inst, SYSTEM, "exchange.purge", {}, key=f"{past[0]['message_id']}-{len(past)}")
