"""How one subject's row is made and opened: cleaning, identity, blind indexes, sealed fields."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lianfang.foundation.errors import BadInput, Fault
from lianfang.guard.vault import crypto, normal
from lianfang.guard.vault.entries import EventKeys

#: Identifiers that can be looked up by value. Low-entropy fields (sex, age band) must never be added.
INDEXED = ("resident_id", "phone", "name")
MAX_VALUE = 4_096
MAX_FIELDS = 32
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_SUBJECT = "vault_subject"


class ReadyKeys:
    """Keys derived from one event's entry in the keyring, ready for use."""

    def __init__(self, keys: EventKeys, suite: int, again: Callable[[], EventKeys] | None = None) -> None:
        self.source = keys
        self.active = keys.active
        self.suite = suite
        self._again = again
        self._wraps = self._versions(keys)
        self.identity = self.derive("identity")
        self.index = {kind: self.derive("index", kind) for kind in INDEXED}

    def __repr__(self) -> str:
        return f"<Keys of event {self.source.event_id}>"

    def derive(self, *names: str) -> bytes:
        """A key of this event for the use that ``names`` say; it does not change by rotation."""
        return crypto.derive(self.source.token, self.source.event_id, *names)

    def wrap(self, version: int) -> crypto.Cipher:
        """The cipher that wraps data keys, in this version."""
        cipher = self._wraps.get(version)
        if cipher is None and self._again is not None:
            # a rotation began after these keys were taken and before the row was read
            self._wraps = {**self._versions(self._again()), **self._wraps}
            cipher = self._wraps.get(version)
        if cipher is None:
            raise Fault(
                "A data key is wrapped under a version of the event's key that the keyring does not hold.",
                hint="The keyring is older or newer than the database; restore the pair.",
                code="keyring_mismatch",
            )
        return cipher

    def _versions(self, keys: EventKeys) -> dict[int, crypto.Cipher]:
        return {
            version: crypto.Cipher(crypto.derive(key, "wrap", keys.event_id), self.suite)
            for version, key in {**keys.past, **keys.wraps}.items()
        }

    def blind(self, kind: str, spelt: str) -> bytes:
        """Blind index of a normalised value."""
        return hmac.digest(self.index[kind], f"{normal.VERSION}\x1f{spelt}".encode(), hashlib.sha256)[:16]


class Clean:
    """One row's identifiers as given (``fields``) and in their one spelling (``spelt``)."""

    __slots__ = ("fields", "spelt")

    def __init__(self, row: Mapping[str, str | None], at: int) -> None:
        if len(row) > MAX_FIELDS:
            raise BadInput(f"Row {at}: more than {MAX_FIELDS} identifier fields.")
        self.fields: dict[str, str] = {}
        self.spelt: dict[str, str] = {}
        for name, value in row.items():
            if not isinstance(name, str) or not _FIELD.match(name):
                raise BadInput(
                    f"Row {at}: a field's name is not made of small letters, digits and underscores."
                )
            if value is None:
                continue
            if not isinstance(value, str) or len(value) > MAX_VALUE or not _storable(value):
                raise BadInput(f"Row {at}, field {name}: not a text of at most {MAX_VALUE} characters.")
            spelt = normal.normalise(name, value)
            if spelt:
                self.fields[name] = value
                self.spelt[name] = spelt

    def identity(self, keys: ReadyKeys) -> bytes:
        """Keyed digest of the whole set; random where there is nothing to tell the subject by."""
        if not self.spelt:
            return os.urandom(16)
        parts = [f"{name}\x1f{self.spelt[name]}" for name in sorted(self.spelt)]
        data = f"{normal.VERSION}\x1e" + "\x1e".join(parts)
        return hmac.digest(keys.identity, data.encode(), hashlib.sha256)[:16]


def _storable(value: str) -> bool:
    if value.isascii():
        return "\x00" not in value
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in value


def subject_ids(count: int) -> list[str]:
    """Random ids of 128 bits."""
    text = os.urandom(16 * count).hex()
    return [text[at : at + 32] for at in range(0, 32 * count, 32)]


def key_place(subject_id: str, version: int) -> bytes:
    """Where a wrapped data key belongs."""
    return crypto.place(_SUBJECT, f"wrapped_key/{version}", subject_id)


def data_key(keys: ReadyKeys, row: Mapping[Any, Any]) -> crypto.Cipher:
    """The subject's own cipher."""
    version = int(row["key_version"])
    secret = keys.wrap(version).unseal(row["wrapped_key"], key_place(row["subject_id"], version))
    return crypto.Cipher(secret, keys.suite)


def open_fields(
    cipher: crypto.Cipher, row: Mapping[Any, Any], wanted: frozenset[str] | None = None
) -> dict[str, str]:
    """The wanted fields (all when None); the others stay sealed."""
    subject_id = row["subject_id"]
    return {
        name: cipher.unseal(sealed, crypto.place(_SUBJECT, f"fields/{name}", subject_id)).decode()
        for name, sealed in crypto.unpack(row["fields"])
        if wanted is None or name in wanted
    }


def seal_fields(
    keys: ReadyKeys, cipher: crypto.Cipher, subject_id: str, clean: Clean, nonces: bytes
) -> dict[str, Any]:
    """Columns of one subject: sealed fields and blind indexes. ``nonces``: 12 random bytes for each field."""
    size = crypto.NONCE
    packed = crypto.pack(
        (
            name,
            cipher.seal(
                nonces[size * at : size * at + size],
                value.encode(),
                crypto.place(_SUBJECT, f"fields/{name}", subject_id),
            ),
        )
        for at, (name, value) in enumerate(clean.fields.items())
    )
    values: dict[str, Any] = {"fields": packed}
    for kind in INDEXED:
        values[f"ix_{kind}"] = keys.blind(kind, clean.spelt[kind]) if kind in clean.spelt else None
    return values


def seal_rows(
    keys: ReadyKeys, kind: str, now: str, ids: Sequence[str], fresh: Mapping[bytes, Clean]
) -> Iterator[dict[str, Any]]:
    """Rows of new subjects, each with a data key of its own."""
    wrap = keys.wrap(keys.active)
    for subject_id, (identity, clean) in zip(ids, fresh.items(), strict=True):
        noise = os.urandom(32 + crypto.NONCE * (len(clean.fields) + 1))
        raw, nonce, rest = noise[:32], noise[32:44], noise[44:]
        yield {
            "subject_id": subject_id,
            "event_id": keys.source.event_id,
            "kind": kind,
            "wrapped_key": wrap.seal(nonce, raw, key_place(subject_id, keys.active)),
            "key_version": keys.active,
            "identity": identity,
            "created_at": now,
            **seal_fields(keys, crypto.Cipher(raw, keys.suite), subject_id, clean, rest),
        }
