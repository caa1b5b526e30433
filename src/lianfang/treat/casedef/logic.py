"""Criteria as data, over findings that are yes, no or unknown: Kleene's strong three-valued logic (1952, section 64).

A criterion is a finding's name, another criterion's name, or a mapping with one of ``all``, ``any``, ``not``,
``at_least`` (with ``of``), ``number`` (with ``from``, ``to`` or ``above``). Nothing is ever evaluated as code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lianfang.foundation.errors import BadInput

Value = bool | None
Findings = Mapping[str, bool | float | None]
MOST_DEPTH = 24


@dataclass(frozen=True)
class Criteria:
    """Named criteria and the findings that they may speak of."""

    named: Mapping[str, Any]
    findings: frozenset[str]

    def value(self, rule: Any, known: Findings, depth: int = 0) -> Value:
        """Yes, no, or None while the known findings decide neither."""
        if depth > MOST_DEPTH:
            raise BadInput("A criterion refers to itself, or is nested too deeply.")
        if isinstance(rule, str):
            if rule in self.named:
                return self.value(self.named[rule], known, depth + 1)
            found = known.get(rule)
            return None if found is None else bool(found)
        if "number" in rule:
            return _within(rule, known.get(rule["number"]))
        if "not" in rule:
            inner = self.value(rule["not"], known, depth + 1)
            return None if inner is None else not inner
        parts = rule.get("all") or rule.get("any") or rule.get("of")
        values = [self.value(part, known, depth + 1) for part in parts]
        least = len(values) if "all" in rule else 1 if "any" in rule else int(rule["at_least"])
        yes, unknown = values.count(True), values.count(None)
        return True if yes >= least else None if yes + unknown >= least else False

    def asked(self, rule: Any, depth: int = 0) -> set[str]:
        """The findings that a criterion speaks of; BadInput for a name that is none."""
        if depth > MOST_DEPTH:
            raise BadInput("A criterion refers to itself, or is nested too deeply.")
        if isinstance(rule, str):
            if rule in self.named:
                return self.asked(self.named[rule], depth + 1)
            if rule not in self.findings:
                raise BadInput(f"The criteria speak of {rule}, which is no finding.")
            return {rule}
        if "number" in rule:
            return {str(rule["number"])}
        if "not" in rule:
            return self.asked(rule["not"], depth + 1)
        parts = rule.get("all") or rule.get("any") or rule.get("of") or ()
        return set().union(*(self.asked(part, depth + 1) for part in parts))

    def grounds(self, rule: Any, known: Findings, depth: int = 0) -> list[str]:
        """The findings that made a criterion hold, in the order of its text; only those that speak for it."""
        if self.value(rule, known) is not True:
            return []
        if isinstance(rule, str):
            return self.grounds(self.named[rule], known, depth + 1) if rule in self.named else [rule]
        if "number" in rule:
            return [str(rule["number"])]
        if "not" in rule:
            return [f"not {one}" for one in sorted(self.asked(rule["not"])) if known.get(one) is False]
        out: list[str] = []
        for part in rule.get("all") or rule.get("any") or rule.get("of"):
            out += [one for one in self.grounds(part, known, depth + 1) if one not in out]
        return out


def _within(rule: Mapping[str, Any], value: bool | float | None) -> Value:
    if value is None:
        return None
    if "from" in rule:
        return float(value) >= float(rule["from"])
    if "to" in rule:
        return float(value) <= float(rule["to"])
    return float(value) > float(rule["above"])
