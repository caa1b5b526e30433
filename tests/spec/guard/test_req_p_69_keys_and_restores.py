"""REQ-P-69, 71: roles that need a hardware key, accounts by the page, and a restore that brings no right back."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from accountkit import BOSS, Browser, make, move
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard import accounts as guard
from lianfang.guard import ledger
from lianfang.guard.accounts import tables
from lianfang.records import DecisionEntry
from lianfang.services import accounts, backup, gate, staff, withdrawn
from lianfang.services.installation import SYSTEM, Installation, Signed, Who, open_installation
from lianfang.store import rows
from softkey import SoftKey

HIGH = ["administrator", "security_officer", "data_protection_officer", "manager"]


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with make(tmp_path / "home") as made:
        yield made


def boss(inst: Installation) -> Who:
    return replace(accounts.person(inst, BOSS), signed=Signed(2, True, True))


# a hardware key for high-value roles


def test_req_p_69_a_role_that_needs_a_key_does_nothing_without_one(tmp_path: Path) -> None:
    with make(tmp_path / "home", hardware_key_roles=HIGH) as inst:
        one = Browser(inst, "zhou.zhuren").come()  # with a one-time password: two factors, no key
        assert one.get("/today").status_code == 403
        answer = one.client.get("/api/v1/events")
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "hardware_key"
        assert one.get("/account").status_code == 200  # where the key is enrolled
        key = SoftKey("https://testserver", "testserver")
        options = one.json("/account/passkeys/options").json()
        assert (
            one.json("/account/passkeys", credential=key.create(options), label="安全密钥").status_code == 200
        )
        assert one.get("/today").status_code == 200
        again = Browser(inst, "zhou.zhuren", one.seed)
        again.sign_in()
        assert again.second().status_code == 303  # the code is a second factor still, and not enough here
        assert again.get("/today").status_code == 403
        proof = key.get(again.json("/second/passkey/options").json())
        assert again.json("/second/passkey", credential=proof).status_code == 200
        assert again.get("/today").status_code == 200
        # other roles go on with one-time passwords
        assert Browser(inst, "wang.yi").come().get("/today").status_code == 200


def test_req_p_69_the_gate_refuses_by_itself_and_the_policy_knows(inst: Installation) -> None:
    bare = replace(boss(inst), signed=Signed(2, True, True, lacks_key=True))
    with pytest.raises(Refused) as refused:
        gate.require(bare, "account.manage")
    assert refused.value.code == "hardware_key" and "REQ-P-69" in refused.value.basis
    epi = replace(accounts.person(inst, "wang.yi"), signed=Signed(2, True, True, lacks_key=True))
    with pytest.raises(Refused):
        gate.ask(inst, epi, phase="read", purpose="epidemiological_investigation", data=["name"])


def test_no_role_needs_a_key_unless_the_installation_says_so(inst: Installation) -> None:
    assert inst.settings.hardware_key_roles == []
    assert Browser(inst, "zhou.zhuren").come().get("/today").status_code == 200


@pytest.mark.parametrize("bad", [["nobody"], "manager", [1]])
def test_a_wrong_setting_is_named(tmp_path: Path, bad: Any) -> None:
    import json

    from lianfang.foundation.settings import read_settings

    (tmp_path / "lianfang.toml").write_text(f"hardware_key_roles = {json.dumps(bad)}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="hardware_key_roles"):
        read_settings(tmp_path)


# many accounts


def test_a_thousand_accounts_are_paged_and_searched_in_under_300_ms(inst: Installation) -> None:
    now = inst.now()
    with inst.store.begin() as connection:
        for number in range(1000):
            made = guard.create(
                connection, name=f"hu.{number:04d}", display=f"护士{number}", now=now, trained_until=None
            )
            for role in ("clinician", "laboratory"):
                guard.give_role(
                    connection, made, role, area="429900", now=now, not_after=now + timedelta(days=9),
                    given_by=None,
                )  # fmt: skip
    who = boss(inst)
    first = staff.page(inst, who)
    total = first["total"]
    assert total >= 1000 and len(first["accounts"]) == 50 and first["pages"] == -(-total // 50)
    begun = time.perf_counter()
    last = staff.page(inst, who, number=10_000)
    assert time.perf_counter() - begun < 1.0  # 300 ms on an idle machine: benchmarks/RESULTS.md
    assert last["number"] == last["pages"] and last["accounts"]
    seen = {row["account"] for at in range(1, first["pages"] + 1)
            for row in staff.page(inst, who, number=at)["accounts"]}  # fmt: skip
    assert len(seen) == total
    found = staff.page(inst, who, search="HU.0123")
    assert [row["account"] for row in found["accounts"]] == ["hu.0123"]
    assert {one["role"] for one in found["accounts"][0]["roles"]} == {"clinician", "laboratory"}
    assert staff.page(inst, who, search="护士999")["total"] == 1
    for odd in ("%", "_", "\\", "'", "nobody.here"):
        assert staff.page(inst, who, search=odd)["accounts"] == []
    with pytest.raises(BadInput):
        staff.page(inst, who, search="x" * 81)
    one = Browser(inst, BOSS).come()
    # a name searched for stands in no address
    page = one.post("/accounts/search", search="hu.01", number=2).text
    assert "hu.0150" in page and "hu.0149" not in page and "hu.0001" not in page
    assert "search=" not in page
    assert one.json("/accounts/search", search="hu.0007").json()["total"] == 1
    assert one.get("/accounts?number=0").status_code == 422
    with pytest.raises(Refused):
        staff.page(inst, accounts.person(inst, "zhou.zhuren"))


# a restore


def _state(inst: Installation, table: Any, *where: Any) -> list[Any]:
    with inst.store.read() as connection:
        return list(connection.execute(sa.select(table).where(*where)).all())


def _account_id(inst: Installation, name: str) -> str:
    with inst.store.read() as connection:
        return guard.account(connection, name).account_id


def test_req_p_71_a_restore_brings_back_no_right_that_was_taken_since(
    inst: Installation, tmp_path: Path
) -> None:
    secret, folder = tmp_path / "offline" / "backup.key", tmp_path / "backups"
    folder.mkdir()
    public = backup.new_identity(secret)
    worker = Browser(inst, "li.she")
    worker.sign_in()
    codes = worker.enrol()
    device = worker.register(Browser(inst, BOSS).come())
    manager = Browser(inst, "zhou.zhuren").come()
    made = backup.create(inst, SYSTEM, folder, to=[public])
    # since: a code used, a role taken, an account disabled, factors reset, a terminal revoked, one enabled again
    late = Browser(inst, "li.she")
    late.sign_in()
    assert late.second(code=codes[0]).status_code == 303
    move(inst, minutes=1)
    who = boss(inst)
    for name in ("zhao.jian", "sun.shen"):
        staff.disable(inst, who, name)
        move(inst, seconds=1)
    staff.enable(inst, who, "sun.shen")
    (role,) = staff.page(inst, who, search="wang.yi")["accounts"][0]["roles"]
    staff.take_role(inst, who, "wang.yi", role["role_id"])
    staff.reset_factors(inst, who, "zhou.zhuren")
    assert worker.json(f"/terminals/{device}/revoke").status_code in (200, 204)
    lines = (inst.home / withdrawn.WITHDRAWN).read_text().split()
    assert len(lines) == 6 and not any("li.she" in line or "zhou" in line for line in lines)
    assert (inst.home / withdrawn.WITHDRAWN).stat().st_mode & 0o077 == 0
    home = tmp_path / "again"
    found = backup.restore(folder / made["file"], secret, home, keys_home=inst.home, clock=inst.clock)
    assert found.valid and found.rights_withdrawn > 0
    with open_installation(home, clock=inst.clock) as again:
        assert _state(again, tables.session) == [] and _state(again, tables.recovery) == []
        assert _state(again, tables.role, tables.role.c.role_id == role["role_id"])[0].revoked_at
        gone = _state(again, tables.account, tables.account.c.disabled_at.is_not(None))
        assert [row.name for row in gone] == ["zhao.jian"]
        chief = _account_id(again, "zhou.zhuren")
        assert _state(again, tables.totp, tables.totp.c.account_id == chief) == []
        assert _state(again, tables.terminal, tables.terminal.c.terminal_id == device)[0].revoked_at
        with pytest.raises(Refused):
            accounts.person(again, "wang.yi")
        old = Browser(again, "li.she", worker.seed)
        old.sign_in()
        assert old.second(code=codes[0]).status_code == 401 and old.second(code=codes[1]).status_code == 401
        for browser in (worker, manager):  # the sessions of then are over
            old.client.cookies.update(browser.client.cookies)
            assert old.get("/today").status_code in (303, 403)
        (entry,) = _entries(again, "restored")
        assert entry.payload["rights_withdrawn"] == found.rights_withdrawn
    assert withdrawn.WITHDRAWN and (home / withdrawn.WITHDRAWN).read_text().split() == sorted(lines)


def _entries(inst: Installation, kind: str) -> list[Any]:
    with inst.store.read() as connection:
        return list(ledger.entries(connection, type=kind))


def test_the_list_comes_with_a_backup_of_keys_and_by_hand_and_a_damaged_one_is_refused(
    inst: Installation, tmp_path: Path
) -> None:
    secret, folder = tmp_path / "offline" / "backup.key", tmp_path / "backups"
    folder.mkdir()
    public = backup.new_identity(secret)
    made = backup.create(inst, SYSTEM, folder, to=[public])
    staff.disable(inst, boss(inst), "zhao.jian")
    keys = backup.create_keys_archive(inst, SYSTEM, folder, to=[public])
    staff.disable(inst, boss(inst), "sun.shen")  # after the backup of the keys: only the list knows it
    copy = tmp_path / "withdrawn.txt"
    copy.write_bytes((inst.home / withdrawn.WITHDRAWN).read_bytes())
    for at, (extra, names) in enumerate((([], ["zhao.jian"]), ([copy], ["sun.shen", "zhao.jian"]))):
        home = tmp_path / f"again{at}"
        backup.restore(
            folder / made["file"], secret, home, keys_archive=folder / keys["file"], erased=extra,
            clock=inst.clock,
        )  # fmt: skip
        with open_installation(home, clock=inst.clock) as again:
            gone = _state(again, tables.account, tables.account.c.disabled_at.is_not(None))
            assert sorted(row.name for row in gone) == names
    copy.write_text("x:nothing\n")
    with pytest.raises(BadInput):
        backup.restore(
            folder / made["file"],
            secret,
            tmp_path / "no",
            keys_home=inst.home,
            erased=[copy],
            clock=inst.clock,
        )
    assert not (tmp_path / "no").exists()


# the command line


def test_acts_on_the_command_line_say_so_and_name_the_operating_systems_account(
    tmp_path: Path,
) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    home = tmp_path / "home"
    with make(home, command_line={me: ["administrator"]}) as inst:
        clock = f"-{(datetime.now(UTC) - inst.now()).days}d"
    base = ["--home", str(home), "--clock", clock]
    done = CliRunner().invoke(cli, ["account", "disable", "zhao.jian", "--as", BOSS, *base])
    assert done.exit_code == 0, done.output
    refused = CliRunner().invoke(cli, ["event", "list", "--as", "zhou.zhuren", *base])
    assert isinstance(refused.exception, Refused) and refused.exception.code == "command_line"
    assert me in refused.exception.message
    with open_installation(home) as inst:
        (entry,) = _entries(inst, "account_disabled")
        assert entry.payload == {"terminal": "command line", "os_account": me}
    # nor does anybody get in by a link for another, or by the machinery
    for words in (["account", "link", "zhou.zhuren"], ["daily"]):
        refused = CliRunner().invoke(cli, [*words, *base])
        assert isinstance(refused.exception, Refused) and refused.exception.code == "command_line"
    # who stands not in the setting acts as nobody; without the setting, whoever holds the keys acts
    (home / "lianfang.toml").write_text(
        (home / "lianfang.toml").read_text().replace(f'"{me}"', '"somebody.else"'), encoding="utf-8"
    )
    refused = CliRunner().invoke(cli, ["account", "enable", "zhao.jian", "--as", BOSS, *base])
    assert isinstance(refused.exception, Refused) and refused.exception.code == "command_line"


def test_a_decision_knows_where_it_was_asked_from(inst: Installation) -> None:
    who = accounts.person(inst, "wang.yi")
    for signed, name in ((Signed(2, True, True), "op"), (Signed(2, True, True), ""), (None, "")):
        gate.ask(
            inst,
            replace(who, signed=signed, os_account=name),
            phase="use",
            purpose="situation_monitoring",
            data=["region_index"],
        )
    with inst.store.read() as connection:
        made = rows(connection, DecisionEntry, order_by=["log_index"])
    asked = [(row["terminal"], row["os_account"]) for row in made]
    assert asked == [("command line", "op"), ("registered", ""), ("", "")]
