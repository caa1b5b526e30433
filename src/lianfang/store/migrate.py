"""Schema versions: Alembic's, one line of them for the operational database and one for the vault's.

Opening an installation compares one text with the newest version's name; Alembic is imported only when the
two differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from lianfang.foundation.errors import Fault

if TYPE_CHECKING:
    from alembic.config import Config

    from lianfang.store.database import Store

Line = Literal["operational", "vault"]
_HERE = Path(__file__).parent / "migrations"


def head(line: Line) -> str:
    """Newest version of a line: its files are numbered."""
    names = sorted(path.stem for path in (_HERE / line / "versions").glob("[0-9]*.py"))
    if not names:
        raise Fault(f"The {line} database has no migrations.")
    return names[-1]


def current(store: Store) -> str | None:
    """Version of a database, or None when it is new."""
    with store.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return str(found) if found else None


def upgrade(store: Store, line: Line) -> bool:
    """Bring a database to the newest version; returns whether anything had to be done."""
    before = current(store)
    newest = head(line)
    if before == newest:
        return False
    if before is not None and before > newest:
        raise Fault(
            f"The {line} database is of a later version ({before}) than this program ({newest}).",
            hint="Run the program that wrote it, or a newer one.",
        )
    from alembic import command

    with store.begin() as connection:
        command.upgrade(configuration(line, connection), "head")
    return True


def configuration(line: Line, connection: sa.Connection, metadata: sa.MetaData | None = None) -> Config:
    """Alembic's configuration for a line on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE / line))
    attributes: dict[str, Any] = config.attributes
    attributes["connection"] = connection
    attributes["metadata"] = metadata
    return config
