"""Security requirements 37 to 40: no route without a policy, one's own area, fields by purpose, duties apart."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

import giftkit
from accountkit import BOSS, PASSWORD, Browser, make
from lianfang.api import security
from lianfang.api.app import create_app
from lianfang.api.security import COOKIE
from lianfang.foundation.errors import Refused
from lianfang.guard import accounts as guard
from lianfang.guard.accounts.rights import ROLES
from lianfang.guard.policy import decide
from lianfang.records import Event, HolderEntry, HolderOrder, Job
from lianfang.services import accounts, contacts, incidents, paper, subjects, visits
from lianfang.services.installation import Installation, Who
from lianfang.store import change, insert_new, one
from loop import CONTACTS, MORNING, NAMES
from routekit import ask, routes
from spec.guard.test_role_routes import TABLE

SRC = Path(security.__file__).parents[1]
NEAR, FAR = "429901", "429902"
#: Routes that ask for nobody, and why.
OPEN = {
    "GET /signin": "the way in", "POST /signin": "the way in", "GET /enter": "the way in",
    "POST /enter": "the way in", "POST /language": "a cookie of one's own",
    "GET /public": "published", "GET /public/key": "published", "GET /public/{event_id}/{number}": "published",
    "GET /public/{event_id}/{number}/proof": "published",
    "GET /public/notices/{code}": "whoever holds a notice may ask whether it is real",
    "GET /public/gifts": "published", "GET /api/v1/public/gifts": "published", "GET /api/v1/public/items": "published",
    "POST /public/gifts": "the code of one's receipt", "GET /public/gifts/{code}": "the code of one's receipt",
    "GET /api/v1/public/gifts/{code}": "the code of one's receipt",
    "POST /public/gifts/{code}/unname": "the code of one's receipt",
    "GET /public/accounts": "published", "GET /api/v1/public/accounts": "published",
    "POST /public/accounts": "a question, nothing is written",
    "POST /api/v1/public/accounts": "a question, nothing is written",
    "GET /ledger/checkpoint": "the log is public", "GET /ledger/key": "the log is public",
    "GET /ledger/tile/entries/{path}": "the log is public", "GET /ledger/tile/{level}/{path}": "the log is public",
    "GET /ledger/proof/inclusion": "the log is public", "GET /ledger/proof/consistency": "the log is public",
    "GET /ledger/proof/{index}.tlog-proof": "the log is public",
    "POST /ledger/append": "another body's token",
    "GET /r/{code}": "published", "GET /r/{code}/proof": "published", "GET /r/{code}/slip": "published",
    "GET /verify": "published", "GET /verify/lianfang-verify.html": "published",
}  # fmt: skip
#: Who may write there shows a token of his own in the request's head, which no page of another site can send.
BY_TOKEN = {"POST /ledger/append"}
#: What a dependency of a route may be for it to know who asks; a write has to be asked for from our own page.
READ = {security.signed_in, security.half_signed_in}
WRITE = {security.acting, security.half_acting}
#: One's own account takes a session with one factor; everything else takes two.
OWN = ("/account", "/second", "/signout", "/api/v1/account", "/api/v1/second")


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with make(tmp_path / "home") as made:
        yield made


def calls(dependant: Any) -> set[Any]:
    """Everything that a route depends on, through all levels."""
    found = {dependant.call} if dependant.call else set()
    return found.union(*(calls(one) for one in dependant.dependencies)) if dependant.dependencies else found


def test_sec_37_each_route_asks_who_it_is_and_a_write_comes_from_our_own_page(inst: Installation) -> None:
    seen = set()
    for route, found in routes(Browser(inst, "x").client.app):
        method, _, path = route.partition(" ")
        seen.add(route)
        asked = calls(found.dependant)
        if route in OPEN:
            assert not asked & (READ | WRITE), route
            if (
                method != "GET" and route not in BY_TOKEN
            ):  # nobody is asked for, but no other site may cause it
                inside = "same_origin(request)" in inspect.getsource(found.endpoint)
                assert asked & {security.same_origin, security.public_form} or inside, route
            continue
        wanted = READ if method == "GET" else WRITE
        assert asked & wanted, f"{route} is open to everybody"
        if not path.startswith(OWN) and path != "/api/v1/terminals/{terminal_id}/revoke":
            assert not asked & {security.half_signed_in, security.half_acting}, f"{route} takes one factor"
    assert set(OPEN) <= seen and len(seen) > 200


def test_sec_37_an_act_that_is_not_listed_is_nobodys() -> None:
    from lianfang.services import gate

    for role in [*ROLES, "system", ""]:
        with pytest.raises(Refused):
            gate.require(Who("a", role, "cdc"), "no.such_act")
    assert set().union(*gate.ACTS.values()) <= {*ROLES, "system"}
    asked = {
        node.args[1].value
        for path in (SRC / "services").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "require"
        and len(node.args) == 2
        and isinstance(node.args[1], ast.Constant)
    }
    assert asked and asked <= set(gate.ACTS)


@dataclass
class Areas:
    """Two areas of one installation with a person for each role in both, and what happened in the near one."""

    values: dict[str, str]
    near: dict[str, Browser]
    far: dict[str, Browser]
    canaries: list[str]


@pytest.fixture
def areas(inst: Installation, event_id: str, staff: dict[str, Who]) -> Areas:
    boss = accounts.person(inst, BOSS)
    trained = inst.today().replace(year=inst.today().year + 1)
    for where, area in (("near", NEAR), ("far", FAR)):
        for role in sorted(set(ROLES) - {"administrator"}):
            name = f"{where}.{role.replace('_', '')[:20]}"
            accounts.add(inst, boss, name, role=role, area=area, password=PASSWORD, trained_until=trained)
    epi, worker = staff["epidemiologist"], "near.communityworker"
    lock = contacts.lock(inst, epi, event_id, ["c0", "c1"], reason="x", worker=worker)
    contacts.approve(inst, staff["manager"], lock)
    contacts.name(inst, epi, lock)
    waiting = contacts.lock(inst, epi, event_id, ["c2"], reason="x", worker=worker)
    sample = visits.order_sample(inst, epi, "c0")
    batch = paper.issue(inst, epi, event_id, next(iter(paper.FORMS)), 2, to="li.she")["batch_id"]
    incident = incidents.report(inst, epi, what="a list lay open at the desk", event_id=event_id)
    gift_desk = giftkit.desk(inst, staff, event_id)
    gift, lot = gift_desk.stored(giftkit.N95, 100)
    need = gift_desk.need(40)
    allocation = gift_desk.delivered(lot, 40, need_id=need)
    about = subjects.identity({"name": CONTACTS[1], "phone": "15400000101"})
    request = subjects.correct(
        inst, staff["data_protection_officer"], about, {"address": "临江市城南区虚构路9号"}, reason="moved",
        identity_verified=True,
    )["request_id"]  # fmt: skip
    order = "o20260129-near"
    with inst.store.begin() as connection:
        insert_new(connection, _order(inst, order, event_id))
        insert_new(
            connection,
            HolderEntry(
                holder="t1", kind="telecom_operator", name_zh="电信", name_en="Telecom", sources=["pings"],
                url="http://127.0.0.1:9", sign_key="x", seal_key="x",
            ),
        )  # fmt: skip
        insert_new(
            connection,
            Job(
                job_id="j00112233445566", kind="order.send", arguments={"order_id": order},
                idempotency_key=order, status="failed", created_at=inst.now(), created_by=epi.account,
            ),
        )  # fmt: skip
        row = one(connection, Event, event_id=event_id)
        change(connection, Event, row["id"], adcode=NEAR)
    values = {
        "event_id": event_id, "contact_id": "c0", "lock_id": waiting, "sample_no": sample,
        "batch_id": batch, "incident_id": incident, "order_id": order, "job_id": "j00112233445566",
        "alert_id": "alarm", "kind": "csv", "task": "x", "move_id": "none",
        "number": "1", "gift_id": gift, "lot_id": lot, "need_id": need, "allocation_id": allocation, "act": "back",
        "what": "gifts", "request_id": request,
    }  # fmt: skip
    tokens = [f"{n:032x}" for n in range(1, len(CONTACTS))]
    ids = [event_id, lock, waiting, sample, batch, incident, order, gift, lot, need, allocation, request]
    canaries = [*NAMES, *CONTACTS, *tokens, *ids, "城南市场", "1540000", "a list lay open"]
    app = create_app(inst)
    people = {where: {role: _sign_in(inst, where, role, app) for role in sorted(set(ROLES) - {"administrator"})}
              for where in ("near", "far")}  # fmt: skip
    for there in people.values():  # what follows is to be the area's doing, not the device's
        for role in ("community_worker", "laboratory"):
            there[role].register(there["data_protection_officer"])
    return Areas(values, people["near"], people["far"], canaries)


def _order(inst: Installation, order_id: str, event_id: str) -> HolderOrder:
    """An order that waits to be sent."""
    now = inst.now()
    return HolderOrder(
        order_id=order_id, event_id=event_id, holder="t1", issued_at=now, issued_by="wang.yi",
        responsible="wang.yi", basis=["x"], sources=["pings"], period_start=now, period_end=now, rule={},
        row_cap=10, expires_at=now, index_count=1, index_cases=[], document="x", status="draft",
    )  # fmt: skip


def _sign_in(inst: Installation, where: str, role: str, app: Any) -> Browser:
    return Browser(inst, f"{where}.{role.replace('_', '')[:20]}", app=app).come()


LOST = {"state": "stored", "quantity": 1, "reason": "damaged"}
#: What the schema's own example does not fill so that the service would take it.
BODIES: dict[str, dict[str, Any]] = {
    "level": {"level": "II", "reason": "x"},
    "definition": {"edition": "cn-6", "reason": "x"},
    "paper": {"form": "returnee", "count": 2, "to": "near.communityworker", "days": 7},
    "step": {"kind": "note", "note": "looked into"},
    "POST /incidents/{incident_id}/step": {"step": "note", "note": "looked into"},
    "verdict": {"verdict": "approve", "note": "x"},
    "lost": {"sheets": "1", "cause": "mislaid"},
    "result": {"result": "negative"},
    "{sample_no}": {"result": "negative"},
    "POST /api/v1/events/{event_id}/notices": {"kind": "visit"},
    "inspect": {"depot": giftkit.DEPOT, "accepted": 1, "item": giftkit.N95, "source": "received"},
    "refund": {"account_id": "a", "quantity": 1, "reason": "x", "source": "stored"},
    "POST /gifts/{gift_id}/lose": {"place": giftkit.DEPOT, **LOST},
    "POST /api/v1/gifts/{gift_id}/lose": {"at": giftkit.DEPOT, **LOST},
    "POST /gifts/{gift_id}/dispose": {"place": giftkit.DEPOT, **LOST, "end": "destroyed"},
    "POST /api/v1/gifts/{gift_id}/dispose": {"at": giftkit.DEPOT, **LOST, "end": "destroyed"},
    "POST /gifts/{gift_id}/allocations/{allocation_id}/{act}": {
        "quantity": 1,
        "text": "x",
        "depot": giftkit.DEPOT,
    },
    "POST /api/v1/gifts/allocations/{allocation_id}/use": {"quantity": 1, "note": "ward 3"},
    "lock": {"contact": ["c3"], "reason": "x", "worker": "near.communityworker"},
}


def body(route: str, one_: Browser) -> dict[str, Any] | None:
    """A whole body for a write, with the form's token where it is a form."""
    given = BODIES.get(route, BODIES.get(route.rsplit("/", 1)[1])) if route.startswith("POST") else None
    return given if given is None or "/api/" in route else {**given, "token": one_.token}


