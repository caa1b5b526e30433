"""Write the next migration of a line: ``python scripts/make_migration.py operational "What it does"``.

Read what it wrote before committing it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from alembic import command

from lianfang.services.installation import metadata_of
from lianfang.store import Store, sqlite_url
from lianfang.store.migrate import _HERE, configuration, head, upgrade


def main(line: str, message: str) -> None:
    versions = _HERE / line / "versions"
    number = len(list(versions.glob("[0-9]*.py"))) + 1
    with tempfile.TemporaryDirectory() as folder:
        store = Store(sqlite_url(Path(folder) / "now.db"))
        if number > 1:
            upgrade(store, line)
        revision = f"{number:04d}_" + re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
        with store.begin() as connection:
            config = configuration(line, connection, metadata_of(line))
            config.set_main_option("file_template", "%%(rev)s")
            command.revision(config, message, autogenerate=True, rev_id=revision)
        store.close()
    print("wrote", versions / f"{revision}.py", "head", head(line))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
