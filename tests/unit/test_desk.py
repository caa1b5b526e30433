"""The desk where files arrive: nothing with a name in it stays there."""

from __future__ import annotations

from datetime import timedelta

from lianfang.records import QualityFinding, ReceivedReport
from lianfang.services import daily
from lianfang.services.installation import SYSTEM, Installation
from lianfang.store import rows, tally
from loop import DAY

HEADER = "日期,机构,区划,就诊人次,发热人次,流感样病例\n"


def test_taken_and_empty_files_go_unusable_ones_are_set_aside(inst: Installation) -> None:
    desk = inst.inbox / DAY.isoformat()
    desk.mkdir(parents=True)
    (desk / "发热门诊.csv").write_text(f"{HEADER}{DAY},临江市第一医院,429901,9,3,1\n", encoding="utf-8")
    (desk / "返回人员.csv").write_text(
        "登记日期,姓名,证件号码,联系电话,现住址,现住区划,来自地区,返回日期,症状\n", encoding="utf-8"
    )
    (desk / "别的.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    first = daily.run(inst, SYSTEM, DAY)
    assert first.steps["import"]["files"] == 3 and first.steps["import"]["refused"] == 1
    assert not desk.exists()
    kept = inst.home / "refused" / DAY.isoformat() / "别的.csv"
    assert kept.stat().st_mode & 0o777 == 0o600 and kept.parent.stat().st_mode & 0o777 == 0o700
    with inst.store.read() as connection:
        found = rows(connection, QualityFinding, as_of=DAY, check="refused_file")
        assert tally(connection, ReceivedReport) == 2
    assert [row["severity"] for row in found] == ["error"]
    assert "别的.csv" in found[0]["message_zh"] and "fits no mapping" in found[0]["message_en"]
    again = daily.run(inst, SYSTEM, DAY)
    assert again.digest == first.digest and again.steps["import"]["files"] == 0


def test_a_link_in_the_inbox_is_removed_and_its_target_left_alone(inst: Installation) -> None:
    elsewhere = inst.home.parent / "elsewhere.csv"
    elsewhere.write_text("a,b\n1,2\n")
    elsewhere.chmod(0o644)
    desk = inst.inbox / DAY.isoformat()
    desk.mkdir(parents=True)
    (desk / "link.csv").symlink_to(elsewhere)
    daily.run(inst, SYSTEM, DAY)
    assert elsewhere.read_text() == "a,b\n1,2\n" and elsewhere.stat().st_mode & 0o777 == 0o644
    assert not desk.exists()


def test_later_deliveries_wait(inst: Installation) -> None:
    later = DAY + timedelta(days=1)
    desk = inst.inbox / later.isoformat()
    desk.mkdir(parents=True)
    (desk / "发热门诊.csv").write_text(f"{HEADER}{later},临江市第一医院,429901,9,3,1\n", encoding="utf-8")
    daily.run(inst, SYSTEM, DAY)
    assert (desk / "发热门诊.csv").is_file()