#: Parts of a path that name a thing of an event.
THING = re.compile(
    r"\{(event_id|contact_id|lock_id|order_id|sample_no|batch_id|incident_id|job_id|alert_id"
    r"|gift_id|lot_id|need_id|allocation_id|request_id)\}"
)


def test_sec_38_of_another_area_nothing_is_read_or_changed(areas: Areas, inst: Installation) -> None:
    past = {"POST /signin": [], "GET /signin": [], "GET /enter": [], "POST /enter": []}
    past["GET /api/v1/openapi.json"] = list(ROLES)  # whoever has signed in
    past |= json.loads(TABLE.read_text(encoding="utf-8"))
    tried, told, leaked, wrong = 0, set(), [], []
    for role, one_ in areas.far.items():
        for route, _ in routes(one_.client.app):
            path = route.partition(" ")[2]
            if role not in past[route] or path.startswith((*PUBLIC, "/signout", "/second")):
                continue  # whom the role alone keeps out is the table's; here the area has to
            answer = ask(one_, route, areas.values, body(route, one_))
            tried += 1
            text = answer.text
            for value in THING.findall(path):
                text = text.replace(areas.values[value], "")  # the address that was asked for
            leaked += [(role, route, one) for one in areas.canaries if one in text]
            if THING.search(path) and "/exchange/" not in path:  # other authorities' alerts are of no area
                told.add(route)
                if answer.status_code not in (403, 404):
                    wrong.append((role, route, answer.status_code))
            if COOKIE not in one_.client.cookies:
                one_.come()
    assert (leaked, wrong) == ([], [])
    assert tried > 500 and len(told) > 70


