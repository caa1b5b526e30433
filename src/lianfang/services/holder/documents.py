"""What centre and holder send each other: signed notes, sealed to the one who may read them.

A message is ``{"to": holder, "sealed": base64}``: HPKE to the holder, inside it a signed note and what the
note commits to. The note of an order holds no token; it names the SHA-256 of the index list and the match
key, so that it may be shown and kept while the list stays sealed. Unknown fields are refused everywhere.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from lianfang.foundation.canonical import canonical, digest
from lianfang.foundation.errors import BadInput
from lianfang.guard.signing import PublicKeys, SecretKeys, seal, sign, unseal, verify

#: What a node reads in one request, and the most a centre reads of one answer.
MAX_MESSAGE = 2 << 20
MAX_ANSWER = 32 << 20
SOURCES = ("pings", "lodging", "trips", "visits")
#: What a holder may be asked to reveal of a locked person (the policy permits no ID number here).
REVEALED = ("name", "phone")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Account = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
Role = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Line = Annotated[str, Field(min_length=1, max_length=500)]

M = TypeVar("M", bound="Document")


class Document(BaseModel):
    """Strict: what is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(Document):
    """Half-open span of time, UTC."""

    start: AwareDatetime
    end: AwareDatetime


class Rule(Document):
    """When two people count as contacts; the bounds are the protocol's, a node's own may be narrower."""

    radius_m: float = Field(50.0, ge=1, le=500)
    slot_seconds: int = Field(600, ge=60, le=3600)
    minutes: float = Field(20, ge=1, le=1440)
    order: Literal[1, 2] = 1
    seat_rows: int = Field(2, ge=0, le=10)


class IndexCase(Document):
    """One index case: a number within the order, its tokens, and its infectious time. No name."""

    number: int = Field(ge=0, le=100_000)
    resident_id: Hex32 | None = None
    phone: Hex32 | None = None
    start: AwareDatetime
    end: AwareDatetime


class OrderNote(Document):
    """An order to a holder as signed (调取令)."""

    format: Literal["lianfang-order/1"] = "lianfang-order/1"
    order_id: Id
    event_id: Id
    centre: Name
    holder: Name
    issued_at: AwareDatetime
    issued_by: Account
    responsible: str = Field(max_length=64)
    expires_at: AwareDatetime
    purpose: Literal["close_contact_tracing", "epidemiological_investigation"] = "close_contact_tracing"
    basis: list[Line] = Field(max_length=20)
    scope: Literal["contacts_of_index_cases"] = "contacts_of_index_cases"
    sources: list[str] = Field(max_length=20)
    period: Period
    rule: Rule
    row_cap: int = Field(ge=0, le=10_000_000)
    index_count: int = Field(ge=0, le=100_000)
    index_sha256: Hex64


class OrderRequest(Document):
    """What is sealed to the holder: the signed note, the order's match key, the index cases."""

    note: dict[str, Any]
    match_key: Hex64
    index: list[IndexCase] = Field(max_length=10_000)


class Approved(Document):
    """One person's approval of a lock."""

    account: Account
    role: Role
    at: AwareDatetime


class LockNote(Document):
    """Exactly these tokens are to be named, for this reason, approved by two."""

    format: Literal["lianfang-lock/1"] = "lianfang-lock/1"
    lock_id: Id
    event_id: Id
    order_id: Id
    centre: Name
    holder: Name
    tokens: list[Hex32] = Field(min_length=1, max_length=1000)
    reason: Line
    approvals: list[Approved] = Field(max_length=10)
    worker: Account
    not_after: AwareDatetime


class PurgeNote(Document):
    """The event has ended: what was kept for it goes."""

    format: Literal["lianfang-purge/1"] = "lianfang-purge/1"
    event_id: Id
    centre: Name
    holder: Name
    reason: Line
    at: AwareDatetime


class NoticeNote(Document):
    """A person's data of one order were corrected or erased at the centre: the node does its part."""

    format: Literal["lianfang-notice/1"] = "lianfang-notice/1"
    notice_id: Id
    order_id: Id
    event_id: Id
    centre: Name
    holder: Name
    change: Literal["corrected", "erased"]
    ground: Literal["inaccurate", "outdated", "unnecessary", "unlawful"]
    tokens: list[Hex32] = Field(max_length=1000)
    index: list[Annotated[int, Field(ge=0)]] = Field(max_length=10_000)
    at: AwareDatetime


class SignedRequest(Document):
    """A sealed request that is nothing but a signed note."""

    note: dict[str, Any]


class Envelope(Document):
    """The outside of every message to a node."""

    to: Name
    sealed: str = Field(min_length=1, max_length=2 * MAX_MESSAGE)


class Evidence(Document):
    """One meeting of a candidate with an index case; no coordinates, no place finer than its kind."""

    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
    index: int
    order: int
    minutes: float
    slots: int | None = None
    min_distance_m: float | None = None
    first: AwareDatetime
    last: AwareDatetime
    venue: str | None = Field(None, max_length=120)


class Candidate(Document):
    """A person whom the rule found, as a token that only the holder can turn into a name."""

    token: Hex32
    rank: int = Field(ge=1)
    score: float = Field(ge=0, le=1)
    level: Literal["high", "medium", "low"]
    index: list[int] = Field(max_length=10_000)
    first: AwareDatetime | None
    last: AwareDatetime | None
    reasons: list[Annotated[str, Field(max_length=200)]] = Field(max_length=20)
    evidence: list[Evidence] = Field(max_length=50)


