"""REQ-P-57 in time: from all daily bulletins together nobody recovers a count that was withheld."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from disclosurekit import EVENT, centre, city_cards, publish_days
from lianfang.foundation.errors import Refused
from lianfang.guard import attack as suite
from lianfang.guard.disclosure import protect
from lianfang.services import accounts, attack


def test_req_p_57_no_exact_recovery_over_successive_daily_bulletins(
    tmp_path: Path, count: Callable[[int, int], int]
) -> None:
    """200 days at full count: report cards of the demonstration city, published through the service."""
    days = count(20, 200)
    inst = centre(tmp_path / "home")
    releases = publish_days(inst, city_cards(10 + days), 10, days)
    assert len(releases) == days
    report = suite.attack(releases)
    assert report.recovered == 0
    assert sum(not cell.implied for cell in report.cells) > days  # there was something to recover
    told = [
        row["count"] for r in releases for t in r["tables"] if t["name"] == "by_district" for row in t["rows"]
    ]
    assert sum(value is not None for value in told) > days / 2  # and not all of it was withheld
    found = attack.attack(inst, accounts.person(inst, "zhou.zhuren"), EVENT)
    assert found["report"].recovered == 0 and not found["draft"]
    inst.close()


def test_the_attack_recovers_cells_when_releases_are_not_checked_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack is able to find something: the same days without the joint check."""
    monkeypatch.setattr(protect._Case, "holds", lambda *_: True)
    inst = centre(tmp_path / "home")
    releases = publish_days(inst, city_cards(40), 10, 30)
    inst.close()
    assert suite.attack(releases).recovered > 0


def test_who_may_attack_and_that_it_is_recorded(tmp_path: Path) -> None:
    from lianfang.guard import ledger

    inst = centre(tmp_path / "home")
    publish_days(inst, city_cards(14), 10, 3)
    with pytest.raises(Refused):
        attack.attack(inst, accounts.person(inst, "li.she"), EVENT)
    attack.attack(inst, accounts.person(inst, "sun.shen"), EVENT)
    with inst.store.read() as connection:
        entries = ledger.entries(connection, type="bulletin.attacked")
    inst.close()
    assert [(e.actor, (e.payload or {}).get("recovered")) for e in entries] == [("sun.shen", 0)]
