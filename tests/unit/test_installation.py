"""Making and opening an installation, its schema's versions, its people."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, NotFound, NotSignedIn, Refused, UsageError
from lianfang.services import accounts
from lianfang.services.installation import Installation, create, metadata_of, offset, open_installation
from lianfang.store import Store
from lianfang.store.migrate import current, head, upgrade


@pytest.fixture
def inst(tmp_path: Path) -> Installation:
    made = create(tmp_path / "home", settings={"adcode": "429900", "demonstration": True})
    yield made
    made.close()


@pytest.mark.parametrize("line", ["operational", "vault"])
def test_migrations_make_exactly_the_declared_tables(database_url: str, line: str) -> None:
    store = Store(database_url)
    assert upgrade(store, line) is True
    assert current(store) == head(line) and upgrade(store, line) is False
    wanted = metadata_of(line)
    with store.begin() as connection:
        options = {"compare_type": connection.dialect.name == "postgresql"}
        context = MigrationContext.configure(connection, opts=options)
        differences = [one for one in compare_metadata(context, wanted) if not _is_comment(one)]
        assert differences == []
        tables = set(sa.inspect(connection).get_table_names())
    assert tables == set(wanted.tables) | {"alembic_version"}
    store.close()


def _is_comment(difference: object) -> bool:
    """SQLite keeps no comments on columns."""
    return "comment" in str(difference[0] if isinstance(difference, tuple) else difference[0][0])


def test_a_later_database_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = create(home)
    with made.store.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999_later'"))
    made.close()
    with pytest.raises(Exception, match="later version"):
        open_installation(home)


def test_an_installation_is_made_once_in_an_empty_folder(tmp_path: Path, inst: Installation) -> None:
    with pytest.raises(Conflict):
        create(inst.home)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(BadInput):
        create(tmp_path / "full")
    with pytest.raises(NotFound):
        open_installation(tmp_path / "nowhere")


def test_keys_and_vault_are_for_their_owner_only(inst: Installation) -> None:
    for path in (inst.home / "vault", inst.home / "keys", inst.home / "vault" / "keys"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (inst.home / "keys" / "authority.json", inst.home / "vault" / "keys" / "keyring.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_wrong_setting_is_named(inst: Installation) -> None:
    file = inst.home / "lianfang.toml"
    file.write_text(file.read_text() + 'language = "fr"\n')
    with pytest.raises(BadInput, match="language"):
        open_installation(inst.home)
    file.write_text("nonsense = 1\n")
    with pytest.raises(BadInput, match="nonsense"):
        open_installation(inst.home)
    file.write_text("= broken")
    with pytest.raises(BadInput, match="TOML"):
        open_installation(inst.home)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("", timedelta(0)),
        ("+1y", timedelta(days=365)),
        ("-2d6h", -timedelta(days=2, hours=6)),
        ("+5m", timedelta(minutes=5)),
    ],
)
def test_clock_offsets(text: str, span: timedelta) -> None:
    assert offset(text) == span


@pytest.mark.parametrize("text", ["1y", "+", "+1w", "+1y;", "tomorrow"])
def test_what_is_no_offset_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        offset(text)


def test_links_sign_in_once_and_rights_are_read_anew(inst: Installation) -> None:
    accounts.add_demonstration(inst)
    link = accounts.link(inst, "wang.yi")
    token = accounts.sign_in_by_link(inst, link)
    who, _ = accounts.session(inst, token)
    assert (who.account, who.role, who.actor) == ("wang.yi", "epidemiologist", "cdc")
    with pytest.raises(Refused):
        accounts.sign_in_by_link(inst, link)
    accounts.sign_out(inst, token)
    with pytest.raises(Refused):
        accounts.session(inst, token)


def test_a_request_writes_once_a_minute_only(tmp_path: Path) -> None:
    clock = SetClock(datetime(2026, 1, 29, 0, 30, tzinfo=UTC))
    made = create(tmp_path / "home", settings={"adcode": "429900", "demonstration": True}, clock=clock)
    accounts.add_demonstration(made)
    token = accounts.sign_in_by_link(made, accounts.link(made, "wang.yi"))
    said: list[str] = []
    sa.event.listen(made.store.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    for _ in range(3):
        assert accounts.session(made, token)[0].account == "wang.yi"
    assert said and not [one for one in said if not one.startswith(("SELECT", "BEGIN"))]
    assert "BEGIN IMMEDIATE" not in said
    clock.move(timedelta(minutes=1))
    accounts.session(made, token)
    assert [one for one in said if one.startswith("UPDATE account_session SET seen_at")]
    clock.move(timedelta(minutes=30))
    with pytest.raises(NotSignedIn):
        accounts.session(made, token)
    made.close()


def test_a_second_account_needs_an_administrator(tmp_path: Path) -> None:
    made = create(tmp_path / "home")
    with pytest.raises(BadInput, match="administrator"):
        accounts.add(made, None, "first", role="manager")
    accounts.add(made, None, "first.admin", role="administrator")
    with pytest.raises(Refused):
        accounts.add(made, None, "second", role="manager")
    admin = accounts.person(made, "first.admin")
    accounts.add(made, admin, "hu.guan", role="manager")
    with pytest.raises(Refused):
        accounts.add(made, accounts.person(made, "hu.guan"), "third", role="manager")
    with pytest.raises(Refused):
        accounts.add_demonstration(made)
    made.close()


def test_a_role_acts_in_its_own_areas_only(inst: Installation) -> None:
    from lianfang.guard import accounts as guard

    account_id = accounts.add(inst, None, "he.yi", role="epidemiologist", area="420100")
    now = inst.now()
    with inst.store.begin() as connection:
        for role, area in (("manager", "429900"), ("epidemiologist", "420200")):
            guard.give_role(
                connection,
                account_id,
                role,
                area=area,
                now=now,
                not_after=now + timedelta(days=9),
                given_by=None,
            )
    token = accounts.sign_in_by_link(inst, accounts.link(inst, "he.yi"))
    for who in (accounts.person(inst, "he.yi"), accounts.session(inst, token)[0]):
        assert who.role == "epidemiologist" and set(who.areas) == {"420100", "420200"}


def test_each_link_is_in_the_ledger(inst: Installation) -> None:
    from lianfang.guard import ledger

    accounts.add_demonstration(inst)
    accounts.link(inst, "wang.yi")
    with pytest.raises(NotFound):
        accounts.link(inst, "nobody.here")
    with inst.store.read() as connection:
        assert [entry.ref for entry in ledger.entries(connection, type="link_made")] == ["wang.yi"]