def test_sec_38_the_same_ids_open_in_their_own_area(areas: Areas) -> None:
    """What the test above relies on: each thing is there, for somebody of its area."""
    for route in (
        "GET /events/{event_id}", "GET /api/v1/events/{event_id}/contacts", "GET /orders/{order_id}",
        "GET /api/v1/paper/{batch_id}", "GET /api/v1/incidents/{incident_id}", "GET /my/{contact_id}",
        "GET /api/v1/events/{event_id}/plan", "GET /laboratory", "GET /act",
        "GET /gifts/{gift_id}", "GET /api/v1/gifts/{gift_id}", "GET /gifts/needs",
        "GET /api/v1/subjects/requests/{request_id}", "GET /subjects",
    ):  # fmt: skip
        answers = [ask(one, route, areas.values) for one in areas.near.values()]
        good = [answer for answer in answers if answer.status_code == 200]
        assert good, route
        assert [one for one in areas.canaries if any(one in answer.text for answer in good)], route
    log = "GET /api/v1/log"
    assert ask(areas.near["manager"], log, {}).json()["decisions"]
    seen = ask(areas.far["manager"], log, {}).json()
    assert (seen["decisions"], seen["readings"], set(seen["totals"].values())) == ([], [], {0})
    assert ask(areas.near["laboratory"], "POST /api/v1/samples/{sample_no}/result", areas.values,
               {"result": "negative"}).status_code == 200  # fmt: skip


