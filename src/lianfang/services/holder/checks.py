"""Whether an order may be answered: every reason against it, in words of both sides (REQ-P-62)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lianfang.services.holder.documents import LockNote, OrderNote, OrderRequest, commitment
from lianfang.services.holder.folder import About, Limits

if TYPE_CHECKING:
    from lianfang.guard.policy import Decision

#: How far the two clocks may differ.
SKEW = timedelta(minutes=5)
#: Source -> the purpose for which a holder collected it: each answer is for another, and both are kept (REQ-P-16).
COLLECTED_FOR = {
    "pings": "mobile_service",
    "lodging": "guest_registration",
    "trips": "carriage_of_passengers",
    "visits": "venue_register",
}
#: How a node meets what an answer obliges it to: it answers orders only, to the centre that signed, sealed to its key.
GOING = ("sealed_to_centre", "signed_by_centre", "order_answered")


def order_problems(
    note: OrderNote, request: OrderRequest, about: About, limits: Limits, now: datetime
) -> list[str]:
    """Reasons against an order whose signature holds; empty when it may be answered."""
    found = _formal(note, about, now)
    if not note.basis:
        found.append("basis: the order names no legal basis. 未写明法律依据。")
    if not note.responsible.strip():
        found.append("responsible: nobody answers for the order. 未写明责任人。")
    if note.expires_at - note.issued_at > timedelta(hours=limits.valid_hours):
        found.append(f"expiry: valid for more than {limits.valid_hours} hours. 有效期过长。")
    if not note.sources or set(note.sources) - set(about.sources):
        found.append(f"sources: this holder has {', '.join(about.sources)}. 数据源不在本单位范围。")
    if not 0 < note.row_cap <= limits.row_cap:
        found.append(f"row_cap: 1 to {limits.row_cap} rows are answered. 返回上限不合规定。")
    if unstated := set(note.sources) & set(about.sources) - set(COLLECTED_FOR):
        found.append(f"original_purpose: not stated for {', '.join(sorted(unstated))}. 未载明原收集目的。")
    found += _period(note, limits)
    if note.rule.radius_m > limits.radius_m:
        found.append(f"rule: a radius above {limits.radius_m:g} m. 规则半径过大。")
    found += _index(note, request, limits)
    return found


def _formal(note: OrderNote, about: About, now: datetime) -> list[str]:
    found = []
    if note.holder != about.id:
        found.append("holder: the order is for another holder. 调取令对象不是本单位。")
    if now > note.expires_at:
        found.append("expired: the order has expired. 调取令已失效。")
    if note.issued_at > now + SKEW:
        found.append("issued_at: issued in the future. 签发时间在将来。")
    if note.expires_at <= note.issued_at:
        found.append("expiry: expires before it was issued. 失效时间早于签发时间。")
    return found


def _period(note: OrderNote, limits: Limits) -> list[str]:
    start, end = note.period.start, note.period.end
    if start >= end:
        return ["period: the period is empty. 期间为空。"]
    if end - start > timedelta(days=limits.period_days):
        return [f"period: longer than {limits.period_days} days. 期间过长。"]
    if end > note.issued_at + timedelta(days=1):
        return ["period: ends after the order was issued. 期间晚于签发时间。"]
    return []


def _index(note: OrderNote, request: OrderRequest, limits: Limits) -> list[str]:
    found = []
    cases = request.index
    if not 0 < len(cases) <= limits.index_cases:
        found.append(f"scope: 1 to {limits.index_cases} index cases; bulk is refused. 不批量提供。")
    if note.index_count != len(cases) or note.index_sha256 != commitment(request.match_key, cases):
        found.append("index: the list is not the one that was signed. 指示病例清单与签名不符。")
    if len({case.number for case in cases}) != len(cases):
        found.append("index: a number stands twice. 编号重复。")
    if any(case.resident_id is None and case.phone is None for case in cases):
        found.append("index: a case has no token. 缺少标记。")
    if any(case.start >= case.end for case in cases):
        found.append("index: an infectious period is empty. 传染期为空。")
    return found


def lock_problems(lock: LockNote, about: About, now: datetime) -> list[str]:
    """Reasons against naming the tokens of a lock whose signature holds (REQ-P-64)."""
    found = []
    if lock.holder != about.id:
        found.append("holder: the lock is for another holder. 锁定对象不是本单位。")
    if now > lock.not_after:
        found.append("expired: the lock has expired. 锁定已失效。")
    if not lock.reason.strip():
        found.append("reason: the lock gives no reason. 未写明理由。")
    if len(set(lock.tokens)) != len(lock.tokens):
        found.append("tokens: a token stands twice. 标记重复。")
    given = [one for one in lock.approvals if one.at <= now + SKEW]
    if not any(a.account != b.account and a.role != b.role for a in given for b in given):
        found.append("approvals: two people in different roles must approve. 须由不同角色的两人批准。")
    if any(one.account == lock.worker for one in lock.approvals):
        found.append("approvals: the worker may not approve. 责任人不得自行批准。")
    return found


def decide(
    about: About, limits: Limits, *, phase: str, purpose: str, data: list[str], ref: str, day: datetime
) -> Decision:
    """The policy's word on the holder's own act (retrieval on demand); a denial too where a duty is left undone."""
    from lianfang.foundation.clock import local_day
    from lianfang.guard.policy import decide as ask
    from lianfang.guard.policy import get
    from lianfang.services import duties
    from lianfang.services.installation import Who

    decision = ask(
        {
            "actor": about.kind,
            "phase": phase,
            "purpose": purpose,
            "data": data,
            "context": {
                "event_open": True,
                "request_record": ref,
                "scope": "contacts_of_index_cases",
                "requested_by": "cdc",
                "recipient": "cdc",
            },
            "at": local_day(day, limits.zone),
            "pack": limits.policy_pack,
        }
    )
    if not decision.permit:
        return decision
    node = Who(about.id, "holder", about.kind)
    known = [COLLECTED_FOR[one] for one in about.sources if one in COLLECTED_FOR]
    stated = " ".join(known) if len(known) == len(about.sources) else ""
    change = {"change_of_purpose": True, "source": stated}
    retention = get(limits.policy_pack).retention
    owed = duties.left(duties.Asked(node, decision, phase, purpose, change, None, 0, retention), GOING)
    return decision.withheld(owed) if owed else decision
