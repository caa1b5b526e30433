"""Bulletins: drawn from the event's figures, checked by the disclosure rules, signed, logged, verifiable offline.

The signed file carries the bulletin, the authority's signature, the log's proof and the opening of the log's
commitment; :func:`verify` needs nothing but that file and the authority's public key.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, LianfangError, Refused
from lianfang.services import cases, contacts, events
from lianfang.services.gate import ask, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.store import Row

FORMAT = "lianfang-bulletin-file/1"
MAX_FILE = 2 << 20
#: Parts of what is signed.
_BODY = ("authority", "event_id", "number", "published_at", "corrects", "content", "withheld")
#: Fields of a case that a bulletin counts or lists.
TOLD = ("adcode", "gender", "age", "date_confirmed", "date_death", "symptoms")


def _candidate(inst: Installation, who: Who, event: Row) -> dict[str, Any]:
    """What the centre would like to say: figures by district and class, and the confirmed cases one by one.

    The listing carries the ages that the centre knows, so that the rule, not this function, withholds them.
    """
    from lianfang.records import Bulletin, CaseReport, ObservationOrder
    from lianfang.store import rows, tally

    today = inst.today()
    event_id = event["event_id"]
    with inst.store.read() as connection:
        known = cases.persons(connection, today, event_id=event_id, columns=TOLD)
        statuses = contacts.by_status(connection, event_id)
        watched = tally(connection, ObservationOrder, event_id=event_id, status="active")
        earlier = [
            {**row["content"], "reasons": row["withheld"]}
            for row in rows(connection, Bulletin, event_id=event_id, order_by=["number"])
        ]
    granted = ask(
        inst,
        who,
        phase="use",
        purpose="epidemiological_investigation",
        data=["pseudonym", "region_index", "sex", "age", "confirm_date", "symptom", "diagnosis"],
        context={"deidentified": True},
        event=event,
        ref=event_id,
        rows=known.height,
    )
    known = granted.project(known, CaseReport, first_reported="diagnosis")
    confirmed = known.filter(known["classification"].str.starts_with("confirmed")).to_dicts()
    dead = known["date_death"].count()
    # a candidate is a token with evidence; a contact is one who was judged so, locked and named
    traced = sum(n for status, n in statuses.items() if status not in ("candidate", "locked", "dismissed"))
    figures = {
        "cases": known.height,
        "confirmed": len(confirmed),
        "deaths": dead,
        "contacts_identified": traced,
        "contacts_observed": watched,
        "contacts_released": statuses.get("released", 0),
    }
    districts = Counter((code[:6] or "unknown") for code in known["adcode"])
    return {
        "event": event["title"],
        "as_of": today,
        "audience": "public",
        "tables": {
            "figures": {
                "rows": [{"indicator": name, "count": count} for name, count in figures.items()],
                "cumulative": True,
            },
            "by_district": {
                "rows": [{"district": code, "count": count} for code, count in sorted(districts.items())],
                "cumulative": True,
            },
            "confirmed": {
                "rows": [
                    {
                        "sex": row["gender"],
                        "confirm_date": row["date_confirmed"] or row["first_reported"],
                        "symptom": "、".join(row["symptoms"]) or None,
                        "age": row["age"],
                    }
                    for row in confirmed
                ]
            },
        },
        "texts": {
            "zh": (
                f"截至{today.month}月{today.day}日，本事件累计报告病例{known.height}例，其中确诊{len(confirmed)}例，"
                f"死亡{dead}例；追踪到密切接触者{traced}人，正在接受医学观察{watched}人。"
                "出现发热、咳嗽、呼吸困难者请佩戴口罩前往发热门诊就诊。"
            ),
            "en": (
                f"By {today.isoformat()} the event counts {known.height} cases, {len(confirmed)} of them confirmed, "
                f"and {dead} deaths; {traced} close contacts were traced, {watched} are under observation. "
                "With fever, cough or shortness of breath, wear a mask and go to a fever clinic."
            ),
        },
        "earlier": earlier,
        "withhold": True,
        "pack": inst.settings.policy_pack,
    }


def draft(inst: Installation, who: Who, event_id: str) -> dict[str, Any]:
    """Today's bulletin as it would be released: ``event``, ``content``, ``withheld``, or ``refusal`` reasons."""
    require(who, "bulletin.publish")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if event["status"] != "open":
        raise Conflict("Bulletins are published while the event is open.")
    return prepared(inst, who, event)


