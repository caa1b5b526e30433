"""The snippets that were written apart from the rules: exact spans and labels."""

from __future__ import annotations

import json

from lianfang.guard.redaction import find
from shared import shared_data


def test_the_given_snippets_are_labelled_and_none_leaks() -> None:
    rows = [json.loads(line) for line in shared_data("privacy", "pii_snippets.jsonl").open(encoding="utf-8")]
    right = wanted = given = leaks = 0
    for row in rows:
        expected = {(span["label"], span["start"], span["end"]) for span in row["spans"]}
        found = {(f.kind, f.start, f.end) for f in find(row["text"])}
        covered = {i for _, start, end in found for i in range(start, end)}
        right += len(expected & found)
        wanted += len(expected)
        given += len(found)
        leaks += sum(not set(range(start, end)) <= covered for _, start, end in expected)
        if not expected:
            assert not found, row["id"]
    assert 2 * right / (wanted + given) >= 0.97
    assert leaks <= 0.03 * wanted