def test_sec_38_of_ones_own_area_another_workers_contact_stays_closed(
    areas: Areas, inst: Installation
) -> None:
    boss = accounts.person(inst, BOSS)
    trained = inst.today().replace(year=inst.today().year + 1)
    accounts.add(
        inst, boss, "near.second", role="community_worker", area=NEAR, password=PASSWORD,
        trained_until=trained,
    )  # fmt: skip
    officer, other = areas.near["data_protection_officer"], Browser(inst, "near.second").come()
    mine = areas.near["community_worker"]
    # Everybody of both areas signed in one after another: the officer's proof is older than ten minutes.
    other.register(officer.come())
    for route in (
        "GET /my/{contact_id}", "POST /my/{contact_id}/particulars",
        "POST /api/v1/my/tasks/{contact_id}/particulars", "POST /api/v1/my/tasks/{contact_id}/visit",
        "POST /api/v1/my/tasks/{contact_id}/sample",
    ):  # fmt: skip
        answer = ask(other, route, areas.values, {"reached": True} if route.endswith("visit") else None)
        assert answer.status_code in (403, 404), (route, answer.status_code)
        assert not [name for name in CONTACTS if name in answer.text]
    assert CONTACTS[0] in ask(mine, "POST /my/{contact_id}/particulars", areas.values).text


#: What everybody may read is no area's.
PUBLIC = ("/public", "/api/v1/public", "/ledger")
#: Routes that tell which fields there are, and nobody's data.
SCHEMAS = ("/api/v1/records/{name}", "/api/v1/openapi.json")


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, one_ in value.items():
            yield str(key), one_
            yield from _leaves(one_)
    elif isinstance(value, list):
        for one_ in value:
            yield from _leaves(one_)


#: The policy's word for each field of the vault that a route may show.
WORD = {"name": "name", "phone": "mobile", "address": "home_address", "resident_id": "resident_id"}