def prepared(inst: Installation, who: Who, event: Row) -> dict[str, Any]:
    """What :func:`draft` gives, for a caller who has asked the gate for another act; its cases are asked for here."""
    from lianfang.guard import disclosure

    release = disclosure.bulletin(_candidate(inst, who, event))
    if isinstance(release, disclosure.Refusal):
        return {"event": event, "content": None, "withheld": [], "refusal": list(release.reasons)}
    withheld = [item.to_dict() for item in release.withheld]
    return {"event": event, "content": release.payload(), "withheld": withheld, "refusal": None}


def publish(inst: Installation, who: Who, event_id: str, *, corrects: int | None = None) -> Row:
    """Sign, log and publish today's bulletin; one a day, a correction is a new one that names the old.

    Raises:
        Refused: the disclosure rules find something that must not leave. Conflict: published already today.
    """
    from lianfang.foundation.canonical import digest, plain
    from lianfang.guard import ledger
    from lianfang.guard.signing import sign
    from lianfang.records import Bulletin
    from lianfang.store import insert_new, one, rows

    made = draft(inst, who, event_id)
    if made["refusal"]:
        raise Refused("The bulletin may not be published.", reasons=tuple(made["refusal"]), code="disclosure")
    ask(
        inst,
        who,
        phase="disclose",
        purpose="public_bulletin",
        data=["sex", "symptom", "confirm_date"],
        context={"audience": "public", "identified": False, "aggregated": True, "min_cell": 5},
        event=made["event"],
        ref=event_id,
        going=("disclosure_rules",),
    )
    now, today = inst.now(), inst.today()
    with inst.store.begin() as connection:
        before = rows(connection, Bulletin, event_id=event_id, order_by=["number"])
        if any(row["as_of"] == today for row in before) and corrects is None:
            raise Conflict(
                "Today's bulletin is published.", hint="A correction names the number it corrects."
            )
        if corrects is not None and corrects not in {row["number"] for row in before}:
            raise BadInput("There is no bulletin of the number to correct.")
        number = len(before) + 1
        body = plain(
            {
                "authority": inst.settings.authority_id,
                "event_id": event_id,
                "number": number,
                "published_at": now,
                "corrects": corrects or 0,
                "content": made["content"],
                "withheld": made["withheld"],
            }
        )
        signed = sign(inst.signer, body)
        index = ledger.record(
            connection,
            type="bulletin.published",
            time=now,
            actor=who.account,
            purpose="public_bulletin",
            ref=f"{event_id}/{number}",
            payload={"sha256": digest(body), "number": number, "event_id": event_id},
            public=True,
        )
        ledger.Log.only(connection).checkpoint(connection, ledger.Signer.of(inst.signer), now=now)
        insert_new(
            connection,
            Bulletin.model_validate(
                {
                    "event_id": event_id,
                    "number": number,
                    "as_of": today,
                    "audience": "public",
                    "content": made["content"],
                    "withheld": made["withheld"],
                    "signature": json.dumps(signed, ensure_ascii=False, sort_keys=True),
                    "log_index": index,
                    "corrects": corrects,
                    "published_at": now,
                    "published_by": who.account,
                }
            ),
        )
        return one(connection, Bulletin, event_id=event_id, number=number)


def published(inst: Installation) -> list[Row]:
    """Every bulletin, the newest first."""
    from lianfang.records import Bulletin
    from lianfang.store import rows

    with inst.store.read() as connection:
        found = rows(connection, Bulletin)
    return sorted(found, key=lambda row: row["published_at"], reverse=True)


def row_of(inst: Installation, event_id: str, number: int) -> Row:
    """A published bulletin; NotFound when there is none of this number."""
    from lianfang.records import Bulletin
    from lianfang.store import one

    with inst.store.read() as connection:
        return one(connection, Bulletin, event_id=event_id, number=number)


def document(inst: Installation, event_id: str, number: int) -> str:
    """The bulletin's signed file.

    Its head carries the log's signature alone, so that whoever has our key can check every byte of the file; what
    witnesses signed stands in the entry's ``.tlog-proof``.
    """
    from dataclasses import replace

    from lianfang.guard import ledger
    from lianfang.records import Bulletin
    from lianfang.store import one

    with inst.store.read() as connection:
        row = one(connection, Bulletin, event_id=event_id, number=number)
        log = ledger.Log.only(connection)
        cosigned = log.proof(connection, row["log_index"])
        size = ledger.Checkpoint.of(cosigned.checkpoint).size
        proof = replace(cosigned, checkpoint=log.signed(connection, size)).text()
        opened = ledger.opening(connection, row["log_index"])
    content = {
        "format": FORMAT,
        "signed": json.loads(row["signature"]),
        "opening": opened,
        "proof": proof,
        "key": str(ledger.Verifier.of(inst.signer.public)),
    }
    return _spelt(content)


