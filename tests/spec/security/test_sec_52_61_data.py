"""Security requirements 52 to 61: retention and erasure, public exits, the audit and its catalogue, failing closed."""

from __future__ import annotations

import io
import json
import logging
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, select, update
from sqlalchemy.exc import OperationalError

import auditkit
from accountkit import BOSS, PASSWORD, URL, Browser, make, move
from leaks import search
from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, TERMINAL, form_token
from lianfang.cli import cli, main
from lianfang.foundation.errors import LianfangError, Refused
from lianfang.guard import ledger
from lianfang.guard.accounts import tables as account_tables
from lianfang.guard.disclosure.columns import AREAS, NEVER, STATUS, TIME, TRAITS, VALUES
from lianfang.guard.ledger import Item, Log, Signer, tables
from lianfang.guard.policy.vocabulary import PURPOSES
from lianfang.guard.redaction.exits import watch_logs
from lianfang.guard.vault.tables import metadata as vault_tables
from lianfang.records import CaseReport, Reading
from lianfang.services import accounts, bulletin, closing, contacts, integrity, subjects, trail, visits
from lianfang.services.installation import SYSTEM, Installation, Who
from lianfang.store import tally
from loop import CONTACTS, NAMES, identifiers
from routekit import ask
from spec.security.test_sec_37_40_rights import OPEN

ROOT = Path(__file__).parents[3]
SRC = ROOT / "src" / "lianfang"
PAGE = ROOT / "docs" / "explanation" / "audit-trail.md"
PERSONAL = [*NAMES, *CONTACTS, "1540000", "虚构路"]


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with make(tmp_path / "home") as made:
        yield made


@pytest.fixture
def named(inst: Installation, event_id: str, staff: dict[str, Who]) -> str:
    lock = contacts.lock(inst, staff["epidemiologist"], event_id, ["c0", "c1"], reason="x", worker="li.she")
    contacts.approve(inst, staff["manager"], lock)
    contacts.name(inst, staff["epidemiologist"], lock)
    return event_id


# 52, 53 ----------------------------------------------------------------------------------------------------


def test_sec_52_the_keys_the_rows_and_the_copies_go_when_their_day_has_come(
    inst: Installation, named: str, staff: dict[str, Who]
) -> None:
    """The daily cycle alone ends a closed event's data: the clock is moved, nobody does anything."""
    from lianfang.services import daily

    closing.close(inst, staff["manager"], named, "结束")
    with inst.store.read() as connection:
        until = closing.events.get(inst, named)["retention_until"]
        assert tally(connection, CaseReport, event_id=named)
    move(inst, days=(until - inst.today()).days - 1)
    daily.run(inst, SYSTEM, inst.today())
    assert named in inst.keyring.events()
    move(inst, days=1)
    daily.run(inst, SYSTEM, inst.today())
    assert named not in inst.keyring.events()
    with inst.store.read() as connection, inst.vault_store.read() as vault:
        assert not tally(connection, CaseReport, event_id=named)
        with pytest.raises(LianfangError):
            inst.vault.find(vault, named, "name", NAMES[0])
    inst.close()
    assert search(inst.home, [*NAMES, *CONTACTS]) == []


def test_sec_53_after_an_erasure_no_byte_of_the_person_can_be_read(
    inst: Installation, named: str, staff: dict[str, Who]
) -> None:
    officer, own = staff["data_protection_officer"], identifiers(NAMES[0], 0)
    asked = subjects.asked(officer, {"name": own["name"], "phone": own["phone"]})
    bulletin.publish(inst, staff["manager"], named)
    document, key = bulletin.document(inst, named, 1), bulletin.verifier_key(inst)
    assert subjects.report(inst, officer, asked, identity_verified=True)["found"]
    why = {"ground": "inaccurate", "reason": "not this person", "identity_verified": True}
    assert subjects.erase(inst, officer, asked, **why)["erased"] >= 1
    assert not subjects.report(inst, officer, asked, identity_verified=True)["found"]
    with inst.vault_store.read() as vault:
        assert not inst.vault.find(vault, named, "name", NAMES[0])
        assert inst.vault.find(vault, named, "name", NAMES[1])  # the others are there
        erased = inst.keyring.erased_subjects()
        table = vault_tables.tables["vault_subject"]
        left = vault.execute(select(table).where(table.c.subject_id.in_(erased))).mappings().all()
        assert left and all(row["wrapped_key"] is None and row["fields"] is None for row in left)
    assert integrity.check(inst)["valid"] and bulletin.verify(document, key=key)["valid"]
    # in the files as they lie there, write-ahead log and all
    assert search(inst.home, [own["name"], own["phone"], own["address"]]) == []


