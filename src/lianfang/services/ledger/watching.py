"""A watcher's folder: its own key, the logs it watches, its peers, and what it found. Needs no installation.

``key.json`` (0600); ``watch.db``: logs, peers, and the last head that was cosigned of each; ``mirror.db``: every hash
that the monitor read; ``evidence/``: one file for each thing a log was caught at. The two databases are apart so that a
monitor that reads a slow log never keeps a log waiting for its cosignature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput, Fault, LianfangError, NotFound, Refused
from lianfang.services.ledger.outside import Outside, address

if TYPE_CHECKING:
    from lianfang.guard.ledger.evidence import Evidence
    from lianfang.guard.ledger.note import Signer
    from lianfang.guard.ledger.witness import Answer
    from lianfang.store import Store

KEY_FILE = "key.json"
_MOST_HEAD = 65_536

Reach = Callable[[str], Outside]


class LogOutside:
    """A log read over HTTP (C2SP tlog-tiles)."""

    def __init__(self, to: Outside) -> None:
        self._to = to

    def checkpoint(self) -> str:
        """Its newest signed head."""
        return _text(self._get("checkpoint", _MOST_HEAD))

    def hashes(self, index: int, width: int, /) -> bytes:
        """The tile of level 0."""
        return self._tile("0", index, width, 256 * 32)[: width * 32]

    def entries(self, index: int, width: int, /) -> list[bytes] | None:
        """The entry bundle; None when the log does not show these entries."""
        from lianfang.guard.ledger import tiles

        try:
            raw = self._tile("entries", index, width, 256 * (tiles.MAX_ENTRY + 2))
        except Refused:
            return None
        return tiles.split_bundle(raw, width, or_more=True)

    def _tile(self, level: str, index: int, width: int, most: int) -> bytes:
        """The tile, or the full one when the log grew meanwhile and has done away with the narrower."""
        from lianfang.guard.ledger import tiles

        try:
            return self._get(f"tile/{level}/{tiles.tile_path(index, width)}", most)
        except NotFound:
            if width == tiles.WIDTH:
                raise
            return self._get(f"tile/{level}/{tiles.tile_path(index)}", most)

    def _get(self, path: str, most: int) -> bytes:
        got = self._to.get(path, most=most)
        if got.status == 403:
            raise Refused("The log does not show this to everybody.", code="not_public")
        if got.status == 404:
            raise NotFound("The log has no such tile.")
        if got.status != 200:
            raise Fault(f"The log answered {got.status}.", code="unreachable")
        return got.body


class Watch:
    """An open folder. ``signer``: the watcher's key, by which it cosigns."""

    def __init__(self, folder: Path, signer: Signer) -> None:
        from lianfang.guard.ledger import metadata as log_tables
        from lianfang.guard.ledger import monitor, witness
        from lianfang.store import Store, sqlite_url

        self.folder, self.signer = folder, signer
        self.store: Store = Store(sqlite_url(folder / "watch.db"))
        self.mirror: Store = Store(sqlite_url(folder / "mirror.db"))
        witness.metadata.create_all(self.store.engine)
        log_tables.create_all(self.mirror.engine)
        monitor.metadata.create_all(self.mirror.engine)

    def close(self) -> None:
        """Let go of the databases."""
        self.store.close()
        self.mirror.close()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *more: object) -> None:
        self.close()

    def watch(self, vkey: str, url: str, *, now: datetime) -> str:
        """Watch a log, or one more key of it; gives its origin."""
        from lianfang.guard.ledger import Verifier, witness

        verifier = Verifier.parse(vkey)
        if verifier.key == self.signer.verifier.key:
            raise BadInput("That is the watcher's own key.")
        with self.store.begin() as connection:
            witness.watch(connection, verifier, url=address(url) if url else "", now=now)
        return verifier.name

    def logs(self) -> list[tuple[str, str]]:
        """Origin and address of each log that is watched."""
        from lianfang.guard.ledger import witness

        with self.store.read() as connection:
            return witness.logs(connection)

    def add_checkpoint(self, body: bytes, *, now: datetime) -> Answer:
        """Answer a log that asks for a cosignature; a contradiction it signed goes into ``evidence/``."""
        from lianfang.guard.ledger.witness import Witness

        with self.store.begin() as connection:
            answer = Witness(self.signer).add_checkpoint(connection, body, now=now)
        if answer.found is not None:
            self.keep(answer.found)
        return answer

    def head(self, hashed: str) -> str:
        """The last head that we cosigned of the log with this origin hash, else the last that we recomputed."""
        from lianfang.guard.ledger import Log, witness

        with self.store.read() as connection:
            try:
                return witness.latest(connection, hashed)
            except NotFound:
                origins = [origin for origin, _ in witness.logs(connection)]
        for origin in origins:
            if witness.origin_hash(origin) == hashed:
                with self.mirror.read() as connection:
                    return Log(origin).latest(connection)
        raise NotFound("This log is not watched here.")

    def round(
        self, *, now: datetime, peers: list[str], full: bool = True, reach: Reach | None = None
    ) -> list[tuple[Path, Evidence]]:
        """Read every log that has an address, and ask every peer what it was shown. Gives what is newly found.

        A peer that does not answer is passed over: it can keep silent, but it cannot accuse.
        """
        to = reach or Outside
        found: list[tuple[Path, Evidence]] = []
        for origin, url in self.logs():
            for one in self._look(origin, url, now, peers, full, to):
                path, fresh = self.keep(one)
                if fresh:
                    found.append((path, one))
        return found

    def _look(
        self, origin: str, url: str, now: datetime, peers: list[str], full: bool, to: Reach
    ) -> list[Evidence]:
        from lianfang.guard.ledger import witness
        from lianfang.guard.ledger.monitor import Monitor

        with self.store.read() as connection:
            monitor = Monitor(origin, witness.keys_of(connection, origin))
        found: list[Evidence] = []
        if url:
            outside = to(url)
            try:
                with self.mirror.begin() as connection:
                    found += monitor.look(connection, LogOutside(outside), now=now, full=full)
            finally:
                outside.close()
        notes = [note for peer in peers if (note := _shown(to, peer, witness.origin_hash(origin)))]
        with self.store.read() as connection, suppress(NotFound):
            notes.append(
                witness.latest(connection, witness.origin_hash(origin))
            )  # what we ourselves cosigned
        if url:
            with self.mirror.begin() as connection:
                for note in notes:
                    found += monitor.compare(connection, note, now=now)
        return found

    def keep(self, one: Evidence) -> tuple[Path, bool]:
        """Write the evidence file; whether it is new: a proof is written once, what was only seen once a day."""
        folder = self.folder / "evidence"
        folder.mkdir(mode=0o700, exist_ok=True)
        when = "" if one.proves else one.found_at[:10]
        same = "\0".join([one.kind, one.origin, when, *one.notes, str(one.seen.get("index", ""))])
        path = folder / f"{one.kind}-{hashlib.sha256(same.encode()).hexdigest()[:16]}.json"
        if path.exists():
            return path, False
        fresh = path.with_suffix(".new")
        fresh.write_text(one.text(), encoding="utf-8")
        fresh.replace(path)
        return path, True


def create(folder: Path, name: str) -> Watch:
    """Make a watcher's folder and its key. Conflict when there is one."""
    from lianfang.guard.files import make_folder
    from lianfang.guard.ledger.note import Signer
    from lianfang.guard.signing import create_keys

    make_folder(folder)
    return Watch(folder, Signer.of(create_keys(folder / KEY_FILE, name)))


def open_watch(folder: Path) -> Watch:
    """Open a watcher's folder; refused when its key is open to others."""
    from lianfang.guard.ledger.note import Signer
    from lianfang.guard.signing import load_keys

    if not (folder / KEY_FILE).is_file():
        raise NotFound(
            f"There is no watcher in {folder}.", hint="Make one: lianfang ledger witness init FOLDER"
        )
    return Watch(folder, Signer.of(load_keys(folder / KEY_FILE)))


def _shown(to: Reach, peer: str, hashed: str) -> str:
    """The head that a peer shows for a log; empty when it shows none."""
    try:
        outside = to(peer)
        try:
            got = outside.get(f"{hashed}/checkpoint", most=_MOST_HEAD)
        finally:
            outside.close()
        return _text(got.body) if got.status == 200 else ""
    except LianfangError:
        return ""


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadInput("The answer is no text.", code="unreachable") from None