class AnswerNote(Document):
    """The signed account of an answer: what was searched, matched, returned and withheld."""

    format: Literal["lianfang-answer/1"] = "lianfang-answer/1"
    order_id: Id
    event_id: Id
    holder: Name
    centre: Name
    received_at: AwareDatetime
    answered_at: AwareDatetime
    rows_searched: int = Field(ge=0)
    rows_by_source: dict[str, int]
    index_given: int = Field(ge=0)
    index_matched: int = Field(ge=0)
    candidates: int = Field(ge=0)
    returned: int = Field(ge=0)
    withheld: dict[str, int]
    policy: str
    contacts_sha256: Hex64


class Answer(Document):
    """What is sealed to the centre: the signed account and the candidates."""

    note: dict[str, Any]
    contacts: list[Candidate] = Field(max_length=100_000)


class Person(Document):
    """One revealed person."""

    token: Hex32
    name: str | None = Field(None, max_length=200)
    phone: str | None = Field(None, max_length=60)


class RevealNote(Document):
    """The signed answer to a lock."""

    format: Literal["lianfang-reveal/1"] = "lianfang-reveal/1"
    lock_id: Id
    order_id: Id
    event_id: Id
    holder: Name
    at: AwareDatetime
    persons: list[Person] = Field(max_length=1000)


class ReceiptNote(Document):
    """The signed receipt of a purge; it outlives what it speaks of."""

    format: Literal["lianfang-purge-receipt/1"] = "lianfang-purge-receipt/1"
    event_id: Id
    holder: Name
    centre: Name
    at: AwareDatetime
    orders: list[Id]
    contacts: int
    reveals: int
    log_index: int


class NoticeReceipt(Document):
    """What the node did upon a notice: forgot what it held of the person, took note, or held nothing."""

    format: Literal["lianfang-notice-receipt/1"] = "lianfang-notice-receipt/1"
    notice_id: Id
    order_id: Id
    holder: Name
    centre: Name
    outcome: Literal["erased", "noted", "nothing_held"]
    at: AwareDatetime
    tokens: int = Field(ge=0)
    reveals: int = Field(ge=0)
    log_index: int = Field(ge=0)


def parse(model: type[M], value: Any, what: str) -> M:
    """``value`` as ``model``; BadInput names the field and the fault, never the value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise BadInput(f"The {what}, field {place}: {first['msg']}.", code="bad_document") from None


def read_json(raw: bytes, what: str) -> Any:
    """Strict JSON: UTF-8, no NaN, no doubled names, not too deep."""
    if raw.count(b"[") + raw.count(b"{") > 200_000:
        raise BadInput(f"The {what} is too large.", code="bad_document")
    try:
        return json.loads(raw, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadInput(f"The {what} is not valid JSON.", code="bad_document") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def payload(document: Document) -> dict[str, Any]:
    """A document in JSON's types, as it is signed."""
    out: dict[str, Any] = json.loads(canonical(document.model_dump()))
    return out


def signed(keys: SecretKeys, document: Document) -> dict[str, Any]:
    """The document with its signature."""
    return sign(keys, payload(document))


def opened(keys: PublicKeys, note: Mapping[str, Any], model: type[M], what: str) -> M:
    """The document in a signed note, if ``keys`` signed it."""
    return parse(model, verify(keys, note), what)


def commitment(match_key: str, index: list[IndexCase]) -> str:
    """What an order's note says of the list that it does not show; the random key hides the list."""
    return digest({"match_key": match_key, "index": [payload(case) for case in index]})


def contacts_digest(contacts: list[Candidate]) -> str:
    """What an answer's account says of the candidates beside it."""
    return digest([payload(one) for one in contacts])


def to_holder(holder: PublicKeys, use: str, request: Document) -> bytes:
    """The bytes of a message to a node. ``use``: order, reveal, notice, purge."""
    body = json.dumps(payload(request), ensure_ascii=False).encode()
    sealed = seal(holder, body, info=f"holder/{use}", aad=holder.name.encode())
    return json.dumps({"to": holder.name, "sealed": base64.b64encode(sealed).decode()}).encode()


def from_centre(keys: SecretKeys, use: str, raw: bytes) -> bytes:
    """What a message to us holds; BadInput or Refused when it is not for us, not whole, not for this use."""
    envelope = parse(Envelope, read_json(raw, "message"), "message")
    if envelope.to != keys.name:
        raise BadInput("The message is addressed to another holder.", code="wrong_recipient")
    try:
        sealed = base64.b64decode(envelope.sealed, validate=True)
    except binascii.Error:
        raise BadInput("The message is not base64.", code="bad_document") from None
    return unseal(keys, sealed, info=f"holder/{use}", aad=keys.name.encode())


def to_centre(centre: PublicKeys, use: str, ref: str, body: Document | Mapping[str, Any]) -> bytes:
    """An answer sealed to the centre for one order or lock."""
    plain = payload(body) if isinstance(body, Document) else dict(body)
    return seal(centre, canonical(plain), info=f"centre/{use}", aad=ref.encode())


def at_centre(keys: SecretKeys, use: str, ref: str, sealed: bytes) -> Any:
    """Open an answer sealed to us."""
    return read_json(unseal(keys, sealed, info=f"centre/{use}", aad=ref.encode()), "answer")