# 54 --------------------------------------------------------------------------------------------------------

#: What a public table may be told by.
DIMENSIONS = {*TIME.values(), *STATUS.values(), *(TRAITS.values()), *AREAS.values()} - {"building"}


def test_sec_54_every_public_exit_shows_permitted_fields_and_no_small_cell(
    inst: Installation, named: str, staff: dict[str, Who]
) -> None:
    bulletin.publish(inst, staff["manager"], named)
    nobody = Browser(inst, "nobody")
    values = {"event_id": named, "number": "1"}
    public = [
        route for route in OPEN if route.startswith("GET ") and "/public" in route and "{code}" not in route
    ]
    assert len(public) >= 8
    for route in public:
        answer = ask(nobody, route, values)
        assert answer.status_code == 200, route
        assert not [one for one in PERSONAL if one in answer.text], route
        assert not re.search(r"\b[0-9a-f]{32}\b", re.sub(r"<svg.*?</svg>", "", answer.text)), (
            route
        )  # no token
    content = json.loads(ask(nobody, "GET /public/{event_id}/{number}/proof", values).text)["signed"][
        "payload"
    ]
    assert set(content) == {
        "authority", "content", "corrects", "event_id", "number", "published_at", "withheld",
    }  # fmt: skip
    for table in content["content"]["tables"]:
        columns = {name for row in [*table["rows"], *table["margins"]] for name in row}
        assert columns <= DIMENSIONS | VALUES and not columns & set(NEVER), table["name"]
        assert set(table["dimensions"]) <= DIMENSIONS
        for row in table["rows"]:
            told = [row[name] for name in columns & VALUES if isinstance(row.get(name), int)]
            by_person = set(table["dimensions"]) & {"sex", "age_group", "symptom", "street", "compound"}
            assert not by_person or all(count == 0 or count >= 5 for count in told), row


