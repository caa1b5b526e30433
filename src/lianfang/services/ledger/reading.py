"""What everybody may read of the log: its signed head, tiles, entries, proofs (C2SP tlog-tiles).

Only what the newest signed head covers is shown, so that whatever is read can be proved. An entry is a commitment;
what it stands for is not here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import NotFound, Refused
from lianfang.services.installation import Installation

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.guard.ledger import Log


def checkpoint(inst: Installation) -> str:
    """The newest signed head, with what witnesses signed under it."""
    with _log(inst) as (connection, log):
        return log.latest(connection)


def tile(inst: Installation, level: int, path: str) -> bytes:
    """A tile of hashes at ``tile/<level>/<path>``: 32 bytes for each; NotFound when no signed head covers it."""
    from lianfang.guard.ledger import tiles

    index, width = tiles.parse_tile_path(path)
    with _log(inst) as (connection, log):
        if not tiles.in_tree(log.signed_size(connection), level, index, width):
            raise NotFound("The log has no such tile.")
        return log.tile(connection, level, index, width)


def bundle(inst: Installation, path: str) -> bytes:
    """An entry bundle at ``tile/entries/<path>``.

    Raises:
        NotFound: no signed head covers it. Refused: it holds entries of a version whose entries named objects.
    """
    from lianfang.guard.ledger import tiles

    index, width = tiles.parse_tile_path(path)
    with _log(inst) as (connection, log):
        if not tiles.in_tree(log.signed_size(connection), 0, index, width):
            raise NotFound("The log has no such entry bundle.")
        if index * tiles.WIDTH < log.open_from(connection):
            raise Refused(
                "These entries are older than the version in which entries are public.",
                hint="Their hashes are in the tiles; the entries are open to the auditor.",
                code="not_public",
            )
        return log.bundle(connection, index, width)


def inclusion(inst: Installation, index: int, size: int | None = None) -> dict[str, Any]:
    """That entry ``index`` is in the tree of ``size`` entries (by default the newest signed one)."""
    with _log(inst) as (connection, log):
        within = _covered(log.signed_size(connection), size)
        path = log.prove_inclusion(connection, index, within)
        return {
            "index": index,
            "size": within,
            "root": _b64(log.root(connection, within)),
            "path": _texts(path),
        }


def consistency(inst: Installation, first: int, second: int | None = None) -> dict[str, Any]:
    """That the tree of ``second`` entries (by default the newest signed one) only adds to that of ``first``."""
    with _log(inst) as (connection, log):
        later = _covered(log.signed_size(connection), second)
        path = log.prove_consistency(connection, first, later)
        return {"first": first, "second": later, "path": _texts(path)}


def proof(inst: Installation, index: int) -> str:
    """The ``.tlog-proof`` file of an entry; it carries the entry itself where entries are public."""
    with _log(inst) as (connection, log):
        shown = index >= log.open_from(connection)
        return log.proof(connection, index, with_entry=shown).text()


def key(inst: Installation) -> str:
    """The log's verifier key. Whoever verifies takes it from a source that he trusts, not from here."""
    from lianfang.guard.ledger import Verifier

    return str(Verifier.of(inst.signer.public))


@contextmanager
def _log(inst: Installation) -> Iterator[tuple[Connection, Log]]:
    from lianfang.guard.ledger import Log

    with inst.store.read() as connection:
        yield connection, Log(inst.signer.name)


def _covered(signed: int, asked: int | None) -> int:
    if asked is not None and asked > signed:
        raise NotFound(f"The newest signed head covers {signed} entries.")
    return signed if asked is None else asked


def _texts(path: list[bytes]) -> list[str]:
    return [_b64(one) for one in path]


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
