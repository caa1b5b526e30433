"""Impact assessment (个人信息保护影响评估: PIPL 55-56, GDPR 35), drawn from what the house declares and enforces.

What is held, why, by whom and how long comes from the record types, the purposes from the policy pack, the measures
from an inspection made now. What a machine cannot judge - necessity, the risks that remain - is the officer's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.services import inspection
from lianfang.services.gate import require, within
from lianfang.services.installation import Installation, Who

FORMAT = "lianfang-assessment/1"
#: What the officer judges, and in at most how many characters each.
JUDGED = ("necessity", "risks", "residual", "conclusion")
MOST_TEXT = 20_000
#: Duties of joint control, each with its owner (REQ-P-45, 46).
DUTIES = (
    ("inform", "controller"),
    ("access", "controller"),
    ("rectify", "controller"),
    ("erase", "controller"),
    ("minimise", "controller"),
    ("secure", "controller"),
    ("notify_breach", "controller"),
    ("search_at_home", "holder"),
    ("answer_orders_only", "holder"),
)


def assessment(
    inst: Installation, who: Who, *, event_id: str = "", texts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The assessment of the installation, or of what one event holds.

    ``texts``: the officer's judgement by name (``necessity``, ``risks``, ``residual``, ``conclusion``); what
    is not given is left open and listed in ``open``. Making it is recorded as the inspection in it is.

    Raises:
        Refused: another role or area. NotFound: no such event. BadInput: a text that is none of these, or too long.
    """
    from lianfang.foundation.canonical import plain
    from lianfang.guard.policy import get
    from lianfang.records import HolderEntry
    from lianfang.services import events
    from lianfang.store import rows

    require(who, "inspect.make")
    judged = _judged(texts or {})
    event = events.get(inst, event_id) if event_id else None
    if event is not None:
        within(who, event["adcode"])
    pack = get(inst.settings.policy_pack)
    with inst.store.read() as connection:
        holders = rows(connection, HolderEntry, order_by=["holder"])
    records = _records(event_only=event is not None)
    purposes = sorted({one for record in records for one in record["purposes"]})
    report = inspection.report(inst, who)
    return dict(
        plain(
            {
                "format": FORMAT,
                "made_at": inst.now(),
                "made_by": who.account,
                "controller": {
                    "id": inst.settings.authority_id,
                    "zh": inst.settings.authority_name_zh,
                    "en": inst.settings.authority_name_en,
                },
                "event": None
                if event is None
                else {name: event[name] for name in ("event_id", "level", "legal_basis", "retention_until")},
                "pack": {"id": pack.id, "zh": pack.title_zh, "en": pack.title_en, "sha256": pack.hash},
                "records": records,
                "purposes": [_purpose(pack, one) for one in purposes],
                "recipients": [
                    {
                        name: row[name]
                        for name in ("holder", "kind", "name_zh", "name_en", "sources", "active")
                    }
                    for row in holders
                ],
                "joint_control": _joint(inst, event_id),
                "duties": [{"duty": duty, "owner": owner} for duty, owner in DUTIES],
                "measures": _measures(report),
                "findings": report["findings"],
                "judged": judged,
                "open": [name for name in JUDGED if not judged[name]],
            }
        )
    )


def _joint(inst: Installation, event_id: str) -> list[dict[str, Any]]:
    """Joint controllers and processor of what goes to other authorities, of the event or of all (REQ-P-45)."""
    from lianfang.records import ExchangeAlert, ExchangeDataSet
    from lianfang.store import rows

    with inst.store.read() as connection:
        sets = rows(connection, ExchangeDataSet, order_by=["registered_at"])
        of_event = rows(connection, ExchangeAlert, local_event=event_id) if event_id else []
    wanted = {row["alert_id"] for row in of_event}
    names = ("data_set", "controller", "joint_controllers", "processor", "pack", "retention_days")
    return [{name: row[name] for name in names} for row in sets if not event_id or row["data_set"] in wanted]


def _judged(texts: Mapping[str, Any]) -> dict[str, str]:
    if set(texts) - set(JUDGED):
        raise BadInput("The officer's texts are named otherwise.", hint=f"Known: {', '.join(JUDGED)}.")
    for text in texts.values():
        if not isinstance(text, str) or len(text) > MOST_TEXT:
            raise BadInput(f"Each of the officer's texts has at most {MOST_TEXT:,} characters.")
    return {name: str(texts.get(name, "")).strip() for name in JUDGED}


def _records(*, event_only: bool) -> list[dict[str, Any]]:
    """Record types with a field of class P2 or higher, each field with what is declared of it."""
    from lianfang.records import REGISTRY, Privacy

    found = []
    for name, record in sorted(REGISTRY.items()):
        if event_only and not (record.about.retention != "keep" and "event_id" in record.fields):
            continue
        fields = [
            {
                "name": field,
                "zh": info.declared.zh,
                "en": info.declared.en,
                "class": f"P{int(info.declared.privacy)}",
                "in_vault": info.in_vault,
                "disclosure": info.declared.disclosure,
                "purposes": sorted(info.declared.purposes or record.about.purposes),
                "harm": info.declared.harm,
            }
            for field, info in record.fields.items()
            if info.declared.privacy >= Privacy.QUASI
        ]
        if fields:
            about = record.about
            found.append(
                {
                    "record": name,
                    "zh": about.zh,
                    "en": about.en,
                    "home": about.home,
                    "retention": about.retention,
                    "purposes": sorted(about.purposes),
                    "fields": fields,
                }
            )
    return found


def _purpose(pack: Any, purpose: str) -> dict[str, Any]:
    """Which bodies the pack lets act for a purpose, in which phases, on which articles."""
    from lianfang.guard.policy.vocabulary import ACTORS

    bodies: dict[str, dict[str, Any]] = {}
    for rule in pack.rules:
        if rule.effect != "permit" or purpose not in rule.purposes:
            continue
        for actor in rule.actors:
            line = bodies.setdefault(actor, {"phases": set(), "articles": set(), "conditions": set()})
            line["phases"] |= rule.phases
            line["articles"] |= set(pack.told(rule)[0])
            line["conditions"] |= set(rule.when)
    return {
        "purpose": purpose,
        "bodies": [
            {
                "actor": actor,
                **{name: sorted(bodies[actor][name]) for name in ("phases", "articles", "conditions")},
            }
            for actor in ACTORS
            if actor in bodies
        ],
    }


def _measures(report: Mapping[str, Any]) -> dict[str, Any]:
    """What protects the data now, as the inspection found it."""
    return {
        "ledger_as_written": report["ledger"]["valid"],
        "identities_sealed": report["ledger"].get("subjects", 0),
        "key_files_closed": not any(one["code"] == "key_open" for one in report["findings"]),
        "refused": report["decisions"]["refused"],
        "permitted": report["decisions"]["permitted"],
        "readings": report["readings"]["readings"],
        "readings_without_lock": report["readings"]["without_lock"],
        "last_data_backup": report["backups"]["last_data"],
        "last_drill_passed": report["backups"]["last_drill_passed"],
        "certificates": report["events"]["certificates"]["count"],
    }
