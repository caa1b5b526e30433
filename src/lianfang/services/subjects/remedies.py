"""The remedies open to a person, with their articles as the policy pack cites them.

Only articles that were read when the packs were written are given by number. Where a number was not read, the
remedy says so (``verified`` false) and names the statute alone.
"""

from __future__ import annotations

from datetime import date
from typing import Any

#: kind, Chinese, English; ``own``: this house does it itself.
_REMEDIES = (
    ("correction", True, "要求更正不准确的信息", "have what is wrong corrected"),
    ("erasure", True, "要求删除不再必要或不准确的信息", "have what is no longer needed, or wrong, erased"),
    ("reconsideration", False, "申请行政复议", "apply for administrative reconsideration"),
    ("suit", False, "向人民法院提起诉讼", "bring a suit before a people's court"),
)
_REMEDIES_EU = (
    _REMEDIES[0],
    _REMEDIES[1],
    ("complaint", False, "向监督机关投诉", "lodge a complaint with a supervisory authority"),
    ("suit", False, "寻求司法救济", "seek a judicial remedy"),
)
#: Where a pack of the European exchange cites no article of its own.
_GDPR = ("通用数据保护条例 GDPR", "", False)
#: Pack and kind -> statute and article where they are other than the pack's article on the person's rights.
_ELSEWHERE = {
    ("cn-current", "reconsideration"): ("传染病防治法 Infectious Diseases Law (2025)", "", False),
    ("cn-current", "suit"): ("传染病防治法 Infectious Diseases Law (2025)", "", False),
    ("cn-current", "erasure"): ("个人信息保护法 PIPL", "art. 47", True),
    ("cn-current", "correction"): ("个人信息保护法 PIPL", "", False),
}


def remedies(pack_name: str, day: date) -> list[dict[str, Any]]:
    """What the person can do: ``kind``, ``own`` (here), ``zh``, ``en``, ``article``, ``verified``."""
    from lianfang.guard.policy import get

    pack = get(pack_name)
    rights = pack.sources.get("subject-rights")
    usual = (rights.statute, rights.article, rights.verified) if rights else _GDPR
    told = []
    for kind, own, zh, en in _REMEDIES_EU if pack.jurisdiction == "eu" else _REMEDIES:
        statute, article, verified = _ELSEWHERE.get((pack.id, kind), usual)
        place = article if verified else f"{article} (unverified 未核实)".strip()
        told.append(
            {
                "kind": kind,
                "own": own,
                "zh": zh,
                "en": en,
                "article": f"{statute} {place} [{pack.id} {pack.valid_from}]",
                "verified": verified,
                "in_force": pack.valid(day),
            }
        )
    return told
