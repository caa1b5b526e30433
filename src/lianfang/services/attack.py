"""The attack suite on an event's bulletins, and on today's before it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.services import bulletin, events
from lianfang.services.gate import record, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.guard.attack import Report


def attack(inst: Installation, who: Who, event_id: str) -> dict[str, Any]:
    """What a reader of every bulletin of the event can recover; today's draft is counted in where there is one.

    Returns ``event``, ``report`` and ``draft`` (whether today's unpublished bulletin was counted in). The attack
    reads nothing but what is or would be public; that it was made, and its outcome, is recorded.
    """
    from lianfang.guard import attack as suite
    from lianfang.guard.policy import get
    from lianfang.records import Bulletin
    from lianfang.store import rows

    require(who, "bulletin.attack")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    with inst.store.read() as connection:
        found = rows(connection, Bulletin, event_id=event_id, order_by=["number"])
    releases = [{**row["content"], "reasons": row["withheld"]} for row in found]
    draft = False
    if event["status"] == "open" and all(row["as_of"] != inst.today() for row in found):
        made = bulletin.prepared(inst, who, event)
        if made["content"]:
            releases.append({**made["content"], "reasons": made["withheld"]})
            draft = True
    minimum = int(get(inst.settings.policy_pack).disclosure.get("min_cell", 5))
    report: Report = suite.attack(releases, minimum=minimum)
    with inst.store.begin() as connection:
        record(
            inst,
            connection,
            "bulletin.attacked",
            who=who,
            purpose="public_bulletin",
            ref=event_id,
            payload={"releases": report.releases, "recovered": report.recovered, "draft": draft},
        )
    return {"event": event, "report": report, "draft": draft}
