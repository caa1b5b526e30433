"""The class of a field, which depends on when, where and why it is held (升格: raised with the situation)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.guard.policy import pack as packs
from lianfang.guard.policy import vocabulary as v
from lianfang.guard.policy.pack import Pack

MOODS = ("calm", "panic", "suspicion")
PLACES = (
    "place_of_worship",
    "clinic",
    "fever_clinic",
    "hospital",
    "union_office",
    "home",
    "work",
    "shop",
    "other",
)
# what the class depends on besides the context of a request
_MORE = frozenset({"holder", "purpose", "public_mood", "place_kind", "visits_a_week"})


@dataclass(frozen=True, slots=True)
class Classification:
    """Class P0 to P4 of a field in a context, and why.

    ``sensitive``: sensitive personal information (个人敏感信息). ``category``: health, whereabouts,
    identity, list, inferred or none. ``harm``: what its misuse may do, English and Chinese; empty where not
    sensitive.
    """

    field: str
    level: str
    sensitive: bool
    category: str
    harm: tuple[str, str]
    reasons: tuple[str, ...]
    pack: str


def _context(raw: Mapping[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for key, value in raw.items():
        if value is None:
            continue
        if key not in _MORE:
            checked[key] = v.context_value(key, value)
            continue
        known: tuple[str, ...] | None = {
            "holder": v.ACTORS, "purpose": v.PURPOSES, "public_mood": MOODS, "place_kind": PLACES,
        }.get(key)  # fmt: skip
        value = v.ACTOR_ALIASES.get(value, value) if key == "holder" and isinstance(value, str) else value
        if known is not None and value not in known:
            raise BadInput(f"context {key}: one of {', '.join(known)} expected.", code="unknown_context")
        if known is None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6
        ):
            raise BadInput(f"context {key}: a number from 0 expected.", code="unknown_context")
        checked[key] = value
    return checked


def _reasons(rules: dict[str, Any], field: str, context: dict[str, Any]) -> list[str]:
    """Why the field's class is raised here; empty where it is not."""
    found: list[str] = []
    if field not in rules["raised"]:
        return found
    if context.get("event_open") is True and "subject" in context and not context.get("ended_days"):
        found.append("event: the person belongs to an open event. 事件期间的涉疫人员。")
    for factor, values in rules["factors"].items():
        if context.get(factor) in values:
            found.append(f"{factor}: {context[factor]}. 持有主体、使用目的或社会情绪使等级上升。")
    return found


def classify(
    field: str, context: Mapping[str, Any] | None = None, *, pack: str | Pack | None = None
) -> Classification:
    """The class of ``field`` in ``context`` (REQ-P-05 to 12).

    An identifier of a person from the epidemic area is raised to P4 while the event is open, and so is one
    held by certain holders, for certain purposes, or in a mood of panic or suspicion (each factor alone).
    Whereabouts at least N times a week (the pack's value) at a place of worship, clinic or union office
    belong to the special category that they let one infer.

    Args:
        field: a name of the policy's data vocabulary.
        context: keys of a request's context and ``holder`` (an actor), ``purpose``, ``public_mood`` (calm,
            panic, suspicion), ``place_kind``, ``visits_a_week``.
        pack: name of a policy pack, or a pack; default ``cn-seed-2020``.

    Raises:
        BadInput: an unknown field, key or value.
    """
    if field not in v.DATA:
        raise BadInput("unknown data.", hint=f"Known: {', '.join(v.DATA)}.", code="unknown_data")
    checked = _context(context or {})
    law = pack if isinstance(pack, Pack) else packs.get(pack or packs.DEFAULT)
    rules = law.classification
    level = law.classes[field]
    category = next((name for name, group in rules["categories"].items() if field in group), "none")
    category = "list" if field == "name_list" else category
    sensitive = field in rules["sensitive"]
    reasons: list[str] = []
    if field in ("trajectory", "location", "travel_history", "trajectory_generalised"):
        often = checked.get("visits_a_week", 0) >= rules["inferred"]["visits_a_week"]
        if often and checked.get("place_kind") in rules["inferred"]["places"]:
            level, sensitive, category = "P4", True, "inferred"
            reasons.append("inferred: repeated visits tell a special category. 反复到访可推断特殊类别。")
    raised = _reasons(rules, field, checked)
    if raised:
        level, sensitive, category = "P4", True, rules["raised_as"]
        reasons += raised
    harm = rules["harms"].get("list" if category == "inferred" else category, {"en": "", "zh": ""})
    return Classification(
        field=field, level=level, sensitive=sensitive, category=category,
        harm=(harm["en"], harm["zh"]) if sensitive else ("", ""), reasons=tuple(reasons), pack=law.id,
    )  # fmt: skip
