"""Orders at the node: received or refused, searched in the background, answered once."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lianfang.foundation.canonical import digest, moment, plain
from lianfang.foundation.errors import Conflict, LianfangError, NotFound
from lianfang.services.holder import checks, documents, tables
from lianfang.services.holder.base import Base, refused
from lianfang.services.holder.documents import (
    Answer,
    AnswerNote,
    Candidate,
    OrderNote,
    OrderRequest,
)

if TYPE_CHECKING:
    from lianfang.guard.signing import PublicKeys
    from lianfang.services.holder.search import Found

_BASIS = ("REQ-P-62",)


class Stopped(Exception):
    """The node is being stopped in the middle of a search."""


class Receiving(Base):
    """The node's door for orders."""

    def receive(self, raw: bytes) -> dict[str, Any]:
        """Take an order: checked, logged, queued; the same order again gives its present state.

        Raises:
            Refused: with every reason; the refusal is in the ledger. BadInput: not an order at all.
            Conflict: the id was used for another order, or too many are waiting.
        """
        try:
            body = documents.from_centre(self.keys, "order", raw)
            request = documents.parse(OrderRequest, documents.read_json(body, "order"), "order")
            note, _ = self._signed(request.note, OrderNote, "order")
        except LianfangError as error:
            self._log_unreadable("order_unreadable", raw, error)
            raise
        mark = digest(request.note)
        known = self._order(note.order_id)
        if known is not None:
            return self._again(known, mark, note)
        if problems := self._problems(note, request):
            self._refuse(note, mark, problems)
            raise refused("The holder refuses the order: ", problems)
        if self._waiting() >= self.limits.waiting:
            raise Conflict("Too many orders are waiting.", hint="Send it again later.", code="busy")
        with self.store.begin() as connection:
            inserted = connection.execute(
                sa.dialects.sqlite.insert(tables.order)
                .values(**self._line(note, mark, "received"), message=raw)
                .on_conflict_do_nothing()
            )
            if inserted.rowcount:
                self._record(connection, "order_received", note.purpose, note.order_id, _told(note))
        self.start(note.order_id)
        return self.status(note.order_id)

    def _again(self, known: Mapping[str, Any], mark: str, note: OrderNote) -> dict[str, Any]:
        if known["digest"] != mark:
            with self.store.begin() as connection:
                self._record(
                    connection, "order_refused", note.purpose, note.order_id, {"reasons": ["order_changed"]}
                )
            raise Conflict("This order's id was used for another order.", code="order_changed")
        if known["state"] == "refused":
            raise refused("The holder refuses the order: ", json.loads(known["reasons"] or "[]"))
        if known["state"] == "failed":  # asked again: searched again
            with self.store.begin() as connection:
                table = tables.order
                again = sa.update(table).where(table.c.order_id == note.order_id, table.c.state == "failed")
                connection.execute(again.values(state="received", reasons=None))
        if known["state"] in ("received", "searching", "failed"):
            self.start(note.order_id)
        return self.status(note.order_id)

    def _problems(self, note: OrderNote, request: OrderRequest) -> list[str]:
        now = self.now()
        problems = checks.order_problems(note, request, self.about, self.limits, now)
        if self._purged(note.centre, note.event_id) is not None:
            problems.append("event: the event has ended. 事件已结束。")
        for phase, data in (
            ("use", ["pseudonym", "trajectory"]),
            ("share", ["pseudonym", "trajectory_generalised"]),
        ):
            decision = checks.decide(
                self.about,
                self.limits,
                phase=phase,
                purpose=note.purpose,
                data=data,
                ref=note.order_id,
                day=now,
            )
            if not decision.permit:
                problems += [f"policy: {reason}" for reason in decision.reasons]
        return problems

    def _refuse(self, note: OrderNote, mark: str, problems: list[str]) -> None:
        with self.store.begin() as connection:
            connection.execute(
                sa.dialects.sqlite.insert(tables.order)
                .values(**self._line(note, mark, "refused"), reasons=json.dumps(problems, ensure_ascii=False))
                .on_conflict_do_nothing()
            )
            self._record(
                connection, "order_refused", note.purpose, note.order_id, {**_told(note), "reasons": problems}
            )

    def _line(self, note: OrderNote, mark: str, state: str) -> dict[str, Any]:
        return {
            "order_id": note.order_id,
            "event_id": note.event_id,
            "centre": note.centre,
            "digest": mark,
            "received_at": plain(self.now()),
            "state": state,
            "note": json.dumps(documents.payload(note), ensure_ascii=False),
            "stage": "",
            "done": 0,
            "total": 0,
        }

    def start(self, order_id: str) -> None:
        """Search for an order in the background, once."""
        with self._guard:
            if order_id in self._running:
                return
            self._running.add(order_id)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="holder-search")
            self._pool.submit(self._work, order_id)

    def resume(self) -> list[str]:
        """Take up what a stop or a kill left unfinished; returns the orders' ids."""
        with self.store.read() as connection:
            table = tables.order
            left = connection.execute(
                sa.select(table.c.order_id).where(table.c.state.in_(["received", "searching"]))
            ).scalars()
            unfinished = list(left)
            unscrubbed = connection.execute(
                sa.select(sa.func.count()).select_from(tables.purge).where(tables.purge.c.scrubbed == 0)
            ).scalar_one()
        if unscrubbed:
            self._scrub()
        for order_id in unfinished:
            self.start(order_id)
        return unfinished

    def _work(self, order_id: str) -> None:
        try:
            self.answer(order_id)
        except Stopped:
            return  # the order stays unfinished and is taken up at the next start
        except LianfangError as error:
            self._fail(order_id, error.message)
        except Exception as error:  # the thread must not die silently; a message could name somebody
            self._fail(order_id, f"the search failed ({type(error).__name__})")
        finally:
            with self._guard:
                self._running.discard(order_id)

    def _fail(self, order_id: str, message: str) -> None:
        with self.store.begin() as connection:
            changed = connection.execute(
                sa.update(tables.order)
                .where(
                    tables.order.c.order_id == order_id,
                    tables.order.c.state.in_(["received", "searching"]),
                )
                .values(state="failed", reasons=json.dumps([message], ensure_ascii=False))
            )
            if changed.rowcount:
                self._record(
                    connection, "order_failed", "close_contact_tracing", order_id, {"reason": message}
                )

    def answer(self, order_id: str) -> None:
        """Search and write the answer: tokens, account, ledger entry in one transaction."""
        from lianfang.services.holder import search

        row = self._order(order_id)
        if row is None or row["state"] not in ("received", "searching"):
            return
        raw = bytes(row["message"])
        body = documents.from_centre(self.keys, "order", raw)
        request = documents.parse(OrderRequest, documents.read_json(body, "order"), "order")
        note, centre = self._signed(request.note, OrderNote, "order")
        self._progress(order_id, "searching", 0, 0)
        found = search.run(
            self.folder,
            note,
            request,
            memory_mb=self.limits.memory_mb,
            progress=lambda stage, done, total: self._progress(order_id, stage, done, total),
        )
        self._finish(row, note, centre, found, len(request.index))

    def _finish(
        self, row: Mapping[str, Any], note: OrderNote, centre: PublicKeys, found: Found, given: int
    ) -> None:
        from lianfang.services.holder import search

        secret = os.urandom(32)
        made = search.candidates(found, note.row_cap, lambda number: _token(secret, number))
        contacts = [Candidate.model_validate(one) for one in made]
        now = self.now()
        account = AnswerNote(
            order_id=note.order_id,
            event_id=note.event_id,
            holder=self.about.id,
            centre=note.centre,
            received_at=moment(row["received_at"]),
            answered_at=now,
            rows_searched=sum(found.rows.values()),
            rows_by_source=found.rows,
            index_given=given,
            index_matched=found.matched,
            candidates=len(found.ranked),
            returned=len(contacts),
            withheld={"over_row_cap": len(found.ranked) - len(contacts)},
            policy=self.limits.policy_pack,
            contacts_sha256=documents.contacts_digest(contacts),
        )
        answer = Answer(note=documents.signed(self.keys, account), contacts=contacts)
        numbers = [int(one["candidate"]) for one in found.ranked[: note.row_cap]]
        issued = [
            {"order_id": note.order_id, "token": _token(secret, number), "subscriber": number}
            for number in numbers
        ]
        with self.store.begin() as connection:
            changed = connection.execute(
                sa.update(tables.order)
                .where(
                    tables.order.c.order_id == note.order_id,
                    tables.order.c.state.in_(["received", "searching"]),
                )
                .values(
                    state="answered",
                    stage="",
                    answer=documents.to_centre(centre, "answer", note.order_id, answer),
                    account=json.dumps(documents.payload(account)),
                )
            )
            if not changed.rowcount:  # purged meanwhile
                return
            if issued:
                connection.execute(sa.insert(tables.contact), issued)
            told = documents.payload(account)
            self._record(connection, "order_answered", note.purpose, note.order_id, told)

    def status(self, order_id: str) -> dict[str, Any]:
        """State and progress of an order, and its sealed answer once there is one."""
        import base64

        row = self._order(order_id)
        if row is None:
            raise NotFound("There is no such order here.")
        out: dict[str, Any] = {
            "order_id": order_id,
            "state": row["state"],
            "stage": row["stage"],
            "done": row["done"],
            "total": row["total"],
            "reasons": json.loads(row["reasons"] or "[]"),
        }
        if row["answer"] is not None:
            out["sealed"] = base64.b64encode(bytes(row["answer"])).decode()
        return out

    def orders(self) -> list[dict[str, Any]]:
        """What was asked and what was answered, the newest first: for the holder's own people."""
        table = tables.order
        with self.store.read() as connection:
            found = connection.execute(sa.select(table).order_by(table.c.received_at.desc())).mappings().all()
            per_order = sa.select(tables.reveal.c.order_id, sa.func.count().label("n"))
            counted = connection.execute(per_order.group_by(tables.reveal.c.order_id))
            named = {str(row.order_id): int(row.n) for row in counted}
        return [
            {
                "order_id": row["order_id"],
                "centre": row["centre"],
                "event_id": row["event_id"],
                "received_at": row["received_at"],
                "state": row["state"],
                "note": json.loads(row["note"]) if row["note"] else None,
                "account": json.loads(row["account"]) if row["account"] else None,
                "reasons": json.loads(row["reasons"] or "[]"),
                "reveals": named.get(row["order_id"], 0),
            }
            for row in found
        ]

    def _waiting(self) -> int:
        table = tables.order
        with self.store.read() as connection:
            return int(
                connection.execute(
                    sa.select(sa.func.count())
                    .select_from(table)
                    .where(table.c.state.in_(["received", "searching"]))
                ).scalar_one()
            )

    def _progress(self, order_id: str, stage: str, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise Stopped
        at = time.monotonic()
        if done not in (0, total) and at - self._told < 0.25:
            return
        self._told = at
        table = tables.order
        with self.store.begin() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.order_id == order_id, table.c.state.in_(["received", "searching"]))
                .values(state="searching", stage=stage[:60], done=done, total=total)
            )


def _token(secret: bytes, subscriber: int) -> str:
    """A candidate's token in one order; without the order's secret it says nothing and cannot be guessed."""
    return hmac.digest(secret, b"lianfang/contact/1\x00%d" % subscriber, hashlib.sha256)[:16].hex()


def _told(note: OrderNote) -> dict[str, Any]:
    """What the holder's ledger keeps of an order: everything but tokens, which a note never holds.

    With it the purposes for which the sources were collected, beside the order's, and its basis (REQ-P-16).
    """
    collected = {one: checks.COLLECTED_FOR.get(one, "") for one in note.sources}
    return {**documents.payload(note), "original_purpose": collected, "new_purpose": note.purpose}
