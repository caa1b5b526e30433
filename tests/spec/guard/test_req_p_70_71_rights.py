"""REQ-P-70, 71: roles are given, taken and end on the next request; training that has ended blocks them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from accountkit import BOSS, Browser, make, move
from lianfang.api.security import COOKIE
from lianfang.foundation.errors import NotSignedIn, Refused
from lianfang.guard import accounts as guard
from lianfang.guard import ledger
from lianfang.services import accounts
from lianfang.services.installation import Installation


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with make(tmp_path / "home") as made:
        yield made


def logged(inst: Installation, kind: str) -> list[str]:
    with inst.store.read() as connection:
        return [entry.ref for entry in ledger.entries(connection, type=kind)]


def test_req_p_71_rights_given_and_taken_work_on_the_next_request(inst: Installation) -> None:
    boss, one = Browser(inst, BOSS).come(), Browser(inst, "wang.yi").come()
    assert one.get("/today").status_code == 200 and one.get("/log").status_code == 403
    until = (inst.today() + timedelta(days=2)).isoformat()
    assert boss.post("/accounts/wang.yi/roles", role="manager", area="", until=until).status_code == 303
    assert one.post("/account/role", role="manager").headers["location"].startswith("/today")
    assert one.get("/log").status_code == 200
    held = {row["role"]: row["role_id"] for row in accounts.listing(inst) if row["account"] == "wang.yi"}
    assert boss.post(f"/accounts/wang.yi/roles/{held['manager']}/take").status_code == 303
    assert one.get("/log").status_code == 403 and one.get("/today").status_code == 200
    assert one.post("/account/role", role="manager").status_code == 403
    assert boss.post("/accounts/wang.yi/disable").status_code == 303
    assert one.get("/today").headers["location"] == "/signin"
    assert one.sign_in().status_code == 401
    assert boss.post("/accounts/wang.yi/enable").status_code == 303
    assert one.get("/today").headers["location"] == "/signin"  # what ended stays ended
    one.come()
    assert boss.post("/accounts/wang.yi/sessions/end").status_code == 303
    assert one.get("/today").headers["location"] == "/signin"
    for kind in ("role_given", "role_taken", "account_disabled", "account_enabled", "sessions_ended"):
        assert logged(inst, kind) == ["wang.yi"], kind


def test_req_p_71_a_right_ends_by_itself(inst: Installation) -> None:
    until = inst.today() + timedelta(days=1)
    boss = Browser(inst, BOSS).come()
    assert boss.json("/accounts/wang.yi/roles", role="manager", until=until.isoformat()).status_code == 201
    assert {row.role for row in _roles(inst, "wang.yi")} == {"epidemiologist", "manager"}
    move(inst, days=2)
    assert {row.role for row in _roles(inst, "wang.yi")} == {"epidemiologist"}


def _roles(inst: Installation, name: str) -> tuple[guard.Role, ...]:
    with inst.store.read() as connection:
        return guard.roles_of(connection, guard.account(connection, name).account_id, inst.now())


def test_req_p_70_training_that_has_ended_blocks_the_role(inst: Installation) -> None:
    boss, one = Browser(inst, BOSS).come(), Browser(inst, "li.she").come()
    assert one.get("/my").status_code == 200
    yesterday = inst.today() - timedelta(days=1)
    assert boss.post("/accounts/li.she/training", until=yesterday.isoformat()).status_code == 303
    answer = one.get("/my")
    assert answer.status_code == 403 and "no_role" in answer.text
    assert "ended" in one.get("/account").text  # and the own page says why
    assert accounts.known(inst, one.client.cookies[COOKIE])[0].roles == ()
    with pytest.raises(Refused):
        accounts.person(inst, "li.she")
    later = (inst.today() + timedelta(days=30)).isoformat()
    assert boss.post("/accounts/li.she/training", until=later).status_code == 303
    assert one.get("/my").status_code == 200
    move(inst, days=31)
    assert one.come().get("/my").status_code == 403
    assert boss.come().get("/accounts").status_code == 200  # who adds accounts needs none, or nobody could


def test_req_p_70_an_account_without_noted_training_has_no_working_role(inst: Installation) -> None:
    accounts.add(inst, accounts.person(inst, BOSS), "new.face", role="community_worker")
    with pytest.raises(Refused, match="no valid role"):
        accounts.person(inst, "new.face")


def test_several_roles_and_the_one_acted_in(inst: Installation) -> None:
    boss, one = Browser(inst, BOSS).come(), Browser(inst, "wang.yi").come()
    until = (inst.today() + timedelta(days=9)).isoformat()
    boss.post("/accounts/wang.yi/roles", role="laboratory", area="429901", until=until)
    assert one.client.get("/api/v1/me").json()["role"] == "epidemiologist"
    assert one.get("/laboratory").status_code == 403
    assert one.json("/account/role", role="laboratory").status_code == 204
    me = one.client.get("/api/v1/me").json()
    assert (me["role"], me["areas"]) == ("laboratory", ["429901"])  # with that role's area, not the other's
    assert one.get("/laboratory").status_code == 200 and one.get("/today").status_code == 403
    assert one.json("/account/role", role="manager").status_code == 403  # not held
    assert accounts.person(inst, "wang.yi", "laboratory").areas == ("429901",)
    assert 'name="role"' in one.get("/laboratory").text


def test_a_job_runs_in_the_role_it_was_asked_for_in(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lianfang.services import jobs, staff

    staff.give_role(inst, accounts.person(inst, BOSS), "wang.yi", role="laboratory", days=9)
    roles: list[str] = []
    monkeypatch.setitem(jobs.KINDS, "daily", lambda at, who, *_: roles.append(who.role) or {})
    for role in ("laboratory", "epidemiologist"):
        job = jobs.submit(inst, accounts.person(inst, "wang.yi", role), "daily", {"as_of": "2026-01-29"})
        assert jobs.execute(inst, job) == "done"
    assert roles == ["laboratory", "epidemiologist"]


def test_a_session_of_somebody_without_a_role_still_leaves(inst: Installation) -> None:
    one = Browser(inst, "li.she").come()
    held = next(row["role_id"] for row in accounts.listing(inst) if row["account"] == "li.she")
    Browser(inst, BOSS).come().post(f"/accounts/li.she/roles/{held}/take")
    assert one.get("/account").status_code == 200
    assert one.post("/signout").status_code == 303
    with pytest.raises(NotSignedIn):
        accounts.known(inst, one.client.cookies.get(COOKIE, "x"))
