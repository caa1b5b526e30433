"""Planting: as many invented persons under an event's keys as are asked for, and no more when asked again."""

from __future__ import annotations

import secrets
from datetime import date, timedelta

from lianfang.foundation.errors import BadInput, Conflict
from lianfang.services.gate import record, require, within
from lianfang.services.installation import Installation, Who

#: Most planted records of one event: a leak of a part of the data holds one with good chance long before that.
MOST = 1_000
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜谢邹柏窦章苏潘葛范彭"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂兰英华玉萍红鹏辉琳雪晨宇浩欣佳嘉怡思文博俊"
_STREETS = ("临江路", "青石街", "望江巷", "云溪大道", "松湖路", "南桥街")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_OLDEST = date(1945, 1, 1)
_DAYS = 365 * 60


def plant(inst: Installation, who: Who, event_id: str, *, count: int = 5) -> dict[str, int]:
    """Bring the event's planted records to ``count``; returns ``planted`` (new) and ``held``.

    They stand under the event's keys as kind ``canary``. No row points to them: no analysis, link, order, list or
    count reads them, and they end with the event. Called again after a crash, it plants what is left.

    Raises:
        BadInput: no count from 1 to :data:`MOST`. Conflict: the event is not open. Refused: another role or area.
    """
    from lianfang.guard.vault import CANARY
    from lianfang.services import events

    require(who, "canary.manage")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
        raise BadInput(f"From 1 to {MOST} records are planted.")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if event["status"] != "open":
        raise Conflict("The event is not open.")
    with inst.vault_store.begin() as vault:
        held = len(inst.vault.planted(vault, event_id))
        made = [_person() for _ in range(max(0, count - held))]
        if made:
            inst.vault.put_many(vault, event_id, made, kind=CANARY)
    result = {"planted": len(made), "held": held + len(made)}
    with inst.store.begin() as connection:
        record(
            inst,
            connection,
            "canaries_planted",
            who=who,
            purpose="maintenance",
            ref=event_id,
            payload=result,
        )
    return result


def _person() -> dict[str, str]:
    """An invented person: ID of region 4299 with a valid check digit, phone 154, a name from the lists."""
    pick = secrets.choice
    born = _OLDEST + timedelta(days=secrets.randbelow(_DAYS))
    # the demonstration city's districts are 429901 to 429905; planted numbers meet none of its people
    body = f"4299{60 + secrets.randbelow(39)}{born:%Y%m%d}{secrets.randbelow(1000):03d}"
    check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]
    rooms = f"{1 + secrets.randbelow(300)}号{1 + secrets.randbelow(20)}单元{101 + secrets.randbelow(2000)}室"
    return {
        "name": pick(_SURNAMES) + pick(_GIVEN) + pick(_GIVEN),
        "resident_id": body + check,
        "phone": f"154{secrets.randbelow(10**8):08d}",
        "address": pick(_STREETS) + rooms,
    }
