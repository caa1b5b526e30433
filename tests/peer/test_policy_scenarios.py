"""The scenarios that were written apart from the packs: decision and obligations."""

from __future__ import annotations

import json

import pytest

from lianfang.guard.policy import decide
from shared import shared_data


def test_every_given_scenario_is_decided_as_its_author_expects() -> None:
    rows = [
        json.loads(line) for line in shared_data("privacy", "policy_scenarios.jsonl").open(encoding="utf-8")
    ]
    assert rows
    wrong = []
    for row in rows:
        decision = decide({key: row[key] for key in ("actor", "purpose", "phase", "data", "context", "pack")})
        if decision.outcome != row["expect"] or not set(row["must_oblige"]) <= decision.obligations:
            wrong.append((row["id"], decision.outcome, sorted(decision.obligations), decision.reasons))
        if decision.permit:
            assert decision.basis, row["id"]
    assert wrong == []


@pytest.mark.parametrize("alias", ["seed-2020", "cn-seed-2020"])
def test_the_pack_answers_to_its_alias(alias: str) -> None:
    decision = decide(
        {"actor": "hospital", "purpose": "treatment", "phase": "use", "data": ["name"], "pack": alias,
         "context": {"own_patient": True}}
    )  # fmt: skip
    assert decision.permit
    assert decision.pack == "cn-seed-2020"
