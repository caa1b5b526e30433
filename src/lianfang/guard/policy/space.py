"""The whole request space of a pack, cell by cell, and the difference of two packs.

For one field of one (actor, purpose, phase) only the facts that its rules mention matter. A cell is therefore
exhausted by all contexts built from the context values that those facts tell apart, and a request for several
fields is the conjunction of its fields. Facts of the obligations are left out: they do not move a decision.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from lianfang.guard.policy import vocabulary as v
from lianfang.guard.policy.engine import judge
from lianfang.guard.policy.facts import Fact
from lianfang.guard.policy.pack import Pack
from lianfang.guard.policy.vocabulary import Note, Request

Cell = tuple[str, str, str, str]


def cells() -> Iterator[Cell]:
    """Every (actor, purpose, phase, data)."""
    return itertools.product(v.ACTORS, v.PURPOSES, v.PHASES, v.DATA)


def _values(key: str, facts: Iterable[Fact]) -> list[Note]:
    """Values of one context key that its tests tell apart (the key's absence comes besides)."""
    kind = v.CONTEXT[key]
    if kind == "flag":
        return [False, True]
    if isinstance(kind, tuple):
        return list(kind)
    found: list[Note] = [0] if kind == "count" else ["some_other_word"]
    for fact in facts:
        for place, test, wanted in (t for alternative in fact.alternatives for t in alternative):
            if place == key and test in ("is", "not"):
                found += wanted[:1]
            elif place == key and test in ("min", "max"):
                found += [max(wanted - 1, 0), wanted, wanted + 1]
            elif (place == key and test == "words_any") or (place == key and test == "words_none"):
                found.append(f"{sorted(wanted)[0]}_part")
    return list(dict.fromkeys(found))


def contexts(pack: Pack, cell: Cell, *, most: int = 4096) -> Iterator[dict[str, Note]]:
    """Contexts that tell apart everything the rules of a cell ask for.

    Facts on disjoint context keys vary freely; where their product exceeds ``most``, each alternative of
    each fact is made true alone and together with all others' first alternatives, which reaches every rule.
    """
    rules, _ = pack.cell(cell)
    facts = [
        pack.facts[name] for name in dict.fromkeys(n for rule in rules for n in (*rule.when, *rule.unless))
    ]
    keys = sorted({key for fact in facts for key in fact.keys})
    options: list[list[Note | None]] = [[None, *_values(key, facts)] for key in keys]
    size = 1
    for option in options:
        size *= len(option)
    if size <= most:
        for combination in itertools.product(*options):
            yield {key: value for key, value in zip(keys, combination, strict=True) if value is not None}
        return
    yield {}
    made = [[_making(alternative) for alternative in fact.alternatives] for fact in facts]
    for rule in rules:
        wanted = [made[facts.index(pack.facts[name])] for name in rule.when]
        for chosen in itertools.islice(itertools.product(*wanted), 64):
            base = {k: x for part in chosen for k, x in part.items()}
            yield base
            for key in keys:
                yield {k: x for k, x in base.items() if k != key}
                for value in _values(key, facts):
                    yield {**base, key: value}


def _making(alternative: tuple[tuple[str, str, Any], ...]) -> dict[str, Note]:
    """A context in which one alternative of a fact holds."""
    context: dict[str, Note] = {}
    for key, test, wanted in alternative:
        if test == "is":
            context[key] = wanted[0]
        elif test in ("min", "max"):
            context[key] = wanted
        elif test == "words_any":
            context[key] = sorted(wanted)[0]
        elif test in ("stated", "not", "words_none") and key not in context:
            context[key] = True if v.CONTEXT[key] == "flag" else "x1"
        elif test == "same_as":
            context[key] = context[wanted] = "w1"
    return context


def ever_permitted(pack: Pack, cell: Cell) -> bool:
    """Whether any context opens the cell; cheap where no permit touches it."""
    rules, _ = pack.cell(cell)
    if not any(rule.effect == "permit" for rule in rules):
        return False
    return any(outcome(pack, cell, context) for context in contexts(pack, cell))


def outcome(pack: Pack, cell: Cell, context: dict[str, Note]) -> bool:
    """Permit or deny for one field in one context."""
    actor, purpose, phase, datum = cell
    return judge(Request(actor, purpose, phase, (datum,), context, None, None), pack).permit


def _rules(pack: Pack, cell: Cell) -> frozenset[tuple[Any, ...]]:
    """What decides a cell, in a form that can be compared between packs."""
    rules, _ = pack.cell(cell)
    return frozenset(
        (rule.effect, rule.level, tuple(pack.facts[n].alternatives for n in rule.when),
         tuple(pack.facts[n].alternatives for n in rule.unless))
        for rule in rules
    )  # fmt: skip


def diff(a: Pack | str, b: Pack | str) -> list[dict[str, Any]]:
    """What two packs decide differently.

    Returns:
        One entry for each group of cells with the same change: ``actor``, ``purpose``, ``phase``, ``data``
        (list), ``change`` (``opened``: only b can permit, ``closed``: only a can, ``conditions``: both can,
        in different contexts) and an example ``context`` in which they differ.

    Raises:
        BadInput: no pack of that name.
    """
    from lianfang.guard.policy import pack as packs

    one, two = (packs.get(p) if isinstance(p, str) else p for p in (a, b))
    groups: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    # cells under the same rules have the same answer: each pair of rule lists is compared once
    known: dict[tuple[Any, ...], tuple[str, dict[str, Note]] | None] = {}
    for cell in cells():
        mark = tuple(id(rule) for pack in (one, two) for rule in (None, *pack.cell(cell)[0]))
        if mark not in known:
            known[mark] = None if _rules(one, cell) == _rules(two, cell) else _difference(one, two, cell)
        found = known[mark]
        if found is None:
            continue
        change, context = found
        entry = groups.setdefault(
            (*cell[:3], change),
            {
                "actor": cell[0],
                "purpose": cell[1],
                "phase": cell[2],
                "data": [],
                "change": change,
                "context": context,
            },
        )
        entry["data"].append(cell[3])
    return list(groups.values())


def _difference(one: Pack, two: Pack, cell: Cell) -> tuple[str, dict[str, Note]] | None:
    touched = [any(r.effect == "permit" for r in pack.cell(cell)[0]) for pack in (one, two)]
    if not any(touched):
        return None
    seen = [False, False]
    example: dict[str, Note] | None = None
    for context in itertools.chain(contexts(one, cell, most=512), contexts(two, cell, most=512)):
        first, second = outcome(one, cell, context), outcome(two, cell, context)
        seen = [seen[0] or first, seen[1] or second]
        if first != second and example is None:
            example = context
        if example is not None and all(seen):
            break
    if example is None:
        return None
    change = "conditions" if all(seen) else "opened" if seen[1] else "closed"
    return change, example
