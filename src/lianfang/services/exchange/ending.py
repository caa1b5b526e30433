"""The end of a message: at the pack's deadline, with its event, or early; its keys are destroyed, proof stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lianfang.services.exchange import outbox
from lianfang.services.exchange.common import act, case_key, destroy_keys, key_name, us
from lianfang.services.gate import ask, record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.store import Row

RETENTION = Who("retention", "system", "retention_job", "retention")


def erase_row(inst: Installation, connection: Connection, row: Row) -> None:
    """A copy says nothing any more, and letters with it are not sent; its keys go after the commit (:func:`tidy`)."""
    from lianfang.records import ExchangeMessage
    from lianfang.store import change

    change(
        connection,
        ExchangeMessage,
        row["id"],
        state="erased",
        sealed=None,
        key="",
        data=[],
        updated_at=inst.now(),
    )
    outbox.forget(connection, _versions(row))


def _versions(row: Row) -> list[str]:
    return [key_name(str(row["message_id"]), version) for version in range(1, int(row["version"]) + 1)]


def tidy(inst: Installation, message_id: str = "") -> int:
    """Destroy the keys of replaced and erased versions; how many.

    Called after the commit that made them useless, and again at every purge: what a crash left is finished then.
    """
    import sqlalchemy as sa

    from lianfang.guard.vault import metadata
    from lianfang.records import ExchangeMessage
    from lianfang.store import rows

    keys = metadata.tables["vault_event"]
    mine = keys.c.event_id.startswith(f"xm-{message_id}", autoescape=True)
    alive = sa.select(keys.c.event_id).where(mine, keys.c.destroyed_at.is_(None))
    with inst.vault_store.read() as vault:
        names = list(vault.execute(alive).scalars())
    dead = []
    with inst.store.read() as connection:
        for name in names:
            of, _, version = name.removeprefix("xm-").rpartition("-")
            for row in rows(connection, ExchangeMessage, message_id=of):
                # a key that is newer than its row belongs to a writer that has not committed yet
                if int(version) < row["version"] or (
                    row["state"] in ("erased", "purged") and int(version) == row["version"]
                ):
                    dead.append(name)
    return len(destroy_keys(inst, dead))


def due(inst: Installation) -> list[Row]:
    """Copies whose deadline has come, erased ones too: their requests end with them."""
    from lianfang.records import ExchangeMessage
    from lianfang.store import rows, table

    messages = table(ExchangeMessage)
    with inst.store.read() as connection:
        return rows(
            connection,
            ExchangeMessage,
            messages.c.deadline <= inst.now(),
            messages.c.state != "purged",
            order_by=["deadline"],
        )


def purge(inst: Installation, who: Who) -> list[dict[str, Any]]:
    """End every message whose deadline has come; the certificates' contents (REQ-P-44).

    Keys go first, then the rows, then the certificate is written: a crash leaves work, never data behind a
    certificate. Each authority purges its own copy by its own clock.
    """
    from lianfang.guard.exchange import age_days
    from lianfang.guard.policy import get, packs

    require(who, "data.expire")
    tidy(inst)
    made = []
    for row in due(inst):
        law = str(row["pack"])
        if not get(law).valid(
            inst.today()
        ):  # the law of the term was repealed: the one that followed decides
            followed = [one for one in packs() if one.jurisdiction == "eu" and one.valid(inst.today())]
            law = next(one.id for one in followed if "message_days" in one.retention)
        ask(
            inst,
            RETENTION,
            phase="delete",
            purpose="expiry",
            data=row["data"] or ["selective_message"],
            context={"age_days": age_days(row["posted_at"], inst.now())},
            ref=str(row["message_id"]),
            rows=int(row["persons"]),
            pack=law,
            going=("certificate",),
        )
        made.append(_end(inst, who, row, "deadline"))
    if made:
        inst.store.vacuum()
        inst.vault_store.vacuum()
    return made


def expire_event(inst: Installation, who: Who, event_id: str) -> list[dict[str, Any]]:
    """With an event's data its messages end, here and (by letter) at every recipient; the certificates."""
    from lianfang.records import ExchangeMessage
    from lianfang.store import rows

    with inst.store.read() as connection:
        mine = [
            row for row in rows(connection, ExchangeMessage, event_id=event_id) if row["state"] != "purged"
        ]
    return [_end(inst, who, row, "event_ended") for row in mine]