def _spelt(content: Mapping[str, Any]) -> str:
    """The one text of a file: numbers and texts as RFC 8785 writes them, a line for each part, for the eye."""
    from lianfang.guard.signing import canonical

    whole = json.loads(canonical(content))
    return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def verify(file: str | bytes, *, key: str | None = None) -> dict[str, Any]:
    """Check a bulletin's file offline; returns what it says and by which key.

    ``key``: the authority's verifier key, from a source that is trusted (its page, its notice board). Without
    it the file's own key is used, and ``trusted`` is False. A file has one spelling (UTF-8 as :func:`document`
    wrote it): one byte more, less or another and it is refused, whether or not the byte means anything.

    Raises:
        BadInput: this is no such file. Refused: changed, of another key, not signed by it, or not in the log.
    """
    from lianfang.foundation.canonical import digest
    from lianfang.guard import ledger
    from lianfang.guard.signing import PublicKeys
    from lianfang.guard.signing import verify as verify_signature
    from lianfang.services.receipts.checking import paper_code

    if len(file) > MAX_FILE:
        raise BadInput("The file is too large for a bulletin.")
    try:
        text = file.decode() if isinstance(file, bytes) else file
        parts = json.loads(text)
        if parts["format"] != FORMAT or set(parts) != {"format", "key", "opening", "proof", "signed"}:
            raise KeyError
        signed, opened, proof, own = (parts[name] for name in ("signed", "opening", "proof", "key"))
        if set(opened) != {"payload", "salt"} or _spelt(parts) != text:
            raise KeyError
        if not isinstance(proof, str) or not isinstance(own, str):
            raise KeyError
        verifier = ledger.Verifier.parse(key or own)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput("This is no signed bulletin of Lianfang.") from error
    if own != str(verifier):
        raise Refused("The file is of another key.", code="other_key")
    body = verify_signature(PublicKeys(verifier.name, verifier.key, bytes(32)), signed)
    if not set(_BODY) <= set(body) or not all(isinstance(body[name], int) for name in ("number", "corrects")):
        raise BadInput("This is no signed bulletin of Lianfang.")
    proven = ledger.verify_proof(proof, [verifier])
    if proven.signatures != 1:
        raise Refused("The log's head carries signatures that nobody can check.", code="unknown_signer")
    logged = ledger.verify_opening(proven.entry, opened)
    if logged.get("sha256") != digest(body):
        raise Refused("The log's entry is about another bulletin.", code="other_entry")
    return {
        "valid": True,
        "trusted": key is not None,
        "key": str(verifier),
        "log_index": proven.index,
        "log_size": proven.checkpoint.size,
        "log_code": paper_code(proven.index, ledger.leaf_hash(proven.entry)),
        "log_root": base64.b64encode(proven.checkpoint.root).decode(),
        **{name: body[name] for name in _BODY},
    }


def show(inst: Installation, event_id: str, number: int, lang: str) -> dict[str, Any]:
    """A published bulletin for its page, verified on the way out, with its ``receipt`` (None when none can be made)."""
    from lianfang.records import Bulletin
    from lianfang.services import receipts
    from lianfang.store import one, rows

    with inst.store.read() as connection:
        row = one(connection, Bulletin, event_id=event_id, number=number)
        later = [other["number"] for other in rows(connection, Bulletin, event_id=event_id, corrects=number)]
    try:
        verify(document(inst, event_id, number), key=verifier_key(inst))
        valid = True
    except (Refused, BadInput):
        valid = False
    try:
        receipt = receipts.receipt_of(inst, row["log_index"])
    except (
        LianfangError
    ):  # a log that was tampered with, an address too long for paper: the bulletin is still shown
        receipt = None
    return {
        "event_id": event_id,
        "number": number,
        "as_of": row["as_of"],
        "content": row["content"],
        "withheld": row["withheld"],
        "corrects": row["corrects"],
        "corrected_by": max(later, default=None),
        "log_index": row["log_index"],
        "valid": valid,
        "receipt": receipt,
    }


def verifier_key(inst: Installation) -> str:
    """The authority's verifier key, as a citizen copies it from the notice board."""
    from lianfang.guard import ledger

    return str(ledger.Verifier.of(inst.signer.public))


def summary(withheld: list[Mapping[str, Any]], lang: str) -> str:
    """``3 ages, 2 small cells``: what was withheld, in one line."""
    from lianfang.guard.disclosure import Withheld
    from lianfang.guard.disclosure import summary as line

    return line(tuple(Withheld(**item) for item in withheld), lang)
