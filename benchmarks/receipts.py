"""Size of a receipt: the ``.tlog-proof`` with four witnesses in logs of growing size, and the QR code of its link.

``python benchmarks/receipts.py``
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))


def main() -> None:
    """Print one line a size; the path has the length that it has in such a log, its hashes are any."""
    import segno

    from lianfang.services.receipts.checking import paper_code
    from receiptkit import Logbook

    log = Logbook()
    draft = log.bulletin(12)
    for entries in (1_000, 10_000, 100_000, 1_000_000, 100_000_000):
        depth = (entries - 1).bit_length()
        path = tuple(bytes([n]) * 32 for n in range(depth))
        text = replace(log.proof(draft.index), path=path, index=entries - 1).text()
        text = text.replace(f"{log.own.name}\n1\n", f"{log.own.name}\n{entries}\n")
        link = f"https://jk.linjiang.example/r/{paper_code(entries - 1, bytes(32))}"
        code = segno.make(link, error="m", micro=False)
        print(
            f"{entries:>11,} entries: proof {len(text.encode()):,} B, link {len(link)} B, QR version {code.version}"
        )


if __name__ == "__main__":
    main()
