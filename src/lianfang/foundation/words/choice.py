"""Which language a person at a terminal reads."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

VARIABLE = "LIANFANG_LANGUAGE"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


def terminal_language(home: Path | str | None = None) -> str:
    """``zh`` or ``en``: ``LIANFANG_LANGUAGE``, else the locale's, else the one written in the installation's
    settings, else English.

    A locale that names no language (``C``, ``POSIX``) chooses nothing. Never fails: a settings file that
    cannot be read is another message's business.
    """
    if (wanted := os.environ.get(VARIABLE, "")) in ("zh", "en"):
        return wanted
    named = next((value for name in _LOCALE if (value := os.environ.get(name))), "")
    language = re.split("[_.@-]", named.lower())[0]
    if language and language not in ("c", "posix"):
        return "zh" if language == "zh" else "en"
    return _written(home) or "en"


def _written(home: Path | str | None) -> str:
    file = Path(home or os.environ.get("LIANFANG_HOME") or "var/lianfang") / "lianfang.toml"
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("language")
    except (OSError, ValueError):
        return ""
    return found if found in ("zh", "en") else ""
