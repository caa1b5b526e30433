"""Import: delivered files in, row by row; identifiers to the vault, the rest to the store or the lake.

``import_files`` takes files of one kind, ``import_day`` one day's inbox; docs/how-to/import-data.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.services.importing.mapping import Mapping as Mapping
    from lianfang.services.importing.mapping import mappings as mappings
    from lianfang.services.importing.mapping import read_mapping as read_mapping
    from lianfang.services.importing.observations import delivered as delivered
    from lianfang.services.importing.report import ImportReport as ImportReport
    from lianfang.services.importing.report import Problem as Problem
    from lianfang.services.importing.run import import_day as import_day
    from lianfang.services.importing.run import import_files as import_files
    from lianfang.services.importing.run import read_rows as read_rows
    from lianfang.services.importing.run import taken_rows as taken_rows
    from lianfang.services.importing.staging import recover as recover

_WHERE = {
    "ImportReport": "report",
    "Mapping": "mapping",
    "Problem": "report",
    "delivered": "observations",
    "import_day": "run",
    "import_files": "run",
    "mappings": "mapping",
    "read_mapping": "mapping",
    "read_rows": "run",
    "recover": "staging",
    "taken_rows": "run",
}

__all__ = [
    "ImportReport",
    "Mapping",
    "Problem",
    "delivered",
    "import_day",
    "import_files",
    "mappings",
    "read_mapping",
    "read_rows",
    "recover",
    "taken_rows",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