def test_sec_54_what_is_not_on_the_list_does_not_leave(
    inst: Installation, named: str, staff: dict[str, Who], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name in a table and in the text, put where the day's figures come from: nothing is published."""
    people = [{"name": NAMES[0], "sex": "女", "street": "429901001", "count": 1}]
    planted = {
        "event": "城南市场聚集性不明原因肺炎", "as_of": inst.today(), "audience": "public",
        "tables": {"people": {"rows": people, "cumulative": True}},
        "texts": {"zh": f"{NAMES[0]}，电话15400000000，住临江市城南区虚构路0号2单元301室", "en": "x"},
    }  # fmt: skip
    monkeypatch.setattr(bulletin, "_candidate", lambda *_: planted)
    with pytest.raises(Refused) as refused:
        bulletin.publish(inst, staff["manager"], named)
    assert refused.value.code == "disclosure"
    told = f"{refused.value} {refused.value.reasons} {bulletin.draft(inst, staff['manager'], named)}"
    assert NAMES[0] not in told.replace(str(planted["event"]), "") and "15400000000" not in told
    assert bulletin.published(inst) == []


# 56 --------------------------------------------------------------------------------------------------------


def test_sec_56_every_kind_of_entry_is_in_the_catalogue_and_no_other() -> None:
    told = set(re.findall(r"^\| `([a-z_.*]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    # the reading takes a purpose for a kind where a helper's name is another's too
    written = auditkit.kinds(SRC / "services") - set(PURPOSES)
    assert len(written) > 75
    assert (sorted(written - told), sorted(told - written)) == ([], [])


def entries(inst: Installation, kind: str) -> list[ledger.Entry]:
    with inst.store.read() as connection:
        return ledger.entries(connection, type=kind)


def test_sec_56_each_act_on_accounts_says_who_what_when_where_and_how_it_ended(inst: Installation) -> None:
    """Each act, and what the newest entry of its kind says: the actor, what it was about, a part of the payload."""
    boss, one = Browser(inst, BOSS).come(), Browser(inst, "wang.yi").come()
    until = (inst.today() + timedelta(days=5)).isoformat()
    held = next(row["role_id"] for row in accounts.listing(inst) if row["account"] == "wang.yi")
    half = Browser(inst, "wang.yi", one.seed)
    terminal = one.json("/account/terminals", label="工作站").json()["terminal_id"]
    acts: list[tuple[str, str, str, dict[str, Any], Callable[[], Any]]] = [
        ("sign_in_refused", "installation", "wang.yi", {"factor": "password", "from": "-"},
         lambda: half.sign_in("wrong wrong wrong")),
        ("signed_in", "installation", "wang.yi", {"factor": "password", "from": "-"}, half.sign_in),
        ("factor_refused", "wang.yi", "wang.yi", {}, lambda: half.second(code="000000")),
        ("factor_shown", "wang.yi", "wang.yi", {"factor": "totp"}, half.second),
        ("access_refused", "wang.yi", "GET /log", {"code": "role", "role": "epidemiologist"},
         lambda: half.get("/log")),
        ("access_refused", "wang.yi", "POST /api/v1/accounts/{name}/disable", {"code": "role"},
         lambda: half.json("/accounts/li.she/disable")),
        ("role_given", BOSS, "wang.yi", {"role": "manager"},
         lambda: boss.post("/accounts/wang.yi/roles", role="manager", until=until)),
        ("role_chosen", "wang.yi", "wang.yi", {"role": "manager"},
         lambda: half.post("/account/role", role="manager")),
        ("role_taken", BOSS, "wang.yi", {}, lambda: boss.post(f"/accounts/wang.yi/roles/{held}/take")),
        ("training_noted", BOSS, "li.she", {"until": until},
         lambda: boss.post("/accounts/li.she/training", until=until)),
        ("link_made", BOSS, "li.she", {}, lambda: boss.post("/accounts/li.she/link")),
        ("terminal_approved", BOSS, terminal, {}, lambda: boss.post(f"/terminals/{terminal}/approve")),
        ("terminal_revoked", BOSS, terminal, {}, lambda: boss.post(f"/terminals/{terminal}/revoke")),
        ("recovery_codes_made", "wang.yi", "wang.yi", {"codes": 10}, lambda: half.post("/account/recovery")),
        ("session_ended", "wang.yi", "wang.yi", {"sessions": 1}, lambda: half.post("/account/sessions/end")),
        ("factor_removed", "wang.yi", "wang.yi", {"factor": "totp"},
         lambda: half.post("/account/totp/remove")),
        ("password_changed", "wang.yi", "wang.yi", {},
         lambda: half.post("/account/password", password=PASSWORD + " x", again=PASSWORD + " x")),
        ("factors_reset", BOSS, "li.she", {}, lambda: boss.post("/accounts/li.she/reset")),
        ("account_disabled", BOSS, "li.she", {}, lambda: boss.post("/accounts/li.she/disable")),
        ("account_enabled", BOSS, "li.she", {}, lambda: boss.post("/accounts/li.she/enable")),
        ("sessions_ended", BOSS, "li.she", {}, lambda: boss.post("/accounts/li.she/sessions/end")),
        ("account_made", BOSS, "new.face", {"role": "clinician"},
         lambda: boss.post("/accounts", name="new.face", role="clinician", until=until)),
        ("signed_out", "installation", BOSS, {}, lambda: boss.post("/signout")),
    ]  # fmt: skip
    for kind, actor, about, part, act in acts:
        before = len(entries(inst, kind))
        assert act().status_code != 500, kind
        kept = entries(inst, kind)
        assert len(kept) == before + 1, kind
        newest = kept[0]
        assert (newest.actor, newest.ref) == (actor, about), kind
        assert newest.time == inst.now() and newest.time.tzinfo is not None, kind
        assert newest.payload is not None and part.items() <= newest.payload.items(), (kind, newest.payload)
    assert accounts.network("192.0.2.77") == "192.0.2.0/24" and accounts.network("testclient") == "-"
    assert integrity.check(inst)["valid"]


def test_sec_56_refused_at_the_command_line_and_by_the_policy_too(
    inst: Installation, named: str, staff: dict[str, Who]
) -> None:
    home = str(inst.home)
    said = CliRunner().invoke(cli, ["account", "disable", "li.she", "--as", "wang.yi", "--home", home])
    assert isinstance(said.exception, Refused)
    newest = entries(inst, "access_refused")[0]
    assert newest.actor == "wang.yi" and newest.ref.endswith("account disable")
    before = len(entries(inst, "decision"))
    with pytest.raises(Refused):
        visits.particulars(inst, accounts.person(inst, "li.she"), "c5", terminal="t1")
    kept = entries(inst, "decision")
    assert len(kept) == before + 1 and kept[0].payload is not None and kept[0].payload["permit"] is False


def test_sec_56_nobody_fills_the_audit_by_trying_and_no_one_is_named_in_it(
    inst: Installation, named: str
) -> None:
    worker, officer = Browser(inst, "li.she").come(), Browser(inst, "chen.ren").come()
    worker.register(officer)
    assert CONTACTS[0] in worker.post("/my/c0/particulars").text
    read = entries(inst, "identity_read")[0]
    assert (read.actor, read.ref, read.purpose) == ("li.she", "c0", "reach_person")
    for _ in range(60):
        assert worker.get("/log").status_code == 403
    assert len(entries(inst, "access_refused")) == trail.KEPT
    move(inst, minutes=16)
    worker.get("/log")
    assert len(entries(inst, "access_refused")) == trail.KEPT + 1
    with inst.store.read() as connection:
        bodies = [bytes(row.body) for row in connection.execute(select(tables.record)) if not row.sealed]
        told = "\n".join(str(tuple(row)) for row in connection.execute(select(tables.record)))
    text = told + "".join(body[32:].decode() for body in bodies)
    assert len(bodies) > 10 and not [one for one in PERSONAL if one in text]


# 57 --------------------------------------------------------------------------------------------------------

#: Line breaks of every kind, terminal escapes, direction changes, NUL.
HOSTILE = ["a\r\nERROR root signed in", "a\nERROR x", "\x1b[2J\x1b[31mred", "\x9b31m", "a\u2028ERROR x",
           "\u202eabc", "a\x00b", "\x07\x08", "a\x85ERROR x", "\x0bx\x0cy"]  # fmt: skip
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("planted", HOSTILE)
def test_sec_57_one_record_is_one_line(planted: str) -> None:
    before, stream = logging.getLogRecordFactory(), io.StringIO()
    handler, logger = logging.StreamHandler(stream), logging.getLogger("lianfang.hostile")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        watch_logs()
        logger.warning(planted)
        logger.warning("import of %s", planted)
        logger.warning("%(what)s", {"what": planted})
        try:
            raise ValueError(planted)
        except ValueError:
            logger.exception("failed: %s", planted)
    finally:
        logger.removeHandler(handler)
        logging.setLogRecordFactory(before)
    lines = stream.getvalue().split("\n")
    assert [line.split(" ")[0] for line in lines if line and not line.startswith("  ")] == [
        "WARNING", "WARNING", "WARNING", "ERROR",
    ]  # fmt: skip
    assert not CONTROL.search(stream.getvalue())


@pytest.mark.parametrize("planted", HOSTILE)
def test_sec_57_no_logged_field_takes_a_line_break_or_an_escape(inst: Installation, planted: str) -> None:
    """Each field of an account, a session, a terminal, an entry: refused or kept without it."""
    boss = accounts.person(inst, BOSS)
    one = Browser(inst, "li.she").come()
    one.json("/account/terminals", label=planted)
    for display, name in ((planted, "fine.name"), ("x", planted)):
        with pytest.raises(LianfangError):
            accounts.add(inst, boss, name, role="clinician", display=display)
    with pytest.raises(LianfangError):
        accounts.sign_in(inst, planted, "x" * 20, address=planted, agent=planted)
    accounts.sign_in_by_link(inst, accounts.link(inst, "chen.ren"), address=planted, agent=planted)
    one.json("/incidents", what=planted, kinds=[])
    with inst.store.begin() as connection:
        for field in ("type", "actor", "purpose", "ref"):
            values = {"type": "a.b", "actor": "a", "purpose": "p", "ref": "r", field: planted}
            with pytest.raises(LianfangError):
                ledger.record(connection, time=inst.now(), payload={}, public=True, **values)
    with inst.store.read() as connection:
        cells = [
            value
            for table in (*tables.metadata.sorted_tables, *account_tables.metadata.sorted_tables)
            if table.name
            not in ("ledger_checkpoint", "ledger_log")  # signed notes, whose lines are their form
            for row in connection.execute(select(table))
            for value in row
            if isinstance(value, str)
        ]
    assert len(cells) > 100 and not [value for value in cells if CONTROL.search(value) or "\n" in value]


def test_sec_57_an_error_steers_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for planted in HOSTILE:
        monkeypatch.setattr("sys.argv", ["lianfang", "verify", f"/nowhere/{planted.replace(chr(0), '')}"])
        with pytest.raises(SystemExit):
            main()
        told = capsys.readouterr()
        assert not CONTROL.search(told.out + told.err), planted


# 58 --------------------------------------------------------------------------------------------------------


def test_sec_58_a_thousand_flipped_bytes_of_the_audit_are_all_found() -> None:
    """Bytes drawn evenly from all that is kept; what says only when a row was made is not signed and left out."""
    engine, key = create_engine("sqlite://"), Signer("log.example/x", Ed25519PrivateKey.generate())
    tables.metadata.create_all(engine)
    now = datetime(2026, 1, 29, tzinfo=UTC)
    items = [
        Item(
            "access_refused",
            now,
            f"a{n % 3}",
            "maintenance",
            f"GET /x/{n}",
            {"n": n, "code": "role"},
            public=True,
        )
        for n in range(12)
    ]
    with engine.begin() as conn:
        log = Log.create(conn, "log.example/x", authority="x", now=now)
        ledger.record_many(conn, items)
        log.checkpoint(conn, key, now=now)
    unsigned = {("ledger_log", "created_at"), ("ledger_checkpoint", "at")}
    dice, missed, flips = random.Random(58), [], 0
    with engine.connect() as conn:
        cells = [
            (table, column, row)
            for table in tables.metadata.sorted_tables
            for row in conn.execute(select(table)).mappings().all()
            for column in table.c
            if (table.name, column.name) not in unsigned and isinstance(row[column.name], str | bytes)
        ]
        sizes = [len(row[column.name]) for _, column, row in cells]
        assert ledger.check(conn, verifiers=[key.verifier]) == []
        for table, column, row in dice.choices(cells, weights=sizes, k=1000):
            old = row[column.name]
            raw = bytearray(old if isinstance(old, bytes) else old.encode())
            raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(7)
            new = bytes(raw) if isinstance(old, bytes) else raw.decode(errors="replace")
            here = [one == row[one.name] for one in table.primary_key.columns]
            with conn.begin_nested() as undo:
                conn.execute(update(table).where(*here).values({column.name: new}))
                try:
                    found = bool(ledger.check(conn, Log("log.example/x"), verifiers=[key.verifier]))
                except LianfangError:
                    found = True
                undo.rollback()
            flips += 1
            missed += [] if found else [(table.name, column.name)]
        assert ledger.check(conn, verifiers=[key.verifier]) == []
    assert (flips, missed) == (1000, [])


def test_sec_58_the_audit_outlives_the_event_and_half_a_year(
    inst: Installation, named: str, staff: dict[str, Who]
) -> None:
    from lianfang.services import daily

    Browser(inst, "li.she").come().get("/log")
    first = {entry.index: (entry.type, entry.actor) for entry in entries_all(inst)}
    closing.close(inst, staff["manager"], named, "结束")
    until = closing.events.get(inst, named)["retention_until"]
    move(inst, days=max(200, (until - inst.today()).days + 1))
    daily.run(inst, SYSTEM, inst.today())
    Browser(inst, "li.she").sign_in("wrong wrong wrong")
    kept = {entry.index: (entry.type, entry.actor) for entry in entries_all(inst)}
    assert first.items() <= kept.items() and {"access_refused", "signed_in"} <= {
        kind for kind, _ in first.values()
    }
    assert integrity.check(inst)["valid"]


def entries_all(inst: Installation) -> list[ledger.Entry]:
    with inst.store.read() as connection:
        return ledger.entries(connection, limit=10_000)


# 59 --------------------------------------------------------------------------------------------------------

SECRET = "canary-7f31 15400001234"


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError(SECRET)


def lost(*_: Any, **__: Any) -> Any:
    raise OperationalError(f"SELECT {SECRET}", {"name": SECRET}, Exception(SECRET))


#: Where each dependency is reached, and a fault of it.
FAULTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "the database, writing": ("lianfang.store.Store.begin", lost),
    "the database, reading": ("lianfang.store.Store.read", lost),
    "the keyring": ("lianfang.guard.vault.keyring.Keyring.event", broken),
    "the vault": ("lianfang.guard.vault.vault.Vault.reveal", broken),
    "the policy": ("lianfang.guard.policy.decide", broken),
    "the ledger": ("lianfang.guard.ledger.record", broken),
    "the accounts": ("lianfang.guard.accounts.look", broken),
    "rights": ("lianfang.guard.accounts.rights.roles_of", broken),
    "terminals": ("lianfang.guard.accounts.terminals.registered", broken),
    "the clock": ("lianfang.services.installation.Installation.now", broken),
    "passwords": ("lianfang.guard.accounts.passwords.matches", broken),
    "pages": ("jinja2.environment.Template.render", broken),
    "the words": ("lianfang.foundation.words.say", broken),
}
#: Of these the reading of an identity does not depend; the sign-in or its page does.
NO_GUARDS = ("passwords", "pages", "the words")
#: What a person is shown by, or let in by.
ASKED = ("POST /my/{contact_id}/particulars", "POST /api/v1/my/tasks/{contact_id}/particulars",
         "GET /my/{contact_id}", "GET /api/v1/my/tasks", "POST /signin")  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_sec_59_whatever_fails_nobody_is_let_in_and_no_trace_is_shown(
    inst: Installation, named: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    worker, officer = Browser(inst, "li.she").come(), Browser(inst, "chen.ren").come()
    worker.register(officer)
    client = TestClient(create_app(inst), base_url=URL, follow_redirects=False, raise_server_exceptions=False)
    for name in (COOKIE, TERMINAL):
        client.cookies.set(name, worker.client.cookies[name])
    token = form_token(worker.client.cookies[COOKIE])
    where, how = FAULTS[fault]
    monkeypatch.setattr(where, how)
    failed = 0
    for route in ASKED:
        method, _, path = route.partition(" ")
        # an unknown field is refused before anything else is asked: each route is sent what it takes
        fields = {"name": "li.she", "password": PASSWORD} if path == "/signin" else {"token": token}
        sent: dict[str, Any] = {"data": fields} if method == "POST" and "/api/" not in path else {}
        answer = client.request(
            method, path.replace("{contact_id}", "c0"), headers={"x-lianfang-token": token}, **sent
        )
        failed += answer.status_code >= 400
        assert not [
            one
            for one in ("Traceback", 'File "', "RuntimeError", "canary", "15400001234")
            if one in answer.text
        ]
        shown = [one for one in PERSONAL if one in answer.text]
        assert not shown or (fault in NO_GUARDS and "particulars" in path), (route, shown)
        assert COOKIE not in answer.cookies or fault not in ("passwords", "the database, writing"), route
    assert failed >= 1 or fault == "the words", "the fault was not met"


def test_sec_59_a_reading_that_cannot_be_recorded_is_not_shown(
    inst: Installation, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = accounts.person(inst, "li.she")
    monkeypatch.setattr("lianfang.services.visits.record", broken)
    opened: list[str] = []
    monkeypatch.setattr("lianfang.guard.vault.vault.Vault.reveal", lambda *_, **__: opened.append("opened"))
    with pytest.raises(RuntimeError):
        visits.particulars(inst, worker, "c0", terminal="t1")
    assert opened == []
    with inst.store.read() as connection:
        assert tally(connection, Reading) == 0


def test_sec_59_the_command_line_shows_no_trace(
    inst: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(inst.home)
    for where, how in ((FAULTS["the database, reading"]), ("lianfang.services.accounts.listing", broken)):
        with monkeypatch.context() as patch:
            patch.setattr(where, how)
            patch.setattr("sys.argv", ["lianfang", "account", "list", "--home", home])
            with pytest.raises(SystemExit) as stopped:
                main()
        told = capsys.readouterr()
        assert stopped.value.code == 1 and "Something failed on our side" in told.err
        assert not [
            one for one in ("Traceback", "canary", "15400001234", "SELECT") if one in told.out + told.err
        ]
