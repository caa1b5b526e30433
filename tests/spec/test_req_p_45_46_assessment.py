"""REQ-P-45, 46, 53 (PIPL 55-56): the assessment says all that is declared, every duty has an owner, nobody is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.records import REGISTRY, HolderEntry, Privacy
from lianfang.services import assessing
from lianfang.services.assessment import DUTIES, JUDGED, assessment
from lianfang.services.installation import Installation, Who
from lianfang.store import put
from loop import CONTACTS, NAMES


def test_every_field_of_people_is_in_it_with_its_class_and_harm(
    inst: Installation, staff: dict[str, Who]
) -> None:
    made = assessment(inst, staff["auditor"])
    told = {(one["record"], field["name"]): field for one in made["records"] for field in one["fields"]}
    wanted = {
        (name, field): info
        for name, record in REGISTRY.items()
        for field, info in record.fields.items()
        if info.declared.privacy >= Privacy.QUASI
    }
    assert set(told) == set(wanted) and len(wanted) > 60
    for key, info in wanted.items():
        assert told[key]["class"] == f"P{int(info.declared.privacy)}" and told[key]["purposes"], key
        assert told[key]["harm"] or info.declared.privacy < Privacy.IDENTIFIER, key


def test_req_p_45_46_every_duty_has_one_owner_and_the_holders_are_named(
    inst: Installation, staff: dict[str, Who]
) -> None:
    assert {"inform", "rectify", "minimise"} <= {duty for duty, _ in DUTIES}
    assert len(dict(DUTIES)) == len(DUTIES) and {owner for _, owner in DUTIES} == {"controller", "holder"}
    hostile = HolderEntry(
        holder="h", kind="telecom_operator", name_zh="通|<b>信", name_en="x|\n# y<script>", url="http://localhost:1",
        sources=["pings"], sign_key="", seal_key="",
    )  # fmt: skip
    with inst.store.begin() as connection:
        put(connection, hostile)
    made = assessment(inst, staff["data_protection_officer"])
    assert made["controller"]["id"] == "linjiang-cdc" and made["recipients"][0]["kind"] == "telecom_operator"
    text = assessing.markdown(made, "en")
    assert "<script>" not in text and "\n# y" not in text and "x\\| # y" in text


def test_req_p_53_purposes_show_only_bodies_that_the_pack_permits(
    inst: Installation, staff: dict[str, Who]
) -> None:
    made = {one["purpose"]: one["bodies"] for one in assessment(inst, staff["auditor"])["purposes"]}
    assert not {"marketing", "advertising"} & set(made)
    bodies = {one["actor"]: one for one in made["close_contact_tracing"]}
    assert "cdc" in bodies and bodies["cdc"]["articles"] and "press_officer" not in bodies
    assert "delegated" in {c for one in made["returnee_registration"] for c in one["conditions"]}


def test_the_officers_part_stays_open_until_it_is_written(
    inst: Installation, event_id: str, staff: dict[str, Who]
) -> None:
    dpo = staff["data_protection_officer"]
    made = assessment(inst, dpo, event_id=event_id, texts={"residual": "剩余风险可接受"})
    assert made["open"] == [name for name in JUDGED if name != "residual"]
    assert made["event"]["event_id"] == event_id
    assert {one["retention"] for one in made["records"]} <= {"event", "pack", "coarsen"}
    for lang, wanted in (
        ("zh", ["待填写", "剩余风险可接受", "销毁"]),
        ("en", ["to be filled in", "Residual risks"]),
    ):
        text = assessing.markdown(made, lang)
        for words in wanted:
            assert words in text
        if lang == "zh":  # no code of the house is left in it
            assert not re.search(r"\b[a-z]+_[a-z_]+\b", text.partition("## 六")[0])
        for secret in (*NAMES, *CONTACTS, "1540000", "城南市场"):
            assert secret not in text
    for wrong in ({"x": "y"}, {"risks": 3}, {"risks": "x" * 20_001}):
        with pytest.raises(BadInput):
            assessment(inst, dpo, texts=wrong)
    with pytest.raises(NotFound):
        assessment(inst, dpo, event_id="none")
    for role in ("epidemiologist", "manager", "community_worker", "laboratory"):
        with pytest.raises(Refused):
            assessment(inst, staff[role])


def test_the_command_writes_markdown_and_json(inst: Installation, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        base = ["guard", "assessment", "--home", str(inst.home)]
        return CliRunner().invoke(cli, [*base, *words], standalone_mode=False)

    (tmp_path / "t.json").write_text(json.dumps({"risks": "低"}), encoding="utf-8")
    (tmp_path / "bad.json").write_text("[" * 3000, encoding="utf-8")
    out = tmp_path / "a.md"
    done = run("--out", str(out), "--texts", str(tmp_path / "t.json"))
    assert done.exit_code == 0 and out.read_text(encoding="utf-8").startswith("# 个人信息保护影响评估")
    assert isinstance(run("--out", str(out)).exception, BadInput)
    assert isinstance(
        run("--out", str(tmp_path / "b"), "--texts", str(tmp_path / "bad.json")).exception, BadInput
    )
    assert run("--out", str(tmp_path / "a.json"), "--json").exit_code == 0
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["format"] == "lianfang-assessment/1"


def test_req_p_45_joint_controllers_come_from_the_exchange(
    three: dict[str, Installation], alert_id: str
) -> None:
    from exchangekit import staff as member

    a = three["linjiang"]
    made = assessment(a, member(a, "data_protection_officer"))
    (joint,) = made["joint_control"]
    assert (joint["data_set"], joint["controller"]) == (alert_id, "linjiang")
    assert joint["joint_controllers"] == ["commission", "yuanshan"] and joint["retention_days"] == 14
    for lang, words in (("zh", "共同控制的数据集"), ("en", "controlled jointly")):
        text = assessing.markdown(made, lang)
        assert words in text and "yuanshan" in text
