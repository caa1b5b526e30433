"""An installation: one folder with settings, databases, keys and lake, opened once and handed to services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lianfang.foundation.clock import Clock, SystemClock, local_day
from lianfang.foundation.errors import BadInput, Conflict, UsageError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.foundation.progress import Progress
    from lianfang.foundation.settings import Settings
    from lianfang.guard.signing import SecretKeys
    from lianfang.guard.vault import Access, Keyring, Vault
    from lianfang.lake import Engine, Lake
    from lianfang.store import Store

#: Surveillance data that no event has claimed yet stand under the keys of this standing event (日常监测).
ROUTINE = "routine"


@dataclass(frozen=True)
class Signed:
    """How surely the one who acts is known: factors shown (0 to 2), one of them just now, on which terminal.

    ``lacks_key``: the role needs a passkey, and none was shown.
    """

    factors: int
    fresh: bool
    terminal: bool
    lacks_key: bool = False


@dataclass(frozen=True)
class Who:
    """The one who acts: a named account, its role, and the policy's word for the body it belongs to.

    ``signed`` is None for the house's own machinery, which acts with the installation's keys; a door (page,
    JSON, command line) always states it. ``roles`` are all that the account could act in. ``os_account``: the
    operating system's account of an act on the command line; "" for all others.
    """

    account: str
    role: str
    actor: str
    name: str = ""
    areas: tuple[str, ...] = ()
    signed: Signed | None = None
    roles: tuple[str, ...] = ()
    os_account: str = ""


#: The daily machinery, which acts for the centre and never reads an identity.
SYSTEM = Who("system", "system", "cdc", "system")


class Installation:
    """An open installation. Parts are made when first used, so that a command pays for what it needs only."""

    def __init__(self, home: Path, settings: Settings, clock: Clock) -> None:
        self.home = home
        self.settings = settings
        self.clock = clock

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return self.clock.now()

    def today(self) -> date:
        """The present day in the installation's time zone."""
        return local_day(self.now(), self.settings.zone)

    @cached_property
    def store(self) -> Store:
        """The operational database, with accounts and ledger."""
        from lianfang.store import Store, sqlite_url

        return Store(self.settings.database_url or sqlite_url(self.home / "lianfang.db"))

    @cached_property
    def vault_store(self) -> Store:
        """The vault's own database."""
        from lianfang.store import Store, sqlite_url

        return Store(self.settings.vault_url or sqlite_url(self.home / "vault" / "vault.db"))

    @property
    def keys_folder(self) -> Path:
        """Folder of the keyring."""
        return self.home / "vault" / "keys"

    @property
    def root_access(self) -> Access:
        """The root key that the settings name, and the way to it."""
        return _root_access(self.home, self.settings)

    @cached_property
    def keyring(self) -> Keyring:
        """The keyring; refused when it is readable by others, or when its root cannot be had."""
        return self.open_keyring()

    def open_keyring(self) -> Keyring:
        """The keyring, looked at anew."""
        from lianfang.guard.vault import SUITES, Keyring

        suite = SUITES[self.settings.cipher_suite]
        return Keyring.open(self.keys_folder, self.root_access, suite=suite)

    @cached_property
    def vault(self) -> Vault:
        """The vault with its keyring."""
        from lianfang.guard.vault import SUITES, Vault

        return Vault(self.keyring, self.clock, suite=SUITES[self.settings.cipher_suite])

    @cached_property
    def signer(self) -> SecretKeys:
        """The authority's signing and sealing keys."""
        from lianfang.guard.signing import load_keys

        return load_keys(self.home / "keys" / "authority.json")

    @cached_property
    def lake(self) -> Lake:
        """Observations at rest."""
        from lianfang.lake import Lake

        return Lake(self.home / "lake")

    @cached_property
    def _own_divisions(self) -> dict[str, tuple[str, str]]:
        from lianfang.records import Division
        from lianfang.store import rows

        with self.store.read() as connection:
            return {row["adcode"]: (row["name_zh"], row["name_en"]) for row in rows(connection, Division)}

    def place(self, adcode: str, lang: str) -> str:
        """A division's name; the code itself when nobody knows it."""
        from lianfang.foundation import places

        if adcode in self._own_divisions:
            return self._own_divisions[adcode][0 if lang == "zh" else 1]
        try:
            found = places.division(adcode)
        except BadInput:
            return adcode
        return found.name_zh if lang == "zh" else found.name_en

    @property
    def inbox(self) -> Path:
        """Folder of delivered files, one folder a day."""
        return self.home / self.settings.inbox

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The lake's engine that the settings name."""
        from lianfang.lake import DuckEngine, SparkEngine

        scratch = self.home / "scratch"
        scratch.mkdir(exist_ok=True)
        memory = self.settings.memory_mb
        opened: Engine = (
            SparkEngine(memory_mb=memory)
            if self.settings.engine == "spark"
            else DuckEngine(memory_mb=memory, scratch=scratch, folders=[self.lake.root])
        )
        try:
            yield opened
        finally:
            opened.close()

    def close(self) -> None:
        """Let go of the databases."""
        for name in ("store", "vault_store"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *more: object) -> None:
        self.close()


