"""The exits that no desk watches: log lines, names of files, texts of errors and of jobs, cells of exports.

What is written there is written by programs, so the rules read it and not the tagger: a log line is no
sentence. :func:`watch_logs` is called by the command line and the server before they do anything.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from lianfang.foundation.text import log_safe
from lianfang.guard.redaction.scan import MAX_TEXT, find, replace

#: a place or a seat may be what an export is about; these kinds never are
DIRECT = frozenset(
    [
        "PERSON",
        "RESIDENT_ID",
        "FPR_ID",
        "HKID",
        "TW_ID",
        "HKMO_PERMIT",
        "TW_PERMIT",
        "PASSPORT",
        "STUDENT_NO",
        "MEDICAL_NO",
        "QQ",
        "WECHAT",
        "BANK_CARD",
        "DEVICE_ID",
        "EMAIL",
        "MOBILE",
        "LANDLINE",
        "PLATE",
    ]
)
_LONGEST_LINE = 20_000


def masked(text: str) -> str:
    """An error's or a job's text without what points to a person; cut at 20,000 characters."""
    text = text[:_LONGEST_LINE]
    return replace(text, find(text, point="mask", tagger=False))


def cell(text: str) -> str:
    """An export's cell without direct identifiers; rough places and dates stay."""
    text = text[:MAX_TEXT]
    return replace(text, [f for f in find(text, point="mask", tagger=False) if f.kind in DIRECT])


def frame(table: Any) -> Any:
    """A polars table whose text cells are masked as :func:`cell` does; each different text is read once."""
    import polars as pl

    for name, dtype in table.schema.items():
        if dtype != pl.String:
            continue
        told = {text: cell(text) for text in table[name].drop_nulls().unique().to_list()}
        changed = {text: said for text, said in told.items() if said != text}
        if changed:
            table = table.with_columns(pl.col(name).replace(changed))
    return table


def file_name(name: str) -> str:
    """A file's name to be told on: ``张三15400001234.csv`` becomes ``〔已隐去〕.csv``; the suffix stays."""
    stem, dot, suffix = name[:1000].rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    # in a file's name the parts of a number or a name are set apart by lines
    plain = stem.replace("_", " ").replace("+", " ")
    found = [f for f in find(plain, point="block", tagger=False) if f.kind in DIRECT]
    return replace(stem, found) + dot + suffix


def _seen(value: Any) -> Any:
    return masked(value) if isinstance(value, str) else value


def _told(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make(*args, **kwargs)
        # one by one first: some formatters unpack the arguments themselves
        if isinstance(made.args, tuple):
            made.args = tuple(_seen(value) for value in made.args)
        elif made.args:
            made.args = {key: _seen(value) for key, value in made.args.items()}
        try:
            said = made.getMessage()
        except (TypeError, ValueError, KeyError):
            # arguments that do not fit their text: the handler would print them as they are
            made.msg, made.args, said = "A log line whose arguments do not fit was left out.", (), ""
        plain = log_safe(masked(said), limit=_LONGEST_LINE)  # one record is one line, whatever it was given
        if plain != said:
            made.msg, made.args = plain, ()
        if made.exc_info and made.exc_info[0] is not None:
            # formatters print this text and do not look at the exception again; an indented line is no record
            lines = masked("".join(traceback.format_exception(*made.exc_info))).splitlines()
            made.exc_text = "\n".join(f"  {log_safe(line, limit=_LONGEST_LINE)}" for line in lines)
        return made

    record._watched = True  # type: ignore[attr-defined]
    return record


def watch_logs() -> None:
    """From now on every log record of this process, of any logger, is masked before a handler sees it."""
    make = logging.getLogRecordFactory()
    if not getattr(make, "_watched", False):
        logging.setLogRecordFactory(_told(make))