def _end(inst: Installation, who: Who, row: Row, why: str) -> dict[str, Any]:
    """Destroy a message's keys and those of its requests, empty its rows, and sign the certificate."""
    from lianfang.foundation.canonical import canonical, plain
    from lianfang.guard.signing import sign
    from lianfang.records import ExchangeAnswer, ExchangeCase, ExchangeCertificate, ExchangeMessage
    from lianfang.services.exchange.changes import erasure
    from lianfang.store import change, put, rows

    message_id = str(row["message_id"])
    with inst.store.read() as connection:
        cases = rows(connection, ExchangeCase, message_id=message_id)
    keys = [*_versions(row), *(case_key(case["case_id"]) for case in cases)]
    destroyed = destroy_keys(inst, keys)
    now = inst.now()
    with inst.store.begin() as connection:
        # how many letters still held it, and how many answers: counted before they go
        answers = [one for case in cases for one in rows(connection, ExchangeAnswer, case_id=case["case_id"])]
        content = plain(
            {
                **{name: row[name] for name in ("message_id", "alert_id", "author", "recipients", "version")},
                **{name: row[name] for name in ("posted_at", "deadline", "pack")},
                "authority": us(inst),
                "reason": why,
                "purged_at": now,
                "requests": len(cases),
                "answers": len(answers),
                "keys_destroyed": [{"key": one["event"], "key_id": one["key_id"]} for one in destroyed],
            }
        )
        told = why == "event_ended" and row["author"] == us(inst) and row["state"] != "erased"
        erase_row(inst, connection, row)
        change(connection, ExchangeMessage, row["id"], state="purged")
        outbox.forget(connection, keys)
        for case in cases:
            change(connection, ExchangeCase, case["id"], sealed=None)
        for one in answers:
            change(connection, ExchangeAnswer, one["id"], sealed=None)
        if told:
            outbox.queue(
                inst, connection, "erasure", row["recipients"], erasure(row, "event_ended"), ref=message_id
            )
        act(
            connection,
            row,
            "purged",
            authority=us(inst),
            reason=why,
            version=row["version"],
            at=now,
            by=who.account,
        )
        index = record(
            inst,
            connection,
            "exchange_message_purged",
            who=who,
            purpose="expiry",
            ref=message_id,
            payload=content,
        )
        put(
            connection,
            ExchangeCertificate(
                message_id=message_id,
                issued_at=now,
                content=content,
                signature=canonical(sign(inst.signer, content)).decode(),
                log_index=index,
            ),
        )
    return dict(content)


def end_restored(inst: Installation, keys: Sequence[str]) -> int:
    """After a restore: what was sealed under keys that are on the erasure list goes from the rows; how many messages.

    Nobody could open it. The messages stand as erased, so that their end is certified at their deadline.
    """
    import sqlalchemy as sa

    from lianfang.records import ExchangeAnswer, ExchangeCase, ExchangeMessage
    from lianfang.store import change, rows, table

    gone = {key for key in keys if key.startswith(("xm-", "xc-"))}
    if not gone:
        return 0
    with inst.store.begin() as connection:
        held = [row for row in rows(connection, ExchangeMessage, state="held") if row["key"] in gone]
        held += [row for row in rows(connection, ExchangeMessage, state="blocked") if row["key"] in gone]
        for row in held:
            erase_row(inst, connection, row)
        outbox.forget(connection, sorted(gone))
        for case in rows(connection, ExchangeCase):
            if case["key"] in gone:
                change(connection, ExchangeCase, case["id"], sealed=None)
                answers = table(ExchangeAnswer)
                mine = answers.c.case_id == case["case_id"]
                connection.execute(sa.update(answers).where(mine).values(sealed=None))
    return len(held)


def certificates(inst: Installation, who: Who) -> list[Row]:
    """Certificates of messages that have ended, the newest first."""
    from lianfang.records import ExchangeCertificate
    from lianfang.store import rows

    require(who, "exchange.look")
    with inst.store.read() as connection:
        found = rows(connection, ExchangeCertificate, order_by=["issued_at"])
    return found[::-1]
