"""Write the English words by which the redaction scan tells that a capitalised word is none, from SCOWL.

SCOWL (Spell Checker Oriented Word Lists, Kevin Atkinson and others; free to use, copy, modify and distribute with its
notice, see docs/third-party.md) is the word list of Debian's package wamerican. Words in small letters go to
``english_words.txt``; those known with a capital only (places, peoples, names) to ``english_proper.txt``.

Run: ``python scripts/make_english_words.py path/to/american-english``.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

WORDS = Path(__file__).resolve().parents[1] / "src" / "lianfang" / "guard" / "redaction" / "words"
TERMS = "SCOWL, (c) 2000-2011 Kevin Atkinson, by scripts/make_english_words.py; terms in docs/third-party.md."


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dictionary", type=Path)
    listed = [w.strip() for w in parser.parse_args().dictionary.read_text(encoding="utf-8").splitlines()]
    plain = [w for w in listed if w.isascii() and w.isalpha()]
    small = {w for w in plain if w.islower()}
    proper = {w.lower() for w in plain} - small
    for name, title, words in (
        ("english_words", "Words of English. 英语词", small),
        ("english_proper", "Words of English written with a capital only. 只作大写的英语词", proper),
    ):
        body = textwrap.fill(" ".join(sorted(words)), 140, break_long_words=False)
        (WORDS / f"{name}.txt").write_text(f"# {title}\n# {TERMS}\n{body}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
