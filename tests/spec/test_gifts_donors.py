"""Donors: named by their own wish only, followed by a code that nobody guesses; real accounts; lists in and out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from giftkit import DEPOT, DONOR, N95, PHONE, WEST, Desk, desk
from lianfang.foundation.errors import BadInput, Conflict, LianfangError, NotFound, Refused
from lianfang.services import gifts, subjects
from lianfang.services.gifts import donors, register
from lianfang.services.installation import Installation, Signed, Who
from lianfang.store import metadata


@pytest.fixture
def at(inst: Installation, staff: dict[str, Who], event_id: str) -> Desk:
    return desk(inst, staff, event_id)


def give(at: Desk, *, show: bool = True, name: str = DONOR, phone: str = PHONE) -> dict[str, Any]:
    lines = [{"item": N95, "quantity": 100}, {"item": "suit-gb19082", "quantity": 5}]
    made: dict[str, Any] = gifts.pledge(
        at.inst, at.supply, at.event_id, lines, name=name, phone=phone, show=show
    )
    return made


def shown(at: Desk) -> set[str]:
    return {one["donor"] for one in gifts.overview(at.inst)["recent"]}


def test_a_name_is_public_by_its_donors_wish_and_no_longer(at: Desk) -> None:
    made = give(at, show=False)
    assert shown(at) == {""} and gifts.follow(at.inst, made["code"])["donor"] == ""
    gifts.wish(at.inst, at.supply, made["gifts"][0], True)
    assert shown(at) == {DONOR}
    gifts.unwish(at.inst, made["code"])  # he himself, by his code
    assert shown(at) == {""}
    gifts.wish(at.inst, at.supply, made["gifts"][1], True)
    gifts.wish(at.inst, at.supply, made["gifts"][0], False)
    assert shown(at) == {""}
    with pytest.raises(BadInput, match="name"):
        give(at, name="", show=True)


def test_reading_a_donor_is_asked_for_and_recorded(at: Desk) -> None:
    from lianfang.records import DecisionEntry
    from lianfang.store import rows

    made = give(at, show=False)
    told = gifts.donor(at.inst, at.supply, made["gifts"][0])
    assert told == {"name": DONOR, "phone": PHONE, "show": False}
    with at.inst.store.read() as connection:
        asked = [row for row in rows(connection, DecisionEntry) if row["purpose"] == "donation"]
    assert [
        (row["phase"], row["data"], row["permit"]) for row in sorted(asked, key=lambda r: r["log_index"])
    ] == [
        ("collect", ["mobile", "name"], True),
        ("read", ["mobile", "name"], True),
    ]
    for role in ("manager", "epidemiologist", "clinician", "auditor", "laboratory"):
        with pytest.raises(Refused):
            gifts.donor(at.inst, at.staff[role], made["gifts"][0])


def test_no_name_and_no_code_stands_outside_the_vault(at: Desk) -> None:
    made = give(at)
    at.receive(made["gifts"][0], 100)
    gifts.wish(at.inst, at.supply, made["gifts"][0], False)
    gifts.donor(at.inst, at.supply, made["gifts"][0])
    with at.inst.store.read() as connection:
        held = [
            str(tuple(row))
            for table in metadata.tables.values()
            for row in connection.execute(table.select())
        ]
        held += [str(tuple(row)) for row in connection.exec_driver_sql("SELECT body FROM ledger_record")]
    assert len(held) > 20
    letters = made["code"].replace("-", "")
    assert not [row for row in held if any(word in row for word in (DONOR, PHONE, made["code"], letters))]


def test_a_donor_may_have_his_data_shown_corrected_and_erased(at: Desk) -> None:
    officer = at.staff["data_protection_officer"]
    made = give(at)
    me = subjects.identity({"name": DONOR, "phone": PHONE})
    report = subjects.report(at.inst, officer, me, identity_verified=True)
    assert "gift_donor" in str(report)
    subjects.correct(at.inst, officer, me, {"name": "邢改名"}, reason="misspelt", identity_verified=True)
    assert shown(at) == {"邢改名"}
    now = subjects.identity({"name": "邢改名", "phone": PHONE})
    subjects.erase(at.inst, officer, now, ground="inaccurate", reason="his wish", identity_verified=True)
    assert shown(at) == {""}
    assert gifts.donor(at.inst, at.supply, made["gifts"][0]) == {"name": "", "phone": "", "show": True}
    held = [one["holds"] for one in gifts.follow(at.inst, made["code"])["gifts"]]
    assert {"pledged": 100} in held


def test_gifts_of_one_person_and_a_patient_of_the_name_stay_apart(at: Desk) -> None:
    from lianfang.records import GiftDonor
    from lianfang.store import rows

    with at.inst.vault_store.begin() as vault:
        patient = at.inst.vault.put_many(
            vault, at.event_id, [{"name": DONOR, "phone": PHONE}], kind="case_report"
        )[0]
    give(at), give(at)
    with at.inst.store.read() as connection:
        ids = {row["subject_id"] for row in rows(connection, GiftDonor)}
    assert len(ids) == 2 and patient not in ids
    with at.inst.vault_store.read() as vault:
        # what opens donors opens nobody else
        assert at.inst.vault.donors(vault, at.event_id, [patient, "none"]) == {}


def test_a_code_is_long_random_and_forgiving_to_read() -> None:
    codes = {donors.make_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert {len(code) for code in codes} == {24}
    code = next(iter(codes))
    assert donors.digest(code) == donors.digest(f" {code.lower()} ") == donors.digest(code.replace("-", ""))
    assert donors.digest("0O1I-L000-0000-0000-0000") == donors.digest("0011-1000-0000-0000-0000")
    for wrong in ("", "x", code[:-1], code + "0", code[:-1] + "*", "U" * 20, "０" * 20):
        assert donors.digest(wrong) == ""


def test_only_the_code_opens_a_gift_and_a_lost_one_ends(at: Desk) -> None:
    made = give(at)
    for wrong in ("", made["gifts"][0], donors.make_code(), donors.digest(made["code"])):
        with pytest.raises(NotFound):
            gifts.follow(at.inst, wrong)
    fresh = gifts.new_code(at.inst, at.supply, made["gifts"][1])
    assert len(gifts.follow(at.inst, fresh)["gifts"]) == 2
    with pytest.raises(NotFound):
        gifts.follow(at.inst, made["code"])


# the register -------------------------------------------------------------------------------------------------


def test_an_account_is_real_when_a_second_person_verified_it(at: Desk) -> None:
    inst = at.inst
    entry = gifts.enter_account(
        inst, at.supply, name_zh="临江市慈善总会", name_en="Linjiang Charity Federation", channel="bank",
        number="4299 0000 1111 2222", valid_from=inst.today(), valid_to=inst.today() + timedelta(days=30),
    )  # fmt: skip
    assert gifts.registered(inst) == [] and len(gifts.registered(inst, at.supply)) == 1
    assert gifts.check_account(inst, "4299000011112222")["verdict"] == "unknown"
    with pytest.raises(Refused, match="Another person"):
        gifts.verify_account(inst, at.supply, entry, evidence="its own notice")
    with pytest.raises(BadInput):
        gifts.verify_account(inst, at.manager, entry, evidence=" ")
    gifts.verify_account(inst, at.manager, entry, evidence="its own notice")
    with pytest.raises(Conflict):
        gifts.verify_account(inst, at.manager, entry, evidence="its own notice")
    (seen,) = gifts.registered(inst)
    assert seen["state"] == "valid" and "entered_by" not in seen
    assert gifts.check_account(inst, "4299-0000-1111-2222")["verdict"] == "real"
    inst.clock.move(timedelta(days=31))  # type: ignore[attr-defined]
    assert gifts.check_account(inst, "4299 0000 1111 2222")["verdict"] == "ended"
    gifts.end_account(inst, at.manager, entry, reason="the account was changed")
    assert gifts.registered(inst)[0]["state"] == "ended"


@pytest.mark.parametrize(
    ("number", "name", "verdict", "why"),
    [
        ("４２９９ 0000 1111 2222", "", "real", "valid"),
        ("4299000011112222", "临江市慈善总会", "real", "valid"),
        ("4299000011112222", "某某基金会", "lookalike", "other_name"),
        ("4299O000l1112222", "", "lookalike", "letters"),
        ("4299000011112223", "", "lookalike", "figures"),
        ("4299000011121222", "", "lookalike", "figures"),
        ("429900001111222", "", "lookalike", "figures"),
        ("4299987654322222", "", "lookalike", "both_ends"),
        ("6222333344445555", "临江市慈善总会", "lookalike", "other_number"),
        ("6222333344445555", "Linjiang Charity", "lookalike", "other_number"),
        ("6222333344445555", "", "unknown", "not_registered"),
    ],
)
def test_is_this_the_real_account(at: Desk, number: str, name: str, verdict: str, why: str) -> None:
    at.account()
    told = gifts.check_account(at.inst, number, name)
    assert (told["verdict"], told["why"]) == (verdict, why)
    assert (told["entry"] is None) == (verdict == "unknown")


def test_asking_about_a_number_leaves_no_trace(at: Desk) -> None:
    at.account()
    with at.inst.store.read() as connection:
        before = connection.exec_driver_sql("SELECT COUNT(*) FROM ledger_record").scalar()
        gifts.check_account(at.inst, "6222333344445555", DONOR)
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM ledger_record").scalar() == before
    for wrong in ("", "1", "- -", "9" * 201):
        with pytest.raises(BadInput):
            gifts.check_account(at.inst, wrong)


def test_the_register_refuses_what_is_no_entry(at: Desk) -> None:
    good = {
        "name_zh": "甲",
        "name_en": "A",
        "channel": "bank",
        "number": "1234567",
        "valid_from": at.inst.today(),
    }
    gifts.enter_account(at.inst, at.supply, **good)
    for wrong in (
        {"number": "1234-567"}, {"number": "1"}, {"channel": "cash"}, {"name_zh": " "}, {"bank": "x\ny"},
        {"number": "77777", "valid_to": at.inst.today() - timedelta(days=1)}, {"name_en": "x" * 201},
    ):  # fmt: skip
        with pytest.raises(BadInput):
            gifts.enter_account(at.inst, at.supply, **{**good, "number": "99999999", **wrong})
    with pytest.raises(Refused):
        gifts.enter_account(at.inst, at.clinician, **good)


def test_near_is_the_distance_with_swaps() -> None:
    """Against the definition: what one change, two changes reach, by trying all of them."""

    def once(text: str) -> set[str]:
        cut = [(text[:i], text[i:]) for i in range(len(text) + 1)]
        return {
            *(a + b[1:] for a, b in cut if b),
            *(a + c + b for a, b in cut for c in "012"),
            *(a + c + b[1:] for a, b in cut if b for c in "012"),
            *(a + b[1] + b[0] + b[2:] for a, b in cut if len(b) > 1),
        }

    first = once("01201") | {"01201"}
    for text in first:
        assert register.near("01201", text, 1)
    others = {text for word in first for text in once(word)}
    for text in others - first:
        assert not register.near("01201", text, 1), text
    assert not register.near("01201", "22222222")


# lists --------------------------------------------------------------------------------------------------------


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


LIST = f"""物资,数量,定向单位,姓名,电话,署名
mask-n95,"1,000",,{DONOR},{PHONE},是
suit-gb19082,20,hospital-west,,,
"""


def test_a_list_comes_in_whole(at: Desk, tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", LIST)
    assert gifts.import_list(at.inst, at.supply, at.event_id, path, dry_run=True)["rows"] == 2
    assert gifts.listing(at.inst, at.supply) == []
    made = gifts.import_list(at.inst, at.supply, at.event_id, path)
    assert [one["row"] for one in made["gifts"]] == [2, 3]
    assert gifts.follow(at.inst, made["gifts"][0]["code"])["donor"] == DONOR
    assert {one["directed_to"] for one in gifts.listing(at.inst, at.supply)} == {"", WEST}


def test_a_workbook_comes_in_too(at: Desk, tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["item", "quantity"])
    book.active.append(["mask-n95", 12])
    book.save(tmp_path / "list.xlsx")
    made = gifts.import_list(at.inst, at.supply, at.event_id, tmp_path / "list.xlsx")
    assert at.holds(made["gifts"][0]["gift_id"]) == {"pledged": 12}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "item,quantity\nmask-n95,5\nmask-n95,half\nnone,3\n",
            ("row 3, column quantity", "row 4, column item"),
        ),
        ("item,quantity\nmask-n95,0\n", ("row 2, column quantity",)),
        ("item,quantity,show\nmask-n95,5,maybe\n", ("row 2, column show",)),
        ("item,quantity,show\nmask-n95,5,yes\n", ("row 2, column name",)),
        ("item,quantity,directed_to\nmask-n95,5,nowhere\n", ("row 2, column directed_to",)),
        ("item,quantity,secret\nmask-n95,5,x\n", ("number 3",)),
        ("item\nmask-n95\n", ("needs the columns",)),
        ("item,quantity\n", ("no rows",)),
        ("item,quantity\nmask-n95,5,9\n", ("another number of columns",)),
        ("item,quantity,物资\nmask-n95,5,mask-n95\n", ("each once",)),
        ("", ("empty",)),
    ],
)
def test_a_list_with_a_wrong_row_comes_in_not_at_all(
    at: Desk, tmp_path: Path, text: str, said: tuple[str, ...]
) -> None:
    with pytest.raises(LianfangError) as caught:
        gifts.import_list(at.inst, at.supply, at.event_id, write(tmp_path / "list.csv", text))
    assert all(one in str(caught.value) for one in said), caught.value
    assert gifts.listing(at.inst, at.supply) == []


def test_an_error_names_no_value_of_the_list(at: Desk, tmp_path: Path) -> None:
    text = f"item,quantity,name,phone,purpose\nmask-n95,x{PHONE},{DONOR},{PHONE},\nmask-n95,1,,,给{DONOR}电话{PHONE}\n"
    with pytest.raises(BadInput) as caught:
        gifts.import_list(at.inst, at.supply, at.event_id, write(tmp_path / "list.csv", text))
    assert "row 2" in str(caught.value) and "row 3" in str(caught.value)
    assert PHONE not in str(caught.value) and DONOR not in str(caught.value)


@pytest.mark.parametrize("what", ["gifts", "items", "needs"])
def test_tables_to_keep(at: Desk, what: str) -> None:
    from openpyxl import load_workbook

    give(at)
    at.need(5)
    raw = gifts.export(at.inst, at.supply, what)
    table = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    assert len(table) == (2 if what == "needs" else 3)
    assert DONOR not in raw.decode() and PHONE not in raw.decode()
    book = load_workbook(io.BytesIO(gifts.export(at.inst, at.supply, what, form="xlsx")), read_only=True)
    assert [str(cell) for cell in next(book[what].iter_rows(values_only=True))] == table[0]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda at: gifts.export(at.inst, at.supply, "donors"),
        lambda at: gifts.export(at.inst, at.supply, "gifts", form="pdf"),
    ],
)
def test_there_is_no_other_table(at: Desk, wrong: Callable[[Desk], bytes]) -> None:
    with pytest.raises(BadInput):
        wrong(at)


def test_an_export_needs_a_factor_shown_just_now(at: Desk) -> None:
    from dataclasses import replace

    stale = replace(at.supply, signed=Signed(factors=2, fresh=False, terminal=True))
    with pytest.raises(Refused, match="again"):
        gifts.export(at.inst, stale, "gifts")


def test_a_formula_in_a_list_stays_text(at: Desk) -> None:
    account = "=cmd"
    with pytest.raises(NotFound):
        at.pledge(account, 1)
    gifts.add_item(
        at.inst, at.supply,
        {"item_id": "tape-1", "category": "other", "name_zh": "=1+1", "name_en": "=1+1", "unit_zh": "卷",
         "unit_en": "rolls", "standard": "QB/T 2422"},
    )  # fmt: skip
    at.pledge("tape-1", 3)
    told = gifts.export(at.inst, at.supply, "items").decode()
    assert "'=1+1" in told


def test_the_catalogue_grows_but_no_standard_stands_twice(at: Desk) -> None:
    good = {"item_id": "mask-ffp3", "category": "respirator", "name_zh": "FFP3 口罩", "name_en": "FFP3",
            "unit_zh": "只", "unit_en": "pieces", "standard": "EN 149 FFP3", "serves": ["mask-ffp2"]}  # fmt: skip
    gifts.add_item(at.inst, at.supply, good)
    assert "mask-ffp3" in {row["item_id"] for row in gifts.items(at.inst)}
    for wrong in (
        {}, {"item_id": "Mask"}, {"item_id": "a-1", "standard": "en149-ffp3"}, {"item_id": "a-1", "standard": ""},
        {"item_id": "a-1", "standard": "x", "serves": ["none"]},
        {"item_id": "a-1", "standard": "x", "serves": ["mask-gb19083"]},
        {"item_id": "a-1", "standard": "x", "strange": 1}, {"item_id": "a-1", "standard": "x", "category": "money"},
    ):  # fmt: skip
        with pytest.raises(LianfangError):
            gifts.add_item(at.inst, at.supply, {**good, **wrong})


def test_bodies_are_entered_once(at: Desk) -> None:
    assert {row["body_id"] for row in gifts.bodies(at.inst)} >= {DEPOT, WEST}
    for body_id, kind, name in (
        (DEPOT, "depot", "x"),
        ("X", "depot", "x"),
        ("a-1", "ship", "x"),
        ("a-1", "depot", ""),
    ):
        with pytest.raises(LianfangError):
            gifts.add_body(at.inst, at.supply, body_id, kind=kind, name_zh=name, name_en=name)