def metadata_of(line: Literal["operational", "vault"]) -> sa.MetaData:
    """Every table of a database, STRICT on SQLite: those of the record types and those of the guard."""
    import sqlalchemy as sa

    from lianfang.guard import accounts, ledger, vault
    from lianfang.store import metadata

    parts = [vault.metadata] if line == "vault" else [metadata, accounts.metadata, ledger.metadata]
    joined = sa.MetaData(naming_convention=metadata.naming_convention)
    for part in parts:
        for source in part.tables.values():
            source.to_metadata(joined).dialect_options["sqlite"]["strict"] = True
    return joined


def create(
    home: Path | str,
    *,
    settings: dict[str, Any] | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Installation:
    """Make an installation in an empty or absent folder: settings, keys, databases, the standing event.

    Raises:
        Conflict: there is an installation already. BadInput: a setting is wrong, the folder is not empty.
    """
    from lianfang.foundation.progress import silent
    from lianfang.foundation.settings import FILE_NAME, Settings, home_folder, write_settings
    from lianfang.guard.files import make_folder
    from lianfang.guard.ledger import Log
    from lianfang.guard.signing import create_keys
    from lianfang.guard.vault import SUITES, Keyring

    report = progress or silent
    folder = home_folder(home)
    if (folder / FILE_NAME).exists():
        raise Conflict(f"There is an installation in {folder} already.")
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty.", hint="Choose a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    values = dict(settings or {})
    authority = str(values.get("authority_id", "centre"))
    report("installation", 0, 4)
    make_folder(folder / "vault")
    make_folder(folder / "keys")
    chosen = Settings.model_validate(values)
    Keyring.create(
        folder / "vault" / "keys",
        authority,
        _root_access(folder, chosen),
        suite=SUITES[chosen.cipher_suite],
    )
    create_keys(folder / "keys" / "authority.json", authority)
    report("installation", 1, 4)
    for name in ("lake", "inbox", "rejects"):
        make_folder(folder / name)
    write_settings(folder, values)  # last: a folder without it is no installation
    report("installation", 2, 4)
    made = open_installation(folder, clock=clock)
    report("installation", 3, 4)
    with made.vault_store.begin() as connection:
        made.vault.open_event(connection, ROUTINE)
    with made.store.begin() as connection:
        # the log's origin is the name of the key that signs it
        Log.create(connection, made.signer.name, authority=authority, now=made.now())
    report("installation", 4, 4)
    return made


def _root_access(home: Path, settings: Settings) -> Access:
    from lianfang.guard.vault import Access

    return Access(
        kind=settings.root_key,
        label=settings.root_label,
        secret_file=home / settings.root_secret_file if settings.root_secret_file else None,
        library=settings.root_library,
        token=settings.root_token,
        url=settings.root_url,
        mount=settings.root_mount,
        ca_file=settings.root_ca_file,
    )


def open_installation(home: Path | str | None = None, *, clock: Clock | None = None) -> Installation:
    """Open the installation in ``home`` and bring its databases to this program's version.

    Raises:
        Refused: a key or its folder could be read by anybody but the owner.
    """
    from lianfang.foundation.settings import home_folder, read_settings
    from lianfang.guard import files
    from lianfang.store.migrate import upgrade

    folder = home_folder(home)
    settings = read_settings(folder)
    files.check_folder(folder / "vault")
    for keys in (folder / "keys", folder / "vault" / "keys"):
        files.check_tree(keys)
    made = Installation(folder, settings, clock or SystemClock(offset(settings.clock)))
    upgrade(made.store, "operational")
    upgrade(made.vault_store, "vault")
    return made


def offset(text: str) -> timedelta:
    """A clock's offset: ``+1y``, ``-3d``, ``+14d6h`` (y = 365 days, d, h, m); empty is none."""
    import re

    if not text:
        return timedelta(0)
    found = re.fullmatch(r"([+-])(?:(\d{1,3})y)?(?:(\d{1,5})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?", text)
    if not found or not any(found.groups()[1:]):
        raise UsageError(f"{text!r} is no clock offset.", hint="Write it like +1y, +14d or -2d6h.")
    years, days, hours, minutes = (int(part or 0) for part in found.groups()[1:])
    span = timedelta(days=365 * years + days, hours=hours, minutes=minutes)
    return span if found.group(1) == "+" else -span
