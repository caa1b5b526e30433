"""One candidate on its way: what was withheld and why, and whether anything forbidden was met."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lianfang.guard.disclosure.candidate import Candidate
from lianfang.guard.disclosure.cells import Cube, Key
from lianfang.guard.disclosure.release import Withheld
from lianfang.guard.disclosure.shown import History, Shown, shown
from lianfang.guard.policy import Pack

# labels of the text scan -> the kind under which a finding is counted
_COUNTED_AS = {
    "PERSON": "name", "AGE": "age", "DOB": "age", "RESIDENT_ID": "resident_id", "MOBILE": "phone",
    "LANDLINE": "phone", "ADDRESS": "address", "TRIP": "trip", "DEVICE_ID": "device", "IP_ADDR": "device",
    "EMAIL": "email", "PLATE": "plate", "PASSPORT": "passport", "HKMO_PERMIT": "passport",
    "TW_PERMIT": "passport", "FPR_ID": "passport", "HKID": "resident_id", "TW_ID": "resident_id",
}  # fmt: skip
_WHY = {
    "never": ("never published", "不得公开"),
    "text": ("found in a text", "文本中发现"),
    "small_cell": ("a count below the minimum can point to a person", "计数小于下限可能指向个人"),
    "complementary_cell": ("margins would give a small cell away", "可由合计推算小单元格"),
    "difference": (
        "comparison with an earlier release would give a small count away",
        "与前期发布相减可推算",
    ),
    "area": ("finer than this audience may know", "细于该受众可知的区域"),
    "table": ("no way to protect its small cells", "无法保护其中的小单元格"),
}

if TYPE_CHECKING:
    from lianfang.guard.redaction import Finding

Told = tuple[int, str, tuple[str, ...], Key]


def found_in(text: str, *, area: bool) -> list[Finding]:
    """What points to a person; in an area's column the name of a place is not weighed as a person's (和平里)."""
    from lianfang.guard.redaction import find
    from lianfang.guard.redaction.address import place_name

    return find(text, point="block", weighing=not (area and place_name(text)))


class Desk:
    """One candidate on its way: what was withheld, and whether anything forbidden was met."""

    def __init__(self, found: Candidate, pack: Pack) -> None:
        self.found = found
        self.pack = pack
        self.minimum = int(pack.disclosure.get("min_cell", 5))
        levels = pack.disclosure.get("area_level") or {}
        self.level = str(levels.get(found.audience, "district"))
        self.withheld: dict[tuple[str, str, str], int] = {}
        self.forbidden: list[str] = []
        # tables of this release that are already protected, with their withheld cells, and as readers see them
        self.done: list[tuple[Cube, set[Key]]] = []
        self.today: list[Shown] = []
        # a listing says the same few things of thousands: each text is looked through once
        self.searched: dict[tuple[str, bool], list[Finding]] = {}

    @cached_property
    def earlier(self) -> History:
        """The earlier releases as readers see them."""
        return shown(self.found.earlier)

    @cached_property
    def told(self) -> frozenset[Told] | None:
        """What the earlier releases give away already; None when that cannot be worked out."""
        return self.tells([])

    def tells(self, today: list[Shown]) -> frozenset[Told] | None:
        """Withheld cells (release, table, key) that all releases together give away; None when unknown."""
        from lianfang.guard.disclosure import inference

        history = History([*self.earlier.tables, *today], self.earlier.releases + 1)
        try:
            _, found = inference.infer(history, minimum=self.minimum)
        except (inference.TooLarge, inference.Contradiction):
            return None
        return frozenset(
            (one.target.release, one.target.table, one.target.dimensions, one.target.key) for one in found
        )

    def note(self, kind: str, where: str, why: str, count: int = 1) -> None:
        self.withheld[kind, where, why] = self.withheld.get((kind, where, why), 0) + count

    def forbid(self, kind: str, where: str, why: str, count: int = 1) -> None:
        self.note(kind, where, why, count)
        en, zh = _WHY[why]
        self.forbidden.append(f"{kind}: {where}, {en}. {where}：{zh}。")

    def items(self) -> tuple[Withheld, ...]:
        return tuple(Withheld(k, n, where, *_WHY[why]) for (k, where, why), n in self.withheld.items())

    def scan(self, text: str, where: str, *, area: bool = False) -> str:
        """The text without what must not leave; each finding is noted as forbidden."""
        from lianfang.guard import redaction

        if (text, area) not in self.searched:
            self.searched[text, area] = found_in(text, area=area)
        findings = self.searched[text, area]
        for finding in findings:
            self.forbid(_COUNTED_AS.get(finding.kind, "number"), where, "text")
        return redaction.replace(text, findings) if findings else text
