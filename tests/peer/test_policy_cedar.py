"""Cedar as an independent second engine: the packs translated to its language, the same answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from lianfang.guard.policy import Pack, get
from lianfang.guard.policy.pack import LEVELS, Rule
from lianfang.guard.policy.space import cells, contexts, outcome

cedarpy = pytest.importorskip("cedarpy", reason="the peer cedarpy is not installed")


def condition(rule: Rule) -> str:
    """A rule's condition in Cedar; facts come as booleans of the context."""

    def among(attribute: str, names: frozenset[str]) -> str:
        listed = ", ".join(f'"{name}"' for name in sorted(names))
        return f"[{listed}].contains({attribute})"

    parts = [
        among("context.actor", rule.actors), among("context.phase", rule.phases),
        among("context.purpose", rule.purposes), among("context.data", rule.data),
        *(f"context.facts.{name}" for name in rule.when), *(f"!context.facts.{name}" for name in rule.unless),
    ]  # fmt: skip
    return " && ".join(f"({part})" for part in parts)


def translate(pack: Pack) -> str:
    """The pack as Cedar policies. Cedar knows forbid over permit only: the rules of general law that forbid become
    exceptions of the permits of general law."""
    general = [r for r in pack.rules if r.level == LEVELS["general"] and r.effect == "forbid"]
    lines = []
    for rule in pack.rules:
        if rule in general:
            continue
        text = f"{rule.effect} (principal, action, resource) when {{ {condition(rule)} }}"
        if rule.level == LEVELS["general"] and rule.effect == "permit":
            text += "".join(f" unless {{ {condition(other)} }}" for other in general)
        lines.append(text + ";")
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["cn-seed-2020", "cn-current", "eu-1082", "eu-2371", "eu-gdpr"])
def test_cedar_decides_the_same(name: str, count: Callable[[int, int], int]) -> None:
    pack = get(name)
    policies = translate(pack)
    touched = [cell for cell in cells() if any(r.effect == "permit" for r in pack.cell(cell)[0])]
    every = list(cells())
    random.seed(17)
    asked: list[dict[str, Any]] = []
    expected: list[bool] = []
    for i in range(count(100, 2_500)):
        cell = random.choice(touched if i % 4 else every)
        context = random.choice(list(contexts(pack, cell, most=128)))
        facts = {fact: pack.facts[fact].true(context) for fact in pack.facts}
        words = dict(zip(("actor", "purpose", "phase", "data"), cell, strict=True))
        asked.append({
            "principal": 'Holder::"one"', "action": 'Action::"act"', "resource": 'Data::"one"',
            "context": {**words, "facts": facts},
        })  # fmt: skip
        expected.append(outcome(pack, cell, context))
    answers = cedarpy.is_authorized_batch(asked, policies, [])
    assert [answer.allowed for answer in answers] == expected
    assert any(expected)
    assert not all(expected)
