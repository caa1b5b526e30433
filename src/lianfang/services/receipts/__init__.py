"""Receipts: what a reader, a donor or a hospital takes away to check a record without us.

:func:`receipt_of` gives the short link, its QR code and the ``.tlog-proof`` file of one entry of the log;
:func:`check` looks at such files and at bulletins with nothing but keys. The page ``/verify`` and the file
``lianfang-verify.html`` do in a browser what :func:`check` does here, and a test holds them to the same verdicts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.services.receipts.checking import MOST_FILES as MOST_FILES
    from lianfang.services.receipts.checking import Checked as Checked
    from lianfang.services.receipts.checking import Trust as Trust
    from lianfang.services.receipts.checking import check as check
    from lianfang.services.receipts.making import Receipt as Receipt
    from lianfang.services.receipts.making import by_code as by_code
    from lianfang.services.receipts.making import codes as codes
    from lianfang.services.receipts.making import page_of as page_of
    from lianfang.services.receipts.making import policy_text as policy_text
    from lianfang.services.receipts.making import receipt_of as receipt_of

_EXPORTS = {
    "MOST_FILES": "checking",
    "Checked": "checking",
    "Trust": "checking",
    "check": "checking",
    "Receipt": "making",
    "by_code": "making",
    "codes": "making",
    "page_of": "making",
    "policy_text": "making",
    "receipt_of": "making",
}

__all__ = [
    "MOST_FILES",
    "Checked",
    "Receipt",
    "Trust",
    "by_code",
    "check",
    "codes",
    "page_of",
    "policy_text",
    "receipt_of",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
