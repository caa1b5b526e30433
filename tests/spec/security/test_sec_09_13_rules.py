"""Security requirements 9 to 13: input has a shape, steps an order, acts are whole, and everything has a bound."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as hook

from lianfang.api.pace import MOST, RATES, Pace
from lianfang.api.security import BODY_LIMIT
from lianfang.foundation.errors import Conflict, LianfangError, NotSignedIn, Refused, TooMany
from lianfang.records import Contact, RiskLock
from lianfang.services import accounts, bulletin, contacts, events, incidents, paper, visits
from lianfang.services.installation import Installation, Who
from lianfang.store import one, put_rows, rows
from securitykit import TRACES, House, changed, contents

# 9: every input has a shape


def test_sec_09_an_unknown_field_is_refused_on_every_route(house: House) -> None:
    house.enter("manager")
    tried = {"json": 0, "form": 0}
    for method, path, said in house.routes("POST", "PUT", "DELETE", "PATCH"):
        house.app.state.pace = Pace()
        how, body = house.body(said)
        if path in ("/signin", "/enter", "/language", "/signout", "/ledger/append"):
            continue  # the last takes lines, not fields, from machines
        headers = {"x-lianfang-token": house.token}
        before = contents(house.inst)
        if path.startswith("/api/"):
            answer = house.client.request(
                method,
                house.fill(path),
                headers=headers,
                json={**(body if how == "json" else {}), "surplus": 1},
            )
            tried["json"] += 1
        else:
            answer = house.client.request(
                method, house.fill(path), headers=headers, data={**body, "surplus": "1"}
            )
            tried["form"] += 1
        assert answer.status_code == 422, (method, path, answer.status_code)
        assert "surplus=" not in answer.text
        assert changed(before, contents(house.inst)) == set(), path
    assert tried["json"] > 50 and tried["form"] > 40


def test_sec_09_an_unknown_query_field_is_refused_on_json_routes(house: House) -> None:
    house.enter("manager")
    for _, path, _ in house.routes("GET"):
        if path.startswith("/api/"):
            assert house.client.get(house.fill(path), params={"surplus": "1"}).status_code == 422, path
    assert house.client.get("/today", params={"done": "level"}).status_code == 200


def test_sec_09_every_field_has_a_type_and_a_bound(house: House) -> None:
    """No text without a longest length, no list without a most, no body that takes what it does not know."""
    for name, schema in house.document["components"]["schemas"].items():
        if name.startswith(("HTTPValidationError", "ValidationError")):
            continue
        if not name.startswith("Body_"):
            assert schema.get("additionalProperties") is False, name
        for field, held in schema.get("properties", {}).items():
            for part in held.get("anyOf", [held]):
                assert part.get("type") or part.get("$ref") or "const" in part, (name, field)
                if part.get("type") == "string":
                    bound = {"maxLength", "enum", "const", "format"} & set(part)
                    assert bound, (name, field, "a text has no bound")


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"{", b"\xff", b"x=1", b'{"a":1}'])
def test_sec_09_a_route_without_a_body_takes_none(house: House, raw: bytes) -> None:
    house.enter("manager")
    headers = {"x-lianfang-token": house.token, "content-type": "application/json"}
    url = f"/api/v1/events/{house.event_id}/attack"
    assert house.client.post(url, content=raw, headers=headers).status_code == 422
    for empty in (b"", b"{}", b"null"):
        assert house.client.post(url, content=empty, headers=headers).status_code == 200


@pytest.mark.parametrize("text", ["a\x00b", "\x00"])
def test_sec_09_a_nul_character_is_no_text(house: House, text: str) -> None:
    house.enter("manager")
    assert house.json("/exchange/posts", {"title": text, "text": "x"}).status_code == 422
    assert house.post("/exchange/posts", title=text, text="x").status_code == 422
    assert house.client.post("/signin", data={"name": text, "password": text}).status_code == 422
    assert house.client.get("/public/a%00b/1").status_code == 422
    assert house.client.get("/log", params={"event": text}).status_code == 422


# 10: steps have an order

STEPS = ("lock", "approve_self", "approve_other_hat", "approve", "refuse", "name", "particulars", "visit")


def _contact(inst: Installation, event_id: str, number: int) -> str:
    with inst.store.begin() as connection:
        row = dict(rows(connection, Contact, event_id=event_id)[0])
        fresh = {
            "contact_id": f"s{number}",
            "token": f"{number:032x}",
            "status": "candidate",
            "rank": 100 + number,
        }
        wanted = {**row, **fresh, "lock_id": "", "subject_id": "", "worker": ""}
        put_rows(connection, Contact, [{key: value for key, value in wanted.items() if key != "id"}])
    return f"s{number}"


class Case:
    """One contact on its way, and what the rules say of each step."""

    def __init__(self, inst: Installation, staff: dict[str, Who], event_id: str, contact: str) -> None:
        self.inst, self.staff, self.event_id, self.contact = inst, staff, event_id, contact
        self.state, self.lock_id = "candidate", "none"

    def step(self, name: str) -> None:
        epi, manager, worker = (self.staff[r] for r in ("epidemiologist", "manager", "community_worker"))
        acts: dict[str, tuple[set[str], str, Callable[[], Any]]] = {
            "lock": ({"candidate"}, "locked", lambda: self._lock(epi)),
            "approve_self": (set(), "", lambda: contacts.approve(self.inst, epi, self.lock_id)),
            # who locked comes again in another role
            "approve_other_hat": (
                set(),
                "",
                lambda: contacts.approve(self.inst, replace(epi, role="manager"), self.lock_id),
            ),
            "approve": ({"locked"}, "approved", lambda: contacts.approve(self.inst, manager, self.lock_id)),
            "refuse": (
                {"locked"},
                "candidate",
                lambda: contacts.approve(self.inst, manager, self.lock_id, verdict="refuse"),
            ),
            "name": ({"approved", "named"}, "named", lambda: contacts.name(self.inst, epi, self.lock_id)),
            "particulars": (
                {"named"},
                "named",
                lambda: visits.particulars(self.inst, worker, self.contact, terminal="api"),
            ),
            "visit": (
                {"named"},
                "named",
                lambda: visits.record_visit(self.inst, worker, self.contact, reached=True),
            ),
        }
        allowed, after, act = acts[name]
        if self.state in allowed:
            act()
            self.state = after
        else:
            # a second verdict finds the first, whoever gives it; who locked is refused as the same person
            judged = name in ("approve", "refuse") and self.state in ("approved", "named")
            same = name == "approve_other_hat" and self.state == "locked"
            with pytest.raises(Conflict if judged else Refused if same else LianfangError):
                act()

    def _lock(self, who: Who) -> None:
        made = contacts.lock(self.inst, who, self.event_id, [self.contact], reason="close", worker="li.she")
        self.lock_id = made

    def check(self) -> None:
        with self.inst.store.read() as connection:
            row = one(connection, Contact, contact_id=self.contact)
            lock = rows(connection, RiskLock, lock_id=self.lock_id)
        said = {"candidate": {"candidate"}, "locked": {"locked"}, "approved": {"locked"}}
        assert row["status"] in said.get(self.state, {"named", "visited", "observed", "reached"}), self.state
        assert bool(row["subject_id"]) == (self.state == "named")
        assert not lock or lock[0]["status"] in {"candidate": ("withdrawn",)}.get(self.state, (self.state,))


def test_sec_10_no_order_of_steps_reaches_a_name_without_lock_and_second_person(
    inst: Installation, staff: dict[str, Who], event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lianfang.services import orders
    from loop import identifiers

    def reveal(at: Installation, who: Who, lock: dict[str, Any]) -> dict[str, str]:
        with at.vault_store.begin() as vault:
            made = at.vault.put_many(vault, event_id, [identifiers("邢观甲", 700)], kind="contact")
        return {str(lock["contact_ids"][0]): made[0]}

    monkeypatch.setattr(orders, "reveal", reveal)
    made = iter(range(10_000))

    @settings(max_examples=12, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=9))
    def walk(steps: list[str]) -> None:
        case = Case(inst, staff, event_id, _contact(inst, event_id, next(made)))
        for name in steps:
            case.step(name)
            case.check()

    # every step after each state that can be reached, then orders at random
    for way in ((), ("lock",), ("lock", "approve"), ("lock", "refuse"), ("lock", "approve", "name")):
        for name in STEPS:
            case = Case(inst, staff, event_id, _contact(inst, event_id, next(made)))
            for one_step in (*way, name):
                case.step(one_step)
                case.check()
    walk()
    whole = Case(inst, staff, event_id, _contact(inst, event_id, next(made)))
    for name in ("lock", "approve", "name", "particulars", "visit"):  # and the way there is open
        whole.step(name)
        whole.check()
    assert whole.state == "named"


# 11: an act is whole or nothing


class Broken(RuntimeError):
    """The database fails."""


@contextmanager
def failing(inst: Installation, at: int) -> Iterator[list[int]]:
    """The ``at``-th writing statement from here on fails; yields the count of those that were tried."""
    count = [0]

    def before(conn: Any, cursor: Any, statement: str, *more: Any) -> None:
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
            count[0] += 1
            if count[0] == at:
                raise Broken

    hook.listen(inst.store.engine, "before_cursor_execute", before)
    try:
        yield count
    finally:
        hook.remove(inst.store.engine, "before_cursor_execute", before)


Act = Callable[[Installation, dict[str, Who], str], object]
ACTS: dict[str, Act] = {
    "lock": lambda i, s, e: contacts.lock(
        i, s["epidemiologist"], e, ["c3", "c4"], reason="x", worker="li.she"
    ),
    "approve": lambda i, s, e: contacts.approve(i, s["manager"], _locked(i)),
    "refuse": lambda i, s, e: contacts.approve(i, s["manager"], _locked(i), verdict="refuse"),
    "level": lambda i, s, e: events.change_level(i, s["manager"], e, "II", "x"),
    "definition": lambda i, s, e: events.change_definition(i, s["manager"], e, "cn-6", "x"),
    "paper": lambda i, s, e: paper.issue(i, s["epidemiologist"], e, "returnee", 3, to="li.she"),
    "incident": lambda i, s, e: incidents.report(i, s["manager"], what="a sheet was left on a table"),
    "bulletin": lambda i, s, e: bulletin.publish(i, s["manager"], e),
}


def _locked(inst: Installation) -> str:
    with inst.store.read() as connection:
        return str(rows(connection, RiskLock, status="locked")[0]["lock_id"])


@pytest.mark.parametrize("act", ACTS)
def test_sec_11_an_act_that_fails_at_any_statement_leaves_nothing(
    inst: Installation, staff: dict[str, Who], event_id: str, act: str
) -> None:
    if act in ("approve", "refuse"):
        contacts.lock(inst, staff["epidemiologist"], event_id, ["c0", "c1"], reason="x", worker="li.she")
    before = contents(inst)
    writes = 0
    for at in range(1, 200):
        with failing(inst, at) as count:
            try:
                ACTS[act](inst, staff, event_id)
            except (Broken, LianfangError):
                assert changed(before, contents(inst)) <= TRACES, f"{act}, statement {at}"
                continue
        writes = count[0]
        break
    assert writes >= 2, "the act wrote nothing: nothing was tried"
    assert changed(before, contents(inst)) - TRACES


# 12: what there is once is given once


def _at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Results or errors of so many threads that begin together."""
    gate, found = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        gate.wait()
        try:
            found[number] = act(number)
        except LianfangError as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found


