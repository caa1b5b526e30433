"""A thousand planted persons go through the whole loop; outside the vault's opening nobody finds one of them."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

import journeykit
import leaks
from lianfang.api.app import create_app
from lianfang.api.report import write_report
from lianfang.api.security import COOKIE, form_token
from lianfang.cli import cli
from lianfang.records import Alert, HolderOrder, RiskLock, Sample
from lianfang.services import accounts, bulletin, gifts
from lianfang.services.installation import Installation, open_installation
from lianfang.services.tour import Story
from lianfang.store import rows

COMMANDS = (
    ["today", "--json"],
    ["event", "list", "--json"],
    ["act", "contacts", "{event_id}", "--json"],
    ["order", "show", "{order_id}", "--json"],
    ["publish", "{event_id}", "--dry-run", "--json"],
    ["publish", "{event_id}"],
    ["event", "open", "{alert_id}"],
    ["daily", "--json"],
    ["account", "list", "--json"],
    ["job", "list", "--json"],
    ["gifts", "list", "--json"],
    ["gifts", "show", "{gift_id}"],
    ["gifts", "show", "{gift_id}", "--json"],
    ["gifts", "follow", "{code}"],
    ["gifts", "needs", "--json"],
    ["gifts", "audit"],
    ["close", "{event_id}", "--reason", "x"],
)


@pytest.fixture
def ids(inst: Installation) -> dict[str, str]:
    names, named = {one["name"] for one in journeykit.planted()}, journeykit.names_read(inst)
    with inst.store.read() as connection:
        return {
            "event_id": journeykit.event_of(inst),
            "number": "1",
            "contact_id": next(contact for contact, one in named.items() if one["name"] in names),
            "alert_id": rows(connection, Alert, status="opened")[0]["alert_id"],
            "order_id": rows(connection, HolderOrder)[0]["order_id"],
            "lock_id": rows(connection, RiskLock)[0]["lock_id"],
            "sample_no": rows(connection, Sample)[0]["sample_no"],
        }


@pytest.fixture
def base(played: Path, tmp_path: Path) -> Path:
    return journeykit.stage(played, tmp_path / "base")


@pytest.fixture
def inst(base: Path) -> Iterator[Installation]:
    with open_installation(base / "centre") as opened:
        yield opened


@pytest.fixture
def given(inst: Installation, ids: dict[str, str]) -> dict[str, str]:
    """A planted person who doesn't want to be named has promised a gift: its id, and the code of his receipt."""
    donor, supply = journeykit.planted()[0], accounts.person(inst, "qian.wu")
    lines = [{"item": "mask-yy0469", "quantity": 40}]
    made = gifts.pledge(inst, supply, ids["event_id"], lines, name=donor["name"], phone=donor["phone"])
    return {"gift_id": str(made["gifts"][0]), "code": str(made["code"])}


def _pages(inst: Installation, ids: dict[str, str], out: Path) -> tuple[int, str]:
    """Every page and route that can be read, for every role in both languages; and the worker's one answer."""
    client = TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)
    paths = [path for path, methods in client.app.openapi()["paths"].items() if "get" in methods]
    shown, particulars = 0, ""
    for name, _, role in accounts.DEMONSTRATION:
        client.cookies.clear()
        assert client.post("/enter", data={"link": accounts.link(inst, name)}).status_code == 303
        for path in paths:
            filled = re.sub(r"\{(\w+)\}", lambda match: ids.get(match.group(1), "none"), path)
            for lang in ("zh", "en"):
                answer = client.get(filled, headers={"accept-language": lang})
                shown += answer.status_code == 200
                target = out / f"{role}-{lang}{filled.replace('/', '_')[:120]}"
                target.write_bytes(str(dict(answer.headers)).encode() + b"\n" + answer.content)
        if role == "community_worker":
            token = form_token(client.cookies[COOKIE])
            answer = client.post(f"/my/{ids['contact_id']}/particulars", data={"token": token})
            assert answer.status_code == 200
            particulars = answer.text
    return shown, particulars


def _commands(home: Path, ids: dict[str, str], out: Path) -> None:
    for at, command in enumerate(COMMANDS):
        filled = [part.format(**ids) for part in command]
        result = CliRunner().invoke(cli, [*filled, "--home", str(home)])
        (out / f"command-{at}.txt").write_text(
            f"{filled}\n{result.output}\n{result.exception!r}", encoding="utf-8"
        )


def test_a_thousand_planted_persons_are_found_nowhere(
    base: Path,
    inst: Installation,
    ids: dict[str, str],
    given: dict[str, str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    people, ids = journeykit.planted(), ids | given
    values = journeykit.values(people)
    assert len(people) == 1000 and len(values) == 4000
    out = tmp_path / "captured"
    out.mkdir()
    shown, particulars = _pages(inst, ids, out)
    assert shown > 60
    story = Story(ids["event_id"])
    write_report(inst, story, out / "report.html")
    (out / "bulletin.json").write_text(bulletin.document(inst, ids["event_id"], 1), encoding="utf-8")
    named = journeykit.names_read(inst)
    inst.close()
    _commands(base / "centre", ids, out)
    (out / "stdout.txt").write_text("".join(capfd.readouterr()), encoding="utf-8")

    # the values are in the house, so that not to find them says something
    planted_names = {one["name"] for one in people}
    assert planted_names & {one["name"] for one in named.values()}
    finder = leaks.Finder(values)
    assert finder(particulars.encode()) <= set(named[ids["contact_id"]].values())
    assert finder(particulars.encode())

    assert leaks.search(out, values) == []
    assert leaks.search(base / "centre", values, allow=["rejects/"]) == []
    node = base / "city" / "holders" / journeykit.HOLDER / "node"
    assert leaks.search(node, values) == []
    assert leaks.search(base, values, allow=["centre/", "city/"]) == []
    rejected = sorted((base / "centre" / "rejects").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in rejected} == {0o600}
    kept = {value for path in rejected for value in finder(path.read_bytes())}
    assert {people[at]["name"] for at in journeykit.REJECTED} <= kept
    assert not kept & {people[at]["name"] for at in (*journeykit.CARDS, *journeykit.RETURNED)}
    assert not list((base / "centre" / "inbox").iterdir())
