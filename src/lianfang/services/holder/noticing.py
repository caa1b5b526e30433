"""The node is told that a person's data were corrected or erased, forgets what an order left of him, and answers."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from lianfang.foundation.canonical import digest
from lianfang.foundation.errors import Conflict, LianfangError, NotFound, Refused
from lianfang.services.holder import documents, tables
from lianfang.services.holder.base import Base
from lianfang.services.holder.documents import NoticeNote, NoticeReceipt, SignedRequest


class Noticing(Base):
    """The node's door for notices of a correction or erasure (REQ-P-42)."""

    def notice(self, raw: bytes) -> dict[str, Any]:
        """Do a notice's part here; the signed receipt. The same notice again gives the same receipt.

        Of an erased person the tokens and the sealed names of the order go; its index list goes once it was
        answered. The holder's own customers' data are its own and stay; a correction is entered in the ledger.

        Raises:
            NotFound: the order is not here, or another centre's. Conflict: the id was used for another notice.
        """
        try:
            body = documents.from_centre(self.keys, "notice", raw)
            request = documents.parse(SignedRequest, documents.read_json(body, "notice"), "notice")
            note, _ = self._signed(request.note, NoticeNote, "notice")
        except LianfangError as error:
            self._log_unreadable("notice_unreadable", raw, error)
            raise
        if note.holder != self.about.id:
            raise Refused("The notice is for another holder.", code="wrong_recipient")
        held = self._receipt(note)
        if held is None:
            held = self._heed(note)
        if note.change == "erased":
            self._scrub()
        receipt: dict[str, Any] = json.loads(held)
        return receipt

    def _receipt(self, note: NoticeNote) -> str | None:
        table = tables.notice
        with self.store.read() as connection:
            row = connection.execute(
                sa.select(table.c.receipt, table.c.digest).where(
                    table.c.notice_id == note.notice_id, table.c.centre == note.centre
                )
            ).first()
        if row is not None and row.digest != _essence(note):
            raise Conflict("This notice's id was used for another notice.", code="notice_changed")
        return None if row is None else str(row.receipt)

    def _heed(self, note: NoticeNote) -> str:
        order = self._order(note.order_id)
        if order is None or (order["centre"], order["event_id"]) != (note.centre, note.event_id):
            raise NotFound("There is no such order here.")
        with self.store.begin() as connection:
            tokens, reveals = self._forget_person(connection, note) if note.change == "erased" else (0, 0)
            gone = order["state"] == "purged"
            outcome = "nothing_held" if gone else "erased" if note.change == "erased" else "noted"
            told = {"change": note.change, "ground": note.ground, "tokens": tokens, "reveals": reveals}
            purpose = "erasure" if note.change == "erased" else "rectification"
            index = self._record(
                connection, "person_" + note.change, purpose, note.order_id, {**told, "outcome": outcome}
            )
            receipt = NoticeReceipt(
                notice_id=note.notice_id,
                order_id=note.order_id,
                holder=self.about.id,
                centre=note.centre,
                outcome=outcome,
                at=self.now(),
                tokens=tokens,
                reveals=reveals,
                log_index=index,
            )
            text = json.dumps(documents.signed(self.keys, receipt), ensure_ascii=False)
            connection.execute(
                sa.dialects.sqlite.insert(tables.notice)
                .values(notice_id=note.notice_id, centre=note.centre, digest=_essence(note), receipt=text)
                .on_conflict_do_nothing()
            )
        return self._receipt(note) or text

    def _forget_person(self, connection: sa.Connection, note: NoticeNote) -> tuple[int, int]:
        """Tokens and sealed names go; a list that he stood on goes with them, others are asked for again."""
        mine = tables.contact.c.order_id == note.order_id
        tokens = connection.execute(
            sa.delete(tables.contact).where(mine, tables.contact.c.token.in_(note.tokens))
        ).rowcount
        reveals = 0
        if note.tokens:
            # the sealed answers list persons together and are the centre's to open, so each of the order goes
            reveals = connection.execute(
                sa.delete(tables.reveal).where(tables.reveal.c.order_id == note.order_id)
            ).rowcount
        values: dict[str, Any] = {"answer": None} if note.tokens else {}
        if note.index:
            values["message"] = None
        if values:
            answered = sa.and_(tables.order.c.order_id == note.order_id, tables.order.c.state == "answered")
            connection.execute(sa.update(tables.order).where(answered).values(**values))
        return tokens, reveals


def _essence(note: NoticeNote) -> str:
    """What makes two notices the same: a retry is signed anew, at another time."""
    return digest({**documents.payload(note), "at": ""})
