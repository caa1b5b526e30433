"""Reading what an attacker holds: releases in the forms in which they are published, a register of his own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from lianfang.foundation.errors import BadInput

MAX_REGISTER = 1_000_000
MAX_COLUMNS = 60


def read_release(text: str, name: str = "release") -> dict[str, Any]:
    """A release from a signed bulletin file, a bulletin's payload, or what ``guard disclosure --json`` prints.

    The signature is not checked: an attacker doesn't care, and ``lianfang verify`` does it.

    Raises:
        BadInput: the text is none of these.
    """
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise BadInput(f"{name}: this is not JSON.") from None
    if isinstance(value, Mapping) and str(value.get("format", "")).startswith("lianfang-bulletin-file/"):
        signed = value.get("signed")
        body = signed.get("payload") if isinstance(signed, Mapping) else None
        content = body.get("content") if isinstance(body, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(content, Mapping):
            raise BadInput(f"{name}: this bulletin's file holds no bulletin.")
        value = {**content, "reasons": body.get("withheld")}
    if not isinstance(value, Mapping) or not isinstance(value.get("tables"), list):
        raise BadInput(f"{name}: no release: a bulletin's file or payload with tables is expected.")
    return dict(value)


def read_register(text: str, name: str = "register") -> list[dict[str, str]]:
    """A register as CSV with a header: what somebody else knows about persons, one a row.

    Raises:
        BadInput: no header, rows of other lengths, or too many.
    """
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    header = next(reader, None)
    if not header or len(header) > MAX_COLUMNS or len(set(header)) != len(header):
        raise BadInput(f"{name}: a header of 1 to {MAX_COLUMNS} different column names is expected.")
    rows = []
    for row in reader:
        if len(row) != len(header):
            raise BadInput(f"{name}: line {reader.line_num} has {len(row)} columns, not {len(header)}.")
        rows.append(dict(zip(header, row, strict=True)))
        if len(rows) > MAX_REGISTER:
            raise BadInput(f"{name}: more than {MAX_REGISTER} rows.")
    return rows
