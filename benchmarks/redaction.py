"""Scanning speed on ordinary prose and on text full of identifiers, by rules and with the tagger; processor time.

Run: ``PYTHONPATH=src python benchmarks/redaction.py``
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from lianfang.guard.redaction import find, ner

CASES = Path(__file__).resolve().parents[1] / "tests" / "unit" / "redaction_cases.jsonl"
PROSE = (
    "截至1月30日24时，全市累计报告确诊病例412例，治愈出院97例，死亡6例。当日新增确诊病例31例，其中城南区12例、望江区19例。"
    "现有疑似病例58例，正在接受医学观察的密切接触者1,203人。请广大市民减少外出，佩戴口罩，勤洗手、多通风。"
    "The city reported 31 new cases; close contacts are being traced and observed at home. "
)


def measure(name: str, text: str) -> None:
    for names in (False, True):
        start = time.process_time()
        found = len(find(text, names=names))
        took = time.process_time() - start
        size = len(text.encode()) / 1000
        what = "with names" if names else "numbers and addresses"
        print(
            f"{name}, {what}: {size / took:,.0f} kB/s ({len(text) / took:,.0f} characters/s, "
            f"{found} findings)"
        )


def main() -> None:
    import re

    lines = [json.loads(line)["marked"] for line in CASES.read_text(encoding="utf-8").splitlines()]
    dense = "\n".join(re.sub(r"\[[A-Z_]+:([^\]]+)\]", r"\1", line) for line in lines)
    for tagger in (False, True) if ner.installed() else (False,):
        print("with the ner extra" if tagger else "rules alone")
        with ner.switched(tagger):
            find(dense)
            measure("prose", PROSE * (600_000 // len(PROSE)))
            measure("cases", (dense + "\n") * (300_000 // len(dense)))


if __name__ == "__main__":
    main()
