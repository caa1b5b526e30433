"""Write given names and surnames of many countries in Latin letters, from the lists of Faker.

Faker (Daniele Faraglia and others, MIT; see docs/third-party.md) has lists of names for some eighty languages and
countries, to make up persons with; here they tell the redaction scan what a name is. Names go without marks and in
small letters to ``given_world.txt`` and ``surnames_world.txt``, less those that the shorter lists have.

Run: ``PYTHONPATH=src python scripts/make_world_names.py path/to/unpacked/faker`` (the folder that holds ``faker``).
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import textwrap
from pathlib import Path
from typing import Any

from lianfang.guard.redaction.words import bare

WORDS = Path(__file__).resolve().parents[1] / "src" / "lianfang" / "guard" / "redaction" / "words"
TERMS = "Faker, (c) 2012 Daniele Faraglia, by scripts/make_world_names.py; terms in docs/third-party.md."
KINDS = ("", "_male", "_female", "_unisex", "_nonbinary")


def listed(provider: Any, stem: str) -> set[str]:
    """One language's names of a kind; a table of names and frequencies gives its names."""
    found: set[str] = set()
    for kind in KINDS:
        for name in (f"{stem}{kind}", stem.replace("_names", f"_romanized_names{kind}")):
            value = getattr(provider, name, None)
            if isinstance(value, (dict, list, tuple)):
                found.update(one for one in value if isinstance(one, str))
    return {
        word for one in found if (word := bare(one)).isascii() and word.isalpha() and 3 <= len(word) <= 15
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    sys.path.insert(0, str(parser.parse_args().folder))
    people = importlib.import_module("faker.providers.person")
    providers = [
        importlib.import_module(f"{people.__name__}.{one.name}").Provider
        for one in pkgutil.iter_modules(people.__path__)
    ]
    for name, title, stem, short in (
        ("given_world", "Given names of the world. 各国名", "first_names", "given_latin"),
        ("surnames_world", "Surnames of the world. 各国姓", "last_names", "surnames_latin"),
    ):
        known = set((WORDS / f"{short}.txt").read_text(encoding="utf-8").split())
        found = set().union(*(listed(provider, stem) for provider in providers)) - known
        body = textwrap.fill(" ".join(sorted(found)), 140, break_long_words=False)
        (WORDS / f"{name}.txt").write_text(f"# {title}\n# {TERMS}\n{body}\n", encoding="utf-8")
        print(name, len(found))


if __name__ == "__main__":
    main()