def test_sec_39_a_route_shows_the_fields_that_the_policy_shows_for_its_purpose(
    areas: Areas, inst: Installation
) -> None:
    worker = areas.near["community_worker"]
    shown = ask(worker, "POST /api/v1/my/tasks/{contact_id}/particulars", areas.values).json()
    said = decide(
        {
            "actor": "grassroots_worker", "purpose": "reach_person", "phase": "read",
            "data": ["name", "mobile", "home_address"], "at": inst.today(), "pack": inst.settings.policy_pack,
            "context": {
                "event_open": True, "emergency_plan_grants_power": True, "assigned_person": True,
                "terminal": "registered", "subject": "close_contact", "list_scope": "own",
                "shared_account": False, "risk_locked": True, "second_approval": True,
            },
        }
    )  # fmt: skip
    assert said.permit
    permitted = {name for name, word in WORD.items() if said.fields.get(word) == "show"}
    assert {"name", "phone"} <= set(shown) <= permitted and "resident_id" not in shown
    # no other route of any role shows a field of the vault, under its own name or another
    secret = [*NAMES, *CONTACTS, "1540000", "虚构路"]
    for role, one_ in areas.near.items():
        for route, _ in routes(one_.client.app):
            method, _, path = route.partition(" ")
            if method != "GET" or path.startswith((*PUBLIC, "/static")):
                continue
            answer = ask(one_, route, areas.values)
            assert not [value for value in secret if value in answer.text], (role, route)
            if "json" in answer.headers.get("content-type", "") and path not in SCHEMAS:
                names = {key for key, value in _leaves(answer.json()) if value}
                assert not names & {"phone", "resident_id", "address_text", "subject_id", "token_key"}, route


def test_sec_40_nobody_runs_and_guards_and_checks() -> None:
    apart = ("administrator", "security_officer", "auditor")
    pairs = [*combinations(apart, 2), *(("administrator", role) for role in ROLES if role != "administrator"),
             *(("auditor", role) for role in ROLES if role != "auditor")]  # fmt: skip
    engine = create_engine("sqlite://")
    guard.metadata.create_all(engine)
    later = MORNING.replace(year=MORNING.year + 1)
    with engine.begin() as conn:
        for number, pair in enumerate(pairs):
            for order, (first, second) in enumerate((pair, pair[::-1])):
                who = guard.create(conn, name=f"p{number}x{order}", now=MORNING)
                guard.give_role(conn, who, first, now=MORNING, not_after=later, given_by="boss")
                with pytest.raises(Refused, match="One person cannot be"):
                    guard.give_role(
                        conn, who, second, area=NEAR, now=MORNING, not_after=later, given_by="boss"
                    )
        with pytest.raises(Refused, match="Nobody gives a role to himself"):
            guard.give_role(conn, who, "manager", now=MORNING, not_after=later, given_by=who)


def test_sec_40_nobody_can_edit_the_audit() -> None:
    """The ledger's tables are written by the ledger alone, which has no way to change or take out an entry."""
    changed: set[str] = set()
    for path in SRC.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.parent.name != "ledger":
            known = "ledger.tables" in text or "ledger_record" in text or "ledger_entry" in text
            assert not known or "migrations" in path.parts, path
            assert not re.search(r"from lianfang\.guard\.ledger import .*\btables\b", text), path
            continue
        for function in ast.walk(ast.parse(text)):
            if isinstance(function, ast.FunctionDef):
                changed |= set(_changed(function))
    # what a longer log has new: its size, last tile and head, a witness's newest line under it; what a mirror and a
    # witness keep of others' logs; which bodies may append. No entry and no record.
    of_others = {"ahead", "head", "watched"}
    assert changed == {"log", "tile", "checkpoint", "cosignature", "submitter"} | of_others


def _changed(function: ast.FunctionDef) -> Iterator[str]:
    """Tables that a function of the ledger updates or deletes from."""
    names = {
        target.id: node.value.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        called = (
            getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        )
        if called in ("update", "delete") and isinstance(node, ast.Call) and node.args:
            given = node.args[0]
            if isinstance(given, ast.Attribute):
                yield given.attr
            else:
                name = getattr(given, "id", "")
                yield names.get(name, name)


def test_sec_40_the_administrator_has_no_act_that_touches_data_or_the_audit(inst: Installation) -> None:
    from lianfang.services import gate

    held = {act for act, roles in gate.ACTS.items() if "administrator" in roles}
    assert held == {
        "account.manage", "data.backup", "data.backup.read", "terminal.approve", "incident.report", "keys.manage",
        "keys.read",
    }  # fmt: skip
    boss = Browser(inst, BOSS).come()
    for route in ("GET /log", "GET /api/v1/log", "GET /inspect", "GET /today", "GET /api/v1/incidents"):
        assert ask(boss, route, {}).status_code == 403, route
    for route, _ in routes(boss.client.app):
        assert not re.match(r"(PUT|PATCH|DELETE) .*/(log|ledger|audit)", route), route
