"""The node: takes signed orders, searches at home, answers tokens, reveals what was locked, forgets.

Every act is one transaction of the node's own database, with its ledger entry in it. A node that was killed
takes up its unfinished orders when it starts again; the order's id is the idempotency key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lianfang.foundation.canonical import digest, moment, plain
from lianfang.foundation.clock import Clock, SystemClock
from lianfang.foundation.errors import Conflict, Fault, LianfangError, NotFound, Refused
from lianfang.services.holder import checks, documents, folder, tables
from lianfang.services.holder.documents import (
    REVEALED,
    Answer,
    AnswerNote,
    Candidate,
    LockNote,
    OrderNote,
    OrderRequest,
    PurgeNote,
    SignedRequest,
)
from lianfang.services.holder.sealing import EventSealer

if TYPE_CHECKING:
    from lianfang.guard.signing import PublicKeys
    from lianfang.services.holder.search import Found

_BASIS = ("REQ-P-62",)
_ACTOR = "node"
UNREADABLE_AN_HOUR = 200


class _Stopped(Exception):
    """The node is being stopped in the middle of a search."""


class HolderNode:
    """A holder's node over its folder. One process at a time serves a folder."""

    def __init__(self, base: Path | str, *, clock: Clock | None = None) -> None:
        from lianfang.guard import ledger
        from lianfang.services.installation import offset
        from lianfang.store import Store, sqlite_url

        self.folder = Path(base)
        self.about = folder.read_about(self.folder)
        self.limits = folder.read_limits(self.folder)
        self.keys = folder.read_keys(self.folder)
        if self.keys.name != self.about.id:
            raise Fault("The node's keys are those of another holder.")
        self.clock = clock or SystemClock(offset(self.limits.clock))
        path = self.folder / folder.NODE / "node.db"
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self.store = Store(sqlite_url(path))
        for metadata in (tables.metadata, ledger.metadata):
            metadata.create_all(self.store.engine)
        self.log = ledger.Log(self.keys.name)
        self.sealer = EventSealer()
        with self.store.begin() as connection:
            if not connection.execute(sa.text("SELECT 1 FROM ledger_log")).first():
                ledger.Log.create(connection, self.keys.name, authority=self.about.id, now=self.now())
        self._pool: ThreadPoolExecutor | None = None
        self._running: set[str] = set()
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._told = 0.0
        self._unreadable: deque[float] = deque(maxlen=UNREADABLE_AN_HOUR)

    def __repr__(self) -> str:
        return f"<HolderNode {self.about.id}>"

    def now(self) -> datetime:
        """The present moment, UTC."""
        return self.clock.now()

    def close(self) -> None:
        """Stop searching and let go of the database; unfinished orders go on at the next start."""
        self._stopping.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self.store.close()

    def identity(self) -> dict[str, Any]:
        """What a centre needs to register this holder: public keys, kind, sources, limits."""
        about = self.about
        return {
            "format": "lianfang-holder/1",
            "keys": self.keys.public.to_json(),
            "fingerprint": folder.fingerprint(self.keys.public),
            "holder": about.id,
            "kind": about.kind,
            "name": {"zh": about.name_zh, "en": about.name_en},
            "sources": list(about.sources),
            "limits": {
                "row_cap": self.limits.row_cap,
                "period_days": self.limits.period_days,
                "index_cases": self.limits.index_cases,
            },
            "fictional": about.fictional,
        }

    # orders -----------------------------------------------------------------------------------------------

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
            raise _refused("The holder refuses the order: ", problems)
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
            raise _refused("The holder refuses the order: ", json.loads(known["reasons"] or "[]"))
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
        except _Stopped:
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

    # reveal and purge -------------------------------------------------------------------------------------

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
            return bytes(held["answer"])
        problems, subscribers = self._reveal_problems(lock, held is not None)
        if problems:
            self._refuse_reveal(lock, problems)
            raise _refused("The holder refuses to name: ", problems, basis=("REQ-P-64",))
        return self._name(lock, centre, mark, subscribers)

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
        if held.digest != _essence(lock):  # another list under the same lock came first
            raise _refused("The holder refuses to name: ", ["changed: another list was answered."])
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

    def _scrub(self) -> None:
        """Give the freed pages back, so that no deleted byte stays in the database's files."""
        self.store.vacuum()
        with self.store.begin() as connection:
            connection.execute(sa.update(tables.purge).values(scrubbed=1))

    # inside -----------------------------------------------------------------------------------------------

    def _signed(
        self, signed: Mapping[str, Any], model: type[documents.M], what: str
    ) -> tuple[documents.M, PublicKeys]:
        """The document in a note signed by a centre that this node answers, and that centre's keys."""
        signer = signed.get("signer")
        known = folder.centres(self.folder)
        if not isinstance(signer, str) or signer not in known:
            raise Refused(
                "The order is not of a centre that this holder answers.", basis=_BASIS, code="unknown_centre"
            )
        note = documents.opened(known[signer], signed, model, what)
        if getattr(note, "centre", signer) != signer:
            raise Refused("The order names another centre than its signer.", basis=_BASIS, code="bad_signer")
        return note, known[signer]

    def _order(self, order_id: str) -> dict[str, Any] | None:
        with self.store.read() as connection:
            row = (
                connection.execute(sa.select(tables.order).where(tables.order.c.order_id == order_id))
                .mappings()
                .first()
            )
        return dict(row) if row is not None else None

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

    def _purged(self, centre: str, event_id: str) -> str | None:
        table = tables.purge
        with self.store.read() as connection:
            found = connection.execute(
                sa.select(table.c.receipt).where(table.c.centre == centre, table.c.event_id == event_id)
            ).scalar()
        return str(found) if found is not None else None

    def _progress(self, order_id: str, stage: str, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise _Stopped
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

    def _record(
        self,
        connection: sa.Connection,
        what: str,
        purpose: str,
        ref: str,
        payload: Mapping[str, Any],
        *,
        event: str | None = None,
    ) -> int:
        from lianfang.guard import ledger

        return ledger.record(
            connection,
            type=what,
            time=self.now(),
            actor=_ACTOR,
            purpose=purpose,
            ref=ref,
            payload=plain(dict(payload)),
            event=event,
            sealer=self.sealer if event else None,
            log=self.log,
        )

    def _log_unreadable(self, what: str, raw: bytes, error: LianfangError) -> None:
        """A message that is no order of a known centre: its digest and the reason, never its content.

        Anyone can send such messages, so only so many an hour are logged: the ledger must not fill up.
        """
        at = time.monotonic()
        with self._guard:
            full = len(self._unreadable) == UNREADABLE_AN_HOUR
            if full and at - self._unreadable[0] < 3600:
                return
            self._unreadable.append(at)
        with self.store.begin() as connection:
            told = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw), "code": error.code}
            self._record(connection, what, "close_contact_tracing", "-", told)


def _token(secret: bytes, subscriber: int) -> str:
    """A candidate's token in one order; without the order's secret it says nothing and cannot be guessed."""
    return hmac.digest(secret, b"lianfang/contact/1\x00%d" % subscriber, hashlib.sha256)[:16].hex()


def _essence(lock: LockNote) -> str:
    """What makes two lock documents the same question; a retry may be signed again."""
    same = documents.payload(lock)
    same["tokens"] = sorted(same["tokens"])
    return digest(same)


def _told(note: OrderNote) -> dict[str, Any]:
    """What the holder's ledger keeps of an order: everything but tokens, which a note never holds."""
    return documents.payload(note)


def _refused(what: str, problems: list[str], *, basis: tuple[str, ...] = _BASIS) -> Refused:
    return Refused(what + " ".join(problems), reasons=tuple(problems), basis=basis, code="order_refused")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
