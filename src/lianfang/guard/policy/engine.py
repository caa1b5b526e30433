"""The decision: pure, closed, deny by default.

Every field asked for is judged by itself, and the request is permitted when each field is. For one field the
rules that touch (actor, purpose, phase, field) are taken from the highest level down (absolute prohibitions,
special law, general law: 特别法优于一般法); on one level a prohibition that applies beats a permit that
applies. No rule, no permit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lianfang.guard.policy import pack as packs
from lianfang.guard.policy.decision import Decision
from lianfang.guard.policy.pack import LEVELS, Pack, Rule
from lianfang.guard.policy.vocabulary import Request
from lianfang.guard.policy.vocabulary import request as parse


def chosen(request: Request) -> Pack:
    """The pack that judges: the one named, else the Chinese law of the day, else the paper's own."""
    if request.pack is not None:
        return packs.get(request.pack)
    if request.at is None:
        return packs.get()
    day = request.at
    valid = [p for p in packs.packs() if p.jurisdiction == "cn" and p.valid(day)]
    return valid[-1] if valid else packs.get()


class _Facts:
    """The facts of one request, each looked up once."""

    __slots__ = ("_checks", "_context", "_known")

    def __init__(self, pack: Pack, context: Mapping[str, Any]) -> None:
        self._checks = pack.checks
        self._context = context
        self._known: dict[str, bool] = {}

    def true(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._checks[name](self._context)
        return known

    def applies(self, rule: Rule) -> bool:
        known, checks = self._known, self._checks
        for wanted, names in ((True, rule.when), (False, rule.unless)):
            for name in names:
                holds = known.get(name)
                if holds is None:
                    holds = known[name] = checks[name](self._context)
                if holds is not wanted:
                    return False
        return True


def _judge(rules: tuple[Rule, ...], facts: _Facts) -> Rule | None:
    """The rule that decides one field; None when no rule applies."""
    level = None
    permit: Rule | None = None
    for rule in rules:
        if rule.level != level:
            if permit is not None:
                return permit
            level = rule.level
        if (permit is None or rule.effect == "forbid") and facts.applies(rule):
            if rule.effect == "forbid":
                return rule
            permit = rule
    return permit


def _nearest(pack: Pack, datum: str, rules: tuple[Rule, ...], facts: _Facts) -> str:
    """Why no rule permits: what the permit closest to applying still lacks."""
    best: tuple[list[str], list[str]] | None = None
    for rule in rules:
        if rule.effect == "permit":
            lacking = [name for name in rule.when if not facts.true(name)]
            barred = [name for name in rule.unless if facts.true(name)]
            if best is None or len(lacking) + len(barred) < len(best[0]) + len(best[1]):
                best = (lacking, barred)
    if best is None:
        return (
            f"no_basis: nothing permits this holder, purpose and phase for {datum}. "
            f"{datum}：该主体、目的、环节没有法律依据。"
        )
    en = [f"missing: {pack.facts[n].en}" for n in best[0]] + [f"barred: {pack.facts[n].en}" for n in best[1]]
    zh = [f"缺少{pack.facts[n].zh}" for n in best[0]] + [f"不得{pack.facts[n].zh}" for n in best[1]]
    return f"{(best[0] + best[1])[0]}: {datum}, {'; '.join(en)}. {datum}：{'；'.join(zh)}。"


def _denied(pack: Pack, request: Request, reasons: list[str], basis: list[str], rules: list[str]) -> Decision:
    return Decision(
        permit=False,
        outcome="deny",
        basis=tuple(dict.fromkeys(basis)),
        fields=dict.fromkeys(request.data, "drop"),
        obligations=frozenset({"audit"}),
        reasons=tuple(dict.fromkeys(reasons)),
        ttl=0,
        pack=pack.id,
        pack_hash=pack.hash,
        rules=tuple(dict.fromkeys(rules)),
    )


def judge(request: Request, pack: Pack) -> Decision:
    """Decide a checked request under one pack."""
    if request.at is not None and not pack.valid(request.at):
        reason = f"pack_not_valid: {pack.id} is not law on that day. {pack.id} 当日不适用。"
        return _denied(pack, request, [reason], [], [])
    facts = _Facts(pack, request.context)
    fields: dict[str, str] = {}
    duties: set[str] = set()
    permits: list[Rule] = []
    reasons: list[str] = []
    against: list[Rule] = []
    for datum in request.data:
        rules, obligations = pack.cell((request.actor, request.purpose, request.phase, datum))
        rule = _judge(rules, facts)
        if rule is None:
            reasons.append(_nearest(pack, datum, rules, facts))
        elif rule.effect == "forbid":
            against.append(rule)
            reasons.append(pack.told(rule)[1])
            if rule.level == LEVELS["general"]:  # a special permit would have prevailed: say what it lacks
                reasons.append(_nearest(pack, datum, rules, facts))
        elif not reasons:
            permits.append(rule)
            fields[datum] = rule.treat.get(datum, "show")
            duties |= rule.obligations
            for duty in obligations:
                if facts.applies(duty):
                    duties |= duty.obligations
    if reasons:
        articles = [article for rule in against for article in pack.told(rule)[0]]
        return _denied(pack, request, reasons, articles, [rule.id for rule in against])
    used = list(dict.fromkeys(permits))
    basis: tuple[str, ...]
    why: tuple[str, ...]
    if len(used) == 1:
        basis, why = pack.told(used[0])[0], (pack.told(used[0])[1],)
    else:
        basis = tuple(dict.fromkeys(article for rule in used for article in pack.told(rule)[0]))
        why = tuple(pack.told(rule)[1] for rule in used)
    return Decision(
        permit=True,
        outcome="permit",
        basis=basis,
        fields=fields,
        obligations=frozenset(duties),
        reasons=why,
        ttl=min(rule.ttl or pack.ttl for rule in used),
        pack=pack.id,
        pack_hash=pack.hash,
        rules=tuple(rule.id for rule in used),
    )


def decide(request: Mapping[str, Any], *, pack: Pack | None = None) -> Decision:
    """May this actor do this with these data, for this purpose, now? Pure: it reads no clock and writes no
    log.

    Args:
        request: mapping with ``actor``, ``purpose``, ``phase``, ``data`` (list of field names), ``context``
            and, if wished, ``at`` (date or time the act is judged at) and ``pack`` (name of a policy pack).
            Without ``pack`` the Chinese pack valid ``at`` judges; without both, ``cn-seed-2020``.
        pack: a pack read by :func:`load`, which then judges.

    Returns:
        A :class:`Decision`. Whatever no rule permits is denied.

    Raises:
        BadInput: a word that the closed vocabularies do not hold.
    """
    checked = parse(request)
    return judge(checked, pack if pack is not None else chosen(checked))


def explain(request: Mapping[str, Any], *, pack: Pack | None = None) -> dict[str, Any]:
    """The decision with, for each field, every rule that speaks about it and the facts it lacks.

    Returns:
        The decision as plain values; ``fields`` becomes a list of ``{data, rules: [{id, effect, applies,
        missing, barred}]}``, highest level first.

    Raises:
        BadInput: as :func:`decide`.
    """
    checked = parse(request)
    law = pack if pack is not None else chosen(checked)
    facts = _Facts(law, checked.context)
    fields = []
    for datum in checked.data:
        rules, _ = law.cell((checked.actor, checked.purpose, checked.phase, datum))
        told = [
            {
                "id": rule.id,
                "effect": rule.effect,
                "applies": facts.applies(rule),
                "missing": [law.facts[name].en for name in rule.when if not facts.true(name)],
                "barred": [law.facts[name].en for name in rule.unless if facts.true(name)],
            }
            for rule in rules
        ]
        fields.append({"data": datum, "rules": told})
    return {**judge(checked, law).to_dict(), "fields": fields}
