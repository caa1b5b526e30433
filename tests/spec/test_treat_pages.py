"""The desk's page of engines: answers in both languages, keeps nothing, refuses what is too long or contradictory."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

import genomekit
from deskkit import Desk
from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.services import treating
from lianfang.services.installation import Installation, Who

Staff = dict[str, Who]
REFERENCE = genomekit.reference()


def rows_of(inst: Installation) -> dict[str, int]:
    """How many rows each table of the operational store holds."""
    with inst.store.read() as connection:
        names = sa.inspect(connection).get_table_names()
        return {
            name: connection.execute(sa.text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names
        }


@pytest.mark.parametrize("account", ["lin.yi", "zhao.jian", "wang.yi", "zhou.zhuren"])
def test_the_page_opens_for_who_works_with_it(inst: Installation, account: str) -> None:
    one = Desk(inst, account)
    page = one.get("/treat?edition=cn-6")
    assert page.status_code == 200 and "第六版" in page.text and 'href="/treat"' in page.text
    one.post("/language", lang="en", back="/treat")
    assert "Who counts as a case" in one.get("/treat").text


def test_a_genome_and_a_case_are_answered_and_nothing_is_kept(inst: Installation) -> None:
    one = Desk(inst, "lin.yi")
    one.get("/treat")
    before = rows_of(inst)
    made = genomekit.with_changes(
        REFERENCE, "C241T", "C3037T", "C14408T", "A23403G", "G28881A", "G28882A", "G28883C"
    )
    read = one.post("/treat/genome", sequence=f">secret name 张三\n{made}")
    assert (
        read.status_code == 200
        and "20B" in read.text
        and "S:D614G" in read.text
        and "ChinaCDC_N_F" in read.text
    )
    assert "张三" not in read.text and "secret" not in read.text
    case = one.post(
        "/treat/casedef", edition="cn-6", yes=["cluster", "fever", "pneumonia_imaging"], no=["pcr_positive"],
        respiratory_rate="31",
    )  # fmt: skip
    assert (
        case.status_code == 200
        and "疑似病例" in case.text
        and "重型" in case.text
        and "不是诊断" in case.text
    )
    assert rows_of(inst) == before


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("genome", {"sequence": "A" * 70_000}, "60,000"),
        ("casedef", {"edition": "cn-6", "yes": ["fever"], "no": ["fever"]}, "同时勾选"),
        ("casedef", {"edition": "cn-99", "yes": ["fever"]}, ""),
        ("casedef", {"edition": "cn-6", "yes": ["name"]}, "不是可用的检查项目"),
        ("casedef", {"edition": "cn-6", "respiratory_rate": "fast"}, ""),
        ("casedef", {"edition": "cn-6", "person": "张三"}, ""),
    ],
)
def test_bad_input_is_told(inst: Installation, path: str, fields: dict[str, Any], said: str) -> None:
    one = Desk(inst, "lin.yi")
    answer = one.post(f"/treat/{path}", **fields)
    assert answer.status_code in (400, 404, 422) and said in answer.text
    assert "张三" not in answer.text


def test_a_genome_that_cannot_be_read_says_why(inst: Installation) -> None:
    one = Desk(inst, "zhao.jian")
    assert "全为未知碱基" in one.post("/treat/genome", sequence="N" * 29_000).text
    assert "序列过短" in one.post("/treat/genome", sequence="ACGT").text


def test_other_roles_are_kept_out(inst: Installation, staff: Staff) -> None:
    for role, who in staff.items():
        if role in ("clinician", "laboratory", "epidemiologist", "manager"):
            continue
        for call in (
            lambda who=who: treating.read_genome(inst, who, REFERENCE),
            lambda who=who: treating.classify(inst, who, [], [], {}, "cn-6"),
        ):
            with pytest.raises(Refused):
                call()
    assert Desk(inst, "li.she").get("/treat").status_code == 403
    with pytest.raises(NotFound):
        treating.classify(inst, staff["clinician"], [], [], {}, "cn-99")
    with pytest.raises(BadInput):
        treating.read_genome(inst, staff["clinician"], "")
