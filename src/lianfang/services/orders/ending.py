"""The event has ended: each holder is told, deletes what it kept, and gives a signed receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import Conflict, Fault, LianfangError
from lianfang.services import events
from lianfang.services.gate import record, require, within
from lianfang.services.installation import Installation, Who
from lianfang.services.orders.holders import entry, keys_of
from lianfang.services.orders.wire import call

if TYPE_CHECKING:
    from lianfang.services.holder.documents import NoticeReceipt
    from lianfang.store import Row


def purge(inst: Installation, who: Who, event_id: str) -> dict[str, Any]:
    """Have every holder that got an order of the event delete it; holder -> its signed receipt.

    The end of the data is decided and asked for by whoever ends the event; this carries it out. Called again
    it gives the same receipts.

    Raises:
        Conflict: the event is open. Fault: a holder cannot be reached; the others have been told.
    """
    from lianfang.records import HolderOrder
    from lianfang.store import rows

    require(who, "data.expire")
    event = events.get(inst, event_id)
    within(who, str(event["adcode"]))
    if event["status"] == "open":
        raise Conflict("The event is open.", hint="Close it first.")
    with inst.store.read() as connection:
        sent = [row for row in rows(connection, HolderOrder, event_id=event_id) if row["status"] != "draft"]
    receipts: dict[str, Any] = {}
    failed: dict[str, LianfangError] = {}
    for holder in sorted({str(row["holder"]) for row in sent}):
        try:
            receipts[holder] = _tell(inst, who, event_id, holder)
        except LianfangError as error:
            failed[holder] = error
    if failed:
        first = next(iter(failed.values()))
        raise Fault(
            f"{len(failed)} of {len(failed) + len(receipts)} holders did not delete: {first.message}",
            hint="Run it again; those that did give the same receipt.",
            code="holder_purge",
        )
    return receipts


def notify(inst: Installation, who: Who, notice: Row, change: str, ground: str) -> NoticeReceipt:
    """Tell a holder that a person's data of one order were corrected or erased; its signed receipt.

    ``notice``: the row with ``notice_id``, ``ref`` (the order), ``recipient`` and ``places`` (tokens, index numbers).

    Raises:
        Refused, NotFound, Conflict: what the holder says. Fault: it cannot be reached, its receipt is wrong.
    """
    from lianfang.services.holder import documents

    require(who, "subject.notify")
    register = entry(inst, notice["recipient"])
    places = [str(one).partition(":") for one in notice["places"]]
    note = documents.NoticeNote.model_validate(
        {
            "notice_id": notice["notice_id"],
            "order_id": notice["ref"],
            "event_id": notice["event_id"],
            "centre": inst.signer.name,
            "holder": notice["recipient"],
            "change": change,
            "ground": ground,
            "tokens": [value for kind, _, value in places if kind == "token"],
            "index": [int(value) for kind, _, value in places if kind == "index"],
            "at": inst.now(),
        }
    )
    request = documents.SignedRequest(note=documents.signed(inst.signer, note))
    signed = call(register["url"], "/notice", documents.to_holder(keys_of(register), "notice", request))
    receipt = documents.opened(keys_of(register), signed, documents.NoticeReceipt, "receipt")
    said = (receipt.notice_id, receipt.order_id, receipt.holder, receipt.centre)
    if said != (note.notice_id, note.order_id, note.holder, note.centre):
        raise Fault("The holder's receipt is for something else.", code="holder_answer")
    return receipt


def _tell(inst: Installation, who: Who, event_id: str, holder: str) -> dict[str, Any]:
    from lianfang.services.holder import documents

    register = entry(inst, holder)
    note = documents.PurgeNote(
        event_id=event_id,
        centre=inst.signer.name,
        holder=holder,
        reason="the event has ended 事件已结束",
        at=inst.now(),
    )
    request = documents.SignedRequest(note=documents.signed(inst.signer, note))
    signed = call(
        register["url"], "/purge", documents.to_holder(keys_of(register), "purge", request), seconds=300
    )
    receipt = documents.opened(keys_of(register), signed, documents.ReceiptNote, "receipt")
    if (receipt.event_id, receipt.holder, receipt.centre) != (event_id, holder, inst.signer.name):
        raise Fault("The holder's receipt is for something else.", code="holder_answer")
    with inst.store.begin() as connection:
        record(
            inst,
            connection,
            "holder_purged",
            who=who,
            purpose="expiry",
            ref=event_id,
            payload=documents.payload(receipt),
        )
    return signed
