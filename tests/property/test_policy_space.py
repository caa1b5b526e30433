"""The finite request space of every pack: each point decided, no rule idle, a second reading of the packs agrees."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from lianfang.guard.policy import Decision, Pack, decide, diff, get, packs
from lianfang.guard.policy import vocabulary as v
from lianfang.guard.policy.pack import FOLDER
from lianfang.guard.policy.space import cells, contexts, outcome

PACKS = ["cn-seed-2020", "cn-current", "eu-1082", "eu-2371", "eu-gdpr"]
LEVEL = {"general": 1, "special": 2, "absolute": 3}


class Plain:
    """A slow plain reading of the YAML files, written apart from the engine: no index, no cache, no classes."""

    def __init__(self, name: str) -> None:
        self.rules: dict[str, Any] = {}
        self.facts: dict[str, Any] = {}
        self.groups: dict[str, Any] = {axis: {} for axis in ("actors", "phases", "purposes", "data")}
        self.read(name)

    def read(self, name: str) -> None:
        document = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
        for rule in document.get("rules") or []:
            self.rules.setdefault(rule["id"], rule)
        for fact, body in (document.get("facts") or {}).items():
            self.facts.setdefault(fact, body["any"])
        for axis, groups in (document.get("groups") or {}).items():
            self.groups[axis] = {**groups, **self.groups[axis]}
        for other in document.get("includes") or []:
            self.read(other)

    def listed(self, axis: str, entries: Any, word: str) -> bool:
        if entries in (None, "*"):
            return True
        if f"-{word}" in entries:
            return False
        return any(
            entry in ("*", word)
            or (entry[0] == "@" and self.listed(axis, self.groups[axis][entry[1:]], word))
            for entry in entries
        )

    def test(self, name: str, wanted: Any, key: str, context: dict[str, Any]) -> bool:
        if name == "given":
            return (key in context) == wanted
        if key not in context:
            return False
        value = context[key]
        parts = (
            set("".join(c if c.isalnum() else " " for c in value.lower()).split())
            if isinstance(value, str)
            else set()
        )
        if name in ("is", "not"):
            same = any(x == value and isinstance(x, bool) == isinstance(value, bool)
                       for x in (wanted if isinstance(wanted, list) else [wanted]))  # fmt: skip
            return same == (name == "is")
        if name == "stated":
            return bool(value.strip() if isinstance(value, str) else value) == wanted
        if name == "same_as":
            return isinstance(value, str) and context.get(wanted) == value
        if name in ("words_any", "words_none"):
            return bool(parts & set(wanted)) == (name == "words_any")
        number = isinstance(value, int) and not isinstance(value, bool)
        return number and (value >= wanted if name == "min" else value <= wanted)

    def holds(self, fact: str, context: dict[str, Any]) -> bool:
        return any(
            all(
                self.test(name, wanted, key, context)
                for key, body in alternative.items()
                for name, wanted in (body if isinstance(body, dict) else {"is": body}).items()
            )
            for alternative in self.facts[fact]
        )

    def permits(self, cell: tuple[str, str, str, str], context: dict[str, Any]) -> bool:
        best: tuple[int, bool] = (0, False)
        for rule in self.rules.values():
            words = dict(zip(("actors", "purposes", "phases", "data"), cell, strict=True))
            if not all(self.listed(axis, rule.get(axis), word) for axis, word in words.items()):
                continue
            if not all(self.holds(f, context) for f in rule.get("when") or []):
                continue
            if any(self.holds(f, context) for f in rule.get("unless") or []):
                continue
            forbid = rule["effect"] == "forbid"
            level = LEVEL[rule.get("level", "absolute" if forbid else "special")]
            # prohibitions come before permits of the same level
            best = max(best, (level * 2 + forbid, not forbid))
        return best[1]


def sample(pack: Pack, count: int) -> list[tuple[tuple[str, str, str, str], dict[str, Any]]]:
    """Random cells, half of them among those that some rule permits, with random contexts of theirs."""
    touched = [cell for cell in cells() if any(r.effect == "permit" for r in pack.cell(cell)[0])]
    random.seed(len(touched))
    every = list(cells())
    chosen = []
    for i in range(count):
        cell = random.choice(touched if i % 4 else every)
        options = list(contexts(pack, cell, most=256))
        chosen.append((cell, random.choice(options)))
    return chosen


@pytest.mark.parametrize("name", PACKS)
def test_a_second_reading_of_the_pack_agrees(name: str, count: Callable[[int, int], int]) -> None:
    pack, plain = get(name), Plain(name)
    permits = 0
    for cell, context in sample(pack, count(400, 3_000)):
        said = outcome(pack, cell, context)
        assert said == plain.permits(cell, context), (cell, context)
        permits += said
    assert permits > 0


@pytest.mark.parametrize("name", PACKS)
def test_every_point_is_decided_and_a_permit_has_basis_and_duties(
    name: str, count: Callable[[int, int], int]
) -> None:
    pack = get(name)
    every = list(cells())
    assert len(every) == len(v.ACTORS) * len(v.PURPOSES) * len(v.PHASES) * len(v.DATA)
    seen: set[tuple[int, ...]] = set()
    step = count(7, 1)
    for cell in every[::step]:
        rules, duties = pack.cell(cell)
        mark = tuple(map(id, rules + duties))
        if mark in seen:
            continue
        seen.add(mark)
        for context in contexts(pack, cell, most=count(64, 4096)):
            actor, purpose, phase, datum = cell
            decision = decide(
                {"actor": actor, "purpose": purpose, "phase": phase, "data": [datum], "context": context},
                pack=pack,
            )
            assert isinstance(decision, Decision)
            assert decision.outcome == ("permit" if decision.permit else "deny")
            assert decision.fields.keys() == {datum}
            assert decision.reasons
            assert decision.obligations <= set(v.OBLIGATIONS)
            assert not decision.permit or (
                decision.basis and decision.ttl > 0 and "audit" in decision.obligations
            )
            assert decision.permit or (decision.fields[datum] == "drop" and decision.ttl == 0)
    assert len(seen) > 3


@pytest.mark.parametrize("name", PACKS)
def test_no_permit_is_idle_and_no_conflict_unexplained(name: str) -> None:
    pack = get(name)
    idle = {rule.id for rule in pack.rules if rule.effect == "permit"}
    seen: set[tuple[int, ...]] = set()
    for cell in cells():
        rules, _ = pack.cell(cell)
        mark = tuple(map(id, rules))
        if mark in seen or not any(rule.id in idle for rule in rules):
            continue
        seen.add(mark)
        levels: dict[int, set[str]] = {}
        for rule in rules:
            levels.setdefault(rule.level, set()).add(rule.effect)
        # permits are special or general law, prohibitions absolute: only the rule of consent meets its own
        # permits
        for level, effects in levels.items():
            assert len(effects) == 1 or {
                r.id for r in rules if r.level == level and r.effect == "forbid"
            } == {"consent_required"}
        actor, purpose, phase, datum = cell
        for context in contexts(pack, cell, most=256):
            request = {
                "actor": actor,
                "purpose": purpose,
                "phase": phase,
                "data": [datum],
                "context": context,
            }
            decision = decide(request, pack=pack)
            if decision.permit:
                idle -= set(decision.rules)
    assert idle == set()


def test_a_request_is_the_conjunction_of_its_fields(count: Callable[[int, int], int]) -> None:
    pack = get()
    for (actor, purpose, phase, _), context in sample(pack, count(150, 3000)):
        data = random.sample(v.DATA, 3)
        request = {"actor": actor, "purpose": purpose, "phase": phase, "context": context}
        whole = decide({**request, "data": data}, pack=pack)
        parts = [decide({**request, "data": [datum]}, pack=pack) for datum in data]
        assert whole.permit == all(part.permit for part in parts)
        if whole.permit:
            assert whole.obligations == frozenset().union(*(part.obligations for part in parts))


def test_the_difference_of_the_exchange_packs_is_the_deadline() -> None:
    found = diff("eu-1082", "eu-2371")
    assert {entry["change"] for entry in found} == {"conditions"}
    assert all("age_days" in entry["context"] for entry in found)
    assert diff("eu-1082", "eu-1082") == []


def test_req_p_44_the_purge_follows_the_pack() -> None:
    for name, deadline in (("eu-1082", 365), ("eu-2371", 14), ("cn-seed-2020", 365)):
        for age, due in ((deadline - 1, False), (deadline, True)):
            purge = decide({"actor": "retention_job", "phase": "delete", "purpose": "expiry",
                            "data": ["selective_message"], "context": {"age_days": age}, "pack": name})  # fmt: skip
            read = decide({"actor": "eu_competent_authority", "phase": "read", "data": ["selective_message"],
                           "purpose": "contact_tracing_message", "pack": name,
                           "context": {"age_days": age, "channel": "selective"}})  # fmt: skip
            assert purge.permit is due
            assert read.permit is not due


def test_packs_are_dated_and_chosen_by_the_day() -> None:
    request = {"actor": "cdc", "purpose": "case_report", "phase": "collect", "data": ["name"],
               "context": {"event_open": True}}  # fmt: skip
    assert [p.id for p in packs()] == ["eu-1082", "eu-gdpr", "cn-seed-2020", "eu-2371", "cn-current"]
    assert decide(request).pack == "cn-seed-2020"
    assert decide({**request, "at": "2020-02-11"}).pack == "cn-seed-2020"
    assert decide({**request, "at": "2026-03-01"}).pack == "cn-current"
    early = decide({**request, "at": "2020-01-20", "pack": "cn-seed-2020"})
    assert not early.permit
    assert early.reasons[0].startswith("pack_not_valid")
