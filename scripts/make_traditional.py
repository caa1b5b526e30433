"""Write pairs of traditional and simplified characters that ``words/traditional.txt`` does not have, from OpenCC.

OpenCC (Carbo Kuo and others, Apache-2.0) lists for each traditional character its simplified forms, the usual one
first.
Only characters of the basic plane are taken, one for one, so that places in a text stay.

Run: ``python scripts/make_traditional.py path/to/TSCharacters.txt``.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

WORDS = Path(__file__).resolve().parents[1] / "src" / "lianfang" / "guard" / "redaction" / "words"
# 于 is a surname as well, 於 hardly ever
KEPT = "於"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("characters", type=Path)
    lines = parser.parse_args().characters.read_text(encoding="utf-8").splitlines()
    text = (WORDS / "traditional.txt").read_text(encoding="utf-8")
    own = {pair[0] for line in text.splitlines() if not line.startswith("#") for pair in line.split()}
    pairs = []
    for line in lines:
        old, _, new = line.partition("\t")
        plain = new.split(" ")[0].strip()
        if (
            len(old) == len(plain) == 1
            and old != plain
            and max(old, plain) <= "\uffff"
            and old not in own
            and old not in KEPT
        ):
            pairs.append(old + plain)
    body = textwrap.fill(" ".join(sorted(pairs)), 140, break_long_words=False)
    source = "# OpenCC, (c) 2010-2020 Carbo Kuo, by scripts/make_traditional.py; Apache-2.0."
    title = f"# Further pairs. 繁简对照补\n{source}"
    (WORDS / "traditional_more.txt").write_text(f"{title}\n{body}\n", encoding="utf-8")
    print(len(pairs))


if __name__ == "__main__":
    main()
