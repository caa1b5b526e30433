"""Tokens that leave the vault: pseudonyms by purpose, match tokens by order, features for linkage."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, overload

from sqlalchemy import Connection

from lianfang.guard.vault import crypto, normal, sealing
from lianfang.guard.vault.inside import Inside
from lianfang.guard.vault.sealing import INDEXED

if TYPE_CHECKING:
    import polars as pl


class Tokens(Inside):
    """The vault's acts that give tokens."""

    def pseudonym(self, event_id: str, purpose: str, subject_id: str) -> str:
        """The subject's token for this purpose in this event: 32 hexadecimal digits.

        HMAC-SHA-256 under a key of the purpose and event, cut to 128 bits; two purposes or events cannot be
        joined.
        """
        key = self._pseudonym_key(event_id, purpose)
        return hmac.digest(key.encode(), subject_id.encode(), hashlib.sha256).hex()[:32]

    @overload
    def pseudonyms(self, event_id: str, purpose: str, subject_ids: pl.Series) -> pl.Series: ...
    @overload
    def pseudonyms(self, event_id: str, purpose: str, subject_ids: Sequence[str]) -> list[str]: ...
    def pseudonyms(
        self, event_id: str, purpose: str, subject_ids: pl.Series | Sequence[str]
    ) -> pl.Series | list[str]:
        """As :meth:`pseudonym` for many.

        A Polars Series gives a Series (null stays null), a list gives a list.
        """
        import polars as pl
        import polars_hash as plh

        column = (
            subject_ids if isinstance(subject_ids, pl.Series) else pl.Series("token", subject_ids, pl.String)
        )
        key = self._pseudonym_key(event_id, purpose)
        done: pl.Series = (
            column.to_frame("token")
            .select(plh.col("token").chash.hmac_sha256(key=key).str.head(32))
            .to_series()
        )
        return done.rename(column.name) if isinstance(subject_ids, pl.Series) else done.to_list()

    def match_key(self, event_id: str, order_id: str) -> str:
        """Key of one order, to travel sealed inside it; the holder feeds it to :func:`tokens`."""
        return self._event(event_id).derive("match", crypto.check_name("An order id", order_id)).hex()

    def match_tokens(
        self, event_id: str, order_id: str, kind: str, values: Sequence[str | None]
    ) -> list[str | None]:
        """Keyed tokens of normalised identifiers for matching with a holder under one order."""
        return normal.tokens(self.match_key(event_id, order_id), kind, values)

    def match_subjects(
        self, conn: Connection, event_id: str, order_id: str, kind: str, subject_ids: Iterable[str]
    ) -> dict[str, str]:
        """Match token -> subject id for these subjects: plaintext is read and forgotten in here."""
        event = self._event(event_id)
        key = self.match_key(event_id, order_id)
        held: dict[str, str] = {}
        for row in self._rows(conn, event_id, subject_ids):
            value = sealing.open_fields(sealing.data_key(event, row), row, frozenset([kind])).get(kind)
            token = normal.tokens(key, kind, [value])[0]
            if token is not None:
                held[token] = row["subject_id"]
        return held

    def linkage_features(self, conn: Connection, event_id: str, subject_ids: Iterable[str]) -> pl.DataFrame:
        """Equality features for record linkage: ``subject`` and a keyed digest of each of resident_id,
        phone, name.

        Equal digests mean equal normalised values; nothing else can be read from them. Null where not known.
        """
        import polars as pl

        keys = {kind: self._event(event_id).derive("linkage", kind) for kind in INDEXED}
        columns: dict[str, list[str | None]] = {"subject": [], **{kind: [] for kind in INDEXED}}
        for row in self._rows(conn, event_id, subject_ids):
            columns["subject"].append(row["subject_id"])
            for kind in INDEXED:
                blind = row[f"ix_{kind}"]
                columns[kind].append(
                    hmac.digest(keys[kind], blind, hashlib.sha256)[:16].hex() if blind is not None else None
                )
        return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))

    def _pseudonym_key(self, event_id: str, purpose: str) -> str:
        return self._event(event_id).derive("pseudonym", crypto.check_name("A purpose", purpose)).hex()
