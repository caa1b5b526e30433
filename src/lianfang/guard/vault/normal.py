"""One spelling for each identifier, so that equal things compare equal: full width, +86, spaces, x and X.

Centre and holder must normalise alike or their tokens will not meet; :data:`VERSION` goes into every token
and index, so that a changed rule can never be mistaken for a different person.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence

from lianfang.foundation.errors import BadInput

VERSION = 1

_SEPARATORS = dict.fromkeys(map(ord, " \t\r\n-‐‑‒–—−.()/_·,\u200b\u200c\u200d\ufeff"))
_SPACES = re.compile(r"\s+")
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･●．.", "·"))
_CJK_SPACE = re.compile(r"(?<=[\u3400-\u9fff\u00b7])\s+|\s+(?=[\u3400-\u9fff\u00b7])")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


def normalise(kind: str, value: str) -> str:
    """``value`` in the one spelling of its ``kind`` (``resident_id``, ``phone``, ``name``, anything else).

    resident_id: half width, no separators, ``X`` upper case, the old 15-digit form raised to 18 digits
    (GB 11643-1999). phone: half width, no separators, without +86/0086/86 before a mobile number. name: half
    width, one kind of middle dot, no spaces between Chinese characters, Latin letters casefolded.
    Nothing is validated here: a wrong number stays a wrong number.
    """
    if kind == "resident_id":
        return _resident_id(value)
    if kind == "phone":
        return _phone(value)
    text = value if value.isascii() else unicodedata.normalize("NFKC", value)
    if kind == "name":
        text = text.translate(_DOTS)
        if not text.isascii():
            text = _CJK_SPACE.sub("", text)
    return _SPACES.sub(" ", text).strip().casefold()


def _compact(value: str) -> str:
    if value.isascii() and value.isalnum():
        return value
    bare = unicodedata.normalize("NFKC", value).translate(_SEPARATORS)
    return unicodedata.normalize("NFKC", bare)  # a mark that stood on a separator joins the letter before it


def _resident_id(value: str) -> str:
    text = _compact(value).upper()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if len(text) == 15 and text.isascii() and text.isdigit():
        body = f"{text[:6]}19{text[6:]}"
        return body + _CHECK[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]
    return text


def _phone(value: str) -> str:
    text = _compact(value).lstrip("+")
    for prefix in ("0086", "86"):
        rest = text[len(prefix) :]
        if text.startswith(prefix) and len(rest) == 11 and rest[0] == "1":
            return rest
    return text


def tokens(key: str, kind: str, values: Sequence[str | None]) -> list[str | None]:
    """Keyed tokens of identifiers, for matching two parties' lists without showing either.

    ``key`` is a hexadecimal match key (``Vault.match_key``), ``kind`` as in :func:`normalise`. Gives 32
    hexadecimal digits for each value, None where the value is empty. HMAC-SHA-256 truncated to 128 bits.
    """
    if len(key) != 64 or any(c not in "0123456789abcdef" for c in key):
        raise BadInput("A match key is 64 lower-case hexadecimal digits.", hint="Take it from the order.")
    raw = bytes.fromhex(key)
    prefix = f"{VERSION}\x1f{kind}\x1f".encode()
    out: list[str | None] = []
    for value in values:
        spelt = normalise(kind, value) if value else ""
        out.append(hmac.digest(raw, prefix + spelt.encode(), hashlib.sha256)[:16].hex() if spelt else None)
    return out
