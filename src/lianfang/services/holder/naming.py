"""The end of an order at the node: locked tokens are named, a closed event is forgotten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lianfang.foundation.canonical import digest, plain
from lianfang.foundation.errors import LianfangError, Refused
from lianfang.services.holder import checks, documents, tables
from lianfang.services.holder.base import Base, refused
from lianfang.services.holder.documents import (
    REVEALED,
    LockNote,
    PurgeNote,
    SignedRequest,
)

if TYPE_CHECKING:
    from lianfang.guard.signing import PublicKeys

_BASIS = ("REQ-P-62",)


class Naming(Base):
    """The node's doors for reveal and purge."""

    def reveal(self, raw: bytes) -> bytes:
        """The names behind exactly the tokens of a lock, sealed to the centre; the same lock, the same answer.

        Raises:
            Refused: not approved by two, expired, a token that is not of the order, a changed list.
        """
        try:
            body = documents.from_centre(self.keys, "reveal", raw)
            request = documents.parse(SignedRequest, documents.read_json(body, "lock"), "lock")
            lock, centre = self._signed(request.note, LockNote, "lock")
        except LianfangError as error:
            self._log_unreadable("reveal_unreadable", raw, error)
            raise
        mark = digest(request.note)
        with self.store.read() as connection:
            held = (
                connection.execute(sa.select(tables.reveal).where(tables.reveal.c.lock_id == lock.lock_id))
                .mappings()
                .first()
            )
        if held is not None and held["digest"] == _essence(lock) and held["order_id"] == lock.order_id:
            return self._repeat(lock, bytes(held["answer"]))
        problems, subscribers = self._reveal_problems(lock, held is not None)
        if problems:
            self._refuse_reveal(lock, problems)
            raise refused("The holder refuses to name: ", problems, basis=("REQ-P-64",))
        return self._name(lock, centre, mark, subscribers)

    def _repeat(self, lock: LockNote, answer: bytes) -> bytes:
        """The stored answer once more, while the lock holds; each repeat is entered in the ledger."""
        if problems := checks.lock_problems(lock, self.about, self.now()):
            self._refuse_reveal(lock, problems)
            raise refused("The holder refuses to name: ", problems, basis=("REQ-P-64",))
        with self.store.begin() as connection:
            self._record_repeat(connection, lock)
        return answer

    def _record_repeat(self, connection: sa.Connection, lock: LockNote) -> None:
        self._record(
            connection,
            "reveal_repeated",
            "risk_target_reidentification",
            lock.lock_id,
            {"order_id": lock.order_id, "tokens": len(lock.tokens)},
        )

    def _reveal_problems(self, lock: LockNote, seen: bool) -> tuple[list[str], dict[int, str]]:
        now = self.now()
        problems = checks.lock_problems(lock, self.about, now)
        if seen:
            problems.append("changed: this lock was answered with another list. 锁定清单已变更。")
        row = self._order(lock.order_id)
        subscribers: dict[int, str] = {}
        if (
            row is None
            or row["state"] != "answered"
            or row["centre"] != lock.centre
            or row["event_id"] != lock.event_id
        ):
            problems.append("order: no answered order of this centre and event. 无对应调取令。")
        else:
            table = tables.contact
            with self.store.read() as connection:
                found = connection.execute(
                    sa.select(table.c.token, table.c.subscriber).where(
                        table.c.order_id == lock.order_id, table.c.token.in_(lock.tokens)
                    )
                ).all()
            subscribers = {int(number): str(token) for token, number in found}
            if len(found) != len(lock.tokens):
                problems.append("tokens: a token is not of this order. 标记不属于该调取令。")
        decision = checks.decide(
            self.about,
            self.limits,
            phase="share",
            purpose="close_contact_tracing",
            data=["name", "mobile"],
            ref=lock.order_id,
            day=now,
        )
        if not decision.permit:
            problems += [f"policy: {reason}" for reason in decision.reasons]
        return problems, subscribers

    def _refuse_reveal(self, lock: LockNote, problems: list[str]) -> None:
        with self.store.begin() as connection:
            self._record(
                connection,
                "reveal_refused",
                "risk_target_reidentification",
                lock.lock_id,
                {"order_id": lock.order_id, "tokens": len(lock.tokens), "reasons": problems},
            )

    def _name(self, lock: LockNote, centre: PublicKeys, mark: str, subscribers: dict[int, str]) -> bytes:
        persons = [
            documents.Person(token=subscribers[number], **fields)
            for number, fields in sorted(self._identities(list(subscribers)).items())
        ]
        note = documents.RevealNote(
            lock_id=lock.lock_id,
            order_id=lock.order_id,
            event_id=lock.event_id,
            holder=self.about.id,
            at=self.now(),
            persons=persons,
        )
        answer = documents.to_centre(
            centre, "reveal", lock.lock_id, {"note": documents.signed(self.keys, note)}
        )
        with self.store.begin() as connection:
            made = connection.execute(
                sa.dialects.sqlite.insert(tables.reveal)
                .values(
                    lock_id=lock.lock_id,
                    order_id=lock.order_id,
                    digest=_essence(lock),
                    answer=answer,
                    at=plain(self.now()),
                )
                .on_conflict_do_nothing()
            )
            if made.rowcount:
                self._record(
                    connection,
                    "persons_revealed",
                    "risk_target_reidentification",
                    lock.lock_id,
                    {
                        "order_id": lock.order_id,
                        "lock": documents.payload(lock),
                        "lock_sha256": mark,
                        "persons": len(persons),
                        "fields": list(REVEALED),
                    },
                    event=lock.event_id,
                )
            held = connection.execute(
                sa.select(tables.reveal.c.answer, tables.reveal.c.digest).where(
                    tables.reveal.c.lock_id == lock.lock_id
                )
            ).one()
            same = held.digest == _essence(lock)
            if same and not made.rowcount:
                self._record_repeat(connection, lock)
        if not same:  # another list under the same lock came first
            raise refused("The holder refuses to name: ", ["changed: another list was answered."])
        return bytes(held.answer)

    def _identities(self, numbers: list[int]) -> dict[int, dict[str, str | None]]:
        """Name and telephone of these subscribers and of nobody else; only their row groups are decoded."""
        import pyarrow.compute as pc
        import pyarrow.dataset as ds

        source = ds.dataset(self.folder / "subscribers.parquet", format="parquet")
        table = source.to_table(
            columns=["subscriber", *REVEALED], filter=pc.field("subscriber").isin(numbers)
        )
        return {
            int(row["subscriber"]): {name: _text(row[name]) for name in REVEALED} for row in table.to_pylist()
        }

    def purge(self, raw: bytes) -> dict[str, Any]:
        """The event has ended: orders, answers, tokens and keys go, the receipt and the ledger stay."""
        try:
            body = documents.from_centre(self.keys, "purge", raw)
            request = documents.parse(SignedRequest, documents.read_json(body, "purge"), "purge")
            note, _ = self._signed(request.note, PurgeNote, "purge")
        except LianfangError as error:
            self._log_unreadable("purge_unreadable", raw, error)
            raise
        if note.holder != self.about.id:
            raise Refused("The purge is for another holder.", code="wrong_recipient")
        held = self._purged(note.centre, note.event_id)
        if held is None:
            held = self._forget(note)
        self._scrub()
        receipt: dict[str, Any] = json.loads(held)
        return receipt

    def _forget(self, note: PurgeNote) -> str:
        mine = sa.and_(tables.order.c.centre == note.centre, tables.order.c.event_id == note.event_id)
        with self.store.begin() as connection:
            ids = list(connection.execute(sa.select(tables.order.c.order_id).where(mine)).scalars())
            contacts = connection.execute(
                sa.delete(tables.contact).where(tables.contact.c.order_id.in_(ids))
            ).rowcount
            reveals = connection.execute(
                sa.delete(tables.reveal).where(tables.reveal.c.order_id.in_(ids))
            ).rowcount
            connection.execute(
                sa.update(tables.order)
                .where(mine)
                .values(
                    state="purged", note=None, message=None, answer=None, account=None, reasons=None, stage=""
                )
            )
            connection.execute(sa.delete(tables.key).where(tables.key.c.event_id == note.event_id))
            told = {"event_id": note.event_id, "orders": ids, "contacts": contacts, "reveals": reveals}
            index = self._record(connection, "event_purged", "expiry", note.event_id, told)
            receipt = documents.ReceiptNote(
                event_id=note.event_id,
                holder=self.about.id,
                centre=note.centre,
                at=self.now(),
                orders=sorted(ids),
                contacts=contacts,
                reveals=reveals,
                log_index=index,
            )
            text = json.dumps(documents.signed(self.keys, receipt), ensure_ascii=False)
            connection.execute(
                sa.insert(tables.purge).values(
                    centre=note.centre, event_id=note.event_id, receipt=text, scrubbed=0
                )
            )
        return text


def _essence(lock: LockNote) -> str:
    """What makes two lock documents the same question; a retry may be signed again."""
    same = documents.payload(lock)
    same["tokens"] = sorted(same["tokens"])
    return digest(same)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