def test_sec_12_fifty_who_claim_one_link_are_one_session(inst: Installation) -> None:
    link = accounts.link(inst, "wang.yi")
    found = _at_once(50, lambda _: accounts.sign_in_by_link(inst, link))
    won = [one for one in found if isinstance(one, str)]
    assert len(won) == 1 and len([one for one in found if isinstance(one, NotSignedIn)]) == 49


def test_sec_12_fifty_who_print_ten_sheets_have_ten_sheets(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    batch = paper.issue(inst, staff["epidemiologist"], event_id, "returnee", 10, to="li.she")["batch_id"]
    worker = staff["epidemiologist"]
    found = _at_once(50, lambda number: paper.sheets(inst, worker, batch, str(number % 10 + 1)))
    given = [one for one in found if not isinstance(one, Exception)]
    assert len(given) == 10
    assert len([one for one in found if isinstance(one, LianfangError)]) == 40


def test_sec_12_fifty_who_lock_one_contact_are_one_lock(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    epi = staff["epidemiologist"]
    found = _at_once(50, lambda _: contacts.lock(inst, epi, event_id, ["c5"], reason="x", worker="li.she"))
    assert len([one for one in found if isinstance(one, str)]) == 1
    with inst.store.read() as connection:
        assert len([row for row in rows(connection, RiskLock) if "c5" in row["contact_ids"]]) == 1


# 13: bounds


@pytest.mark.parametrize("depth", [21, 100, 900, 10_000, 200_000])
def test_sec_13_deep_json_is_refused(house: House, depth: int) -> None:
    house.enter("manager")
    headers = {"x-lianfang-token": house.token, "content-type": "application/json"}
    nested = "[" * depth + "]" * depth
    objects = '{"a":' * depth + "1" + "}" * depth
    for inner in (nested, objects):
        if len(inner) < 900_000:
            for url, raw in (
                ("/api/v1/exchange/peers", f'{{"identity":{{"a":{inner}}},"fingerprint":"x"}}'),
                ("/api/v1/exchange/posts", f'{{"title":"x","text":{inner}}}'),
                (f"/api/v1/events/{house.event_id}/attack", inner),
            ):
                answer = house.client.post(url, content=raw.encode(), headers=headers)
                assert answer.status_code == 422, (url, depth)
                assert answer.json()["error"]["code"] == "bad_input"


@pytest.mark.parametrize("length", [True, False])
def test_sec_13_a_large_body_is_refused_and_not_held(house: House, length: bool) -> None:
    house.enter("manager")
    headers = {"x-lianfang-token": house.token, "content-type": "application/json"}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    url = "/api/v1/exchange/posts"
    if length:
        claimed = {**headers, "content-length": str(1 << 30)}
        assert house.client.post(url, content=b"x", headers=claimed).status_code == 413
        assert house.client.post(url, content=b" " * (BODY_LIMIT + 1), headers=headers).status_code == 413
    else:
        form = {"content-type": "application/x-www-form-urlencoded"}
        for page in ("/signin", "/exchange/posts"):
            chunks = iter([b"x" * 400_000] * 4)
            assert house.client.post(page, content=chunks, headers=form).status_code == 413
        chunked = house.client.post(url, content=iter([b" " * 400_000] * 4), headers=headers)
        assert chunked.status_code == 413 and chunked.json()["error"]["code"] == "too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_sec_13_a_burst_of_costly_requests_is_slowed_and_told_when_to_come_back(house: House) -> None:
    house.app.state.pace = Pace(lambda: 0.0)  # a slow machine fills no bucket meanwhile
    house.enter("manager")
    url = f"/events/{house.event_id}/attack"
    answers = [house.post(url).status_code for _ in range(RATES["costly"].burst)]
    assert set(answers) == {200}
    slowed = house.post(url)
    assert slowed.status_code == 429 and int(slowed.headers["retry-after"]) >= 1
    program = house.json(f"/events/{house.event_id}/attack")
    assert program.status_code == 429 and program.json()["error"]["code"] == "too_many"
    assert house.client.get("/today").status_code == 200  # what is not costly goes on
    house.enter("data_protection_officer")
    assert house.client.get("/inspect").status_code == 200  # and so does everybody else


def test_sec_13_a_burst_of_any_requests_is_slowed(house: House) -> None:
    house.app.state.pace = Pace(lambda: 0.0)
    house.enter("manager")
    answers = [house.client.get("/api/v1/me").status_code for _ in range(RATES["any"].burst + 1)]
    assert answers[0] == 200 and 429 in answers
    house.client.cookies.clear()
    tries = [
        house.client.post("/signin", data={"name": f"n{n}.x", "password": "x"}).status_code
        for n in range(RATES["sign in"].burst + 1)
    ]
    assert tries[0] == 401 and 429 in tries


def test_sec_13_a_bucket_fills_again_and_the_memory_is_bounded() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    rate = RATES["costly"]
    for _ in range(rate.burst):
        pace.take("costly", "a")
    with pytest.raises(TooMany) as refused:
        pace.take("costly", "a")
    pace.take("costly", "b")
    now[0] += refused.value.seconds
    pace.take("costly", "a")
    with pytest.raises(TooMany):
        pace.take("costly", "a")
    for number in range(MOST + 100):
        pace.take("any", str(number))
    assert len(pace._buckets) <= MOST
    now[0] += timedelta(days=1).total_seconds()
    for _ in range(rate.burst):
        pace.take("costly", "c")


def test_sec_13_what_costs_much_is_bounded_on_every_door(house: House) -> None:
    """Each costly route takes from the same bucket: the page's and the program's."""
    costly = {"/inspect", "/inspect/assessment", "/subjects/report"}
    costly |= {"/events/{event_id}/attack", "/events/{event_id}/contacts.csv"}
    house.enter("data_protection_officer")
    for method, path, said in house.routes():
        if path.removeprefix("/api/v1") not in costly:
            continue
        pace = Pace()
        house.app.state.pace = pace
        how, body = house.body(said)
        more = {how: body} if method != "GET" else {}
        house.client.request(method, house.fill(path), headers={"x-lianfang-token": house.token}, **more)
        assert [kind for kind, _ in pace._buckets if kind == "costly"], (method, path)
