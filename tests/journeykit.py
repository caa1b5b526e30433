"""The loop on the small city with real processes: one installation up to its alarm, copied for each test.

``alarmed``: a folder with ``city`` (its files hold a thousand planted persons), ``eve`` (the centre before the
alarm's day was worked) and ``centre`` (the morning of the alarm); ``played``: the same with the tour played.
Read only: take a :func:`stage`.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from databases import drop_postgres, new_postgres
from lianfang import world
from lianfang.cli import demo
from lianfang.foundation.clock import SetClock
from lianfang.foundation.settings import read_settings
from lianfang.records import (
    Alert,
    Approval,
    Batch,
    Bulletin,
    CaseReport,
    Contact,
    Event,
    FollowUp,
    Gift,
    GiftAllocation,
    GiftLot,
    GiftMove,
    HolderOrder,
    LabResult,
    ObservationOrder,
    OrderAnswer,
    ReceivedReport,
    Returnee,
    RiskLock,
    Sample,
    SupplyNeed,
)
from lianfang.services import accounts, attaching, daily, events, tour
from lianfang.services.installation import SYSTEM, Installation, create, open_installation
from lianfang.store import rows, tally

Server = tuple[str, str]
SRC = Path(__file__).parents[1] / "src"
PLAYER = Path(__file__).with_name("journeyplayer.py")
HOLDER = demo.HOLDER
CARDS, RETURNED, REJECTED, SUBSCRIBERS = range(200), range(200, 400), range(400, 500), range(500, 1000)
#: Characters that stand in no page, word list or generated name of the city.
_RARE = "龘犇骉羴猋鱻淼焱垚麤"


def planted() -> list[dict[str, str]]:
    """A thousand invented persons whose values occur nowhere else."""
    people = []
    for at in range(1000):
        body = f"429999{1950 + at % 60}{1 + at % 12:02d}{1 + at % 28:02d}{at:03d}"
        weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
        check = "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]
        people.append(
            {
                "name": "欧阳" + "".join(_RARE[int(digit)] for digit in f"{at:03d}"),
                "resident_id": body + check,
                "phone": f"1549{7_300_000 + 13 * at:07d}",
                "address": f"临江市植入巷{3_000 + at}弄{at % 7}单元{at % 5}09室",
            }
        )
    return people


def values(people: list[dict[str, str]]) -> list[str]:
    return sorted({value for one in people for value in one.values()})


def plant(city: world.City) -> None:
    """Put them into the hospitals' and the registers' files and among the holder's subscribers."""
    import polars as pl

    people = planted()
    days = [city.start + timedelta(days=n) for n in range((city.alarm - city.start).days + 1)]
    for at, person in enumerate(people[:500]):
        day = days[at % len(days)]
        if at in RETURNED:
            _returnee(city.inbox(day) / "返回人员.csv", day, person)
        else:
            _card(city.inbox(day) / "病例报告_临江市第一医院.csv", day, at, person)
    truth, register = city.path / "truth" / "persons.parquet", city.holder / "subscribers.parquet"
    persons, held = pl.read_parquet(truth), pl.read_parquet(register)
    # the patients keep what their hospitals reported of them: by that the holder knows them
    cards = b"".join(path.read_bytes() for path in (city.path / "centre").rglob("病例报告_*.csv"))
    well = [phone for phone in persons["phone"] if phone and phone.encode() not in cards]
    market = persons.filter(pl.col("subscriber").is_not_null(), pl.col("phone").is_in(well)).sort(
        ~pl.col("workplace").eq_missing(_market(city)), "person"
    )
    chosen = market.head(len(SUBSCRIBERS))
    new = pl.DataFrame(people[500:]).select("name", "resident_id", "phone")
    new = new.with_columns(subscriber=chosen["subscriber"])
    persons.update(new, on="subscriber").write_parquet(truth)
    held.update(new, on="subscriber").write_parquet(register)


def _market(city: world.City) -> str:
    with (city.path / "places.csv").open(encoding="utf-8-sig") as stream:
        return next(row[0] for row in csv.reader(stream) if "城南市场" in row)


def _returnee(path: Path, day: date, person: dict[str, str]) -> None:
    row = [day, person["name"], person["resident_id"], person["phone"], person["address"], "429901"]
    _append(path, [*row, "远山市", day, ""])


def _card(path: Path, day: date, at: int, person: dict[str, str]) -> None:
    header = (
        "报告卡编号,报告日期,报告单位,姓名,性别,出生日期,证件号码,联系电话,现住址,现住区划,职业,工作单位,学校,发病日期,"
        "就诊日期,入院日期,临床严重程度,病例分类,症状,暴露史,死亡日期"
    )
    born = person["resident_id"][6:14]
    cells = {
        "报告卡编号": f"ZR{day:%Y%m%d}{at:04d}",
        "报告日期": day,
        "报告单位": "临江市第一医院",
        "姓名": person["name"],
        "性别": "女",
        "出生日期": f"{born[:4]}-{born[4:6]}-{born[6:]}",
        "证件号码": person["resident_id"],
        "联系电话": person["phone"],
        "现住址": person["address"],
        "现住区划": "429901",
        "职业": "工人",
        "发病日期": "not a day" if at in REJECTED else day - timedelta(days=1),
        "就诊日期": day,
        "临床严重程度": "轻型",
        "病例分类": "疑似病例",
        "症状": "发热;咳嗽",
    }
    if not path.exists():
        path.write_text(header + "\n", encoding="utf-8")
    _append(path, [cells.get(name, "") for name in header.split(",")])


def _append(path: Path, cells: list[object]) -> None:
    raw = path.read_bytes()
    encoding = "utf-8"
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        encoding = "gb18030"
    line = ",".join(str(cell) for cell in cells) + "\n"
    path.write_bytes(raw + (b"" if raw.endswith(b"\n") else b"\n") + line.encode(encoding))


def prepare(base: Path, city: world.City, server: Server | None = None) -> dict[str, str]:
    """The centre in ``base/centre`` worked up to the alarm (on PostgreSQL, given a server); gives each day's digest."""
    settings = {name: new_postgres(server) for name in ("database_url", "vault_url")} if server else {}
    clock = SetClock(demo._morning(city.start))
    values = {**demo._settings(city, 8000), **settings}
    digests: dict[str, str] = {}
    with create(base / "centre", settings=values, clock=clock) as inst:
        accounts.add_demonstration(inst)
        demo._divisions(inst, city)
        demo.make_holder(inst, city.holder)
        for day in days(city):
            if day == city.alarm:
                inst.store.close()
                inst.vault_store.close()
                shutil.copytree(base / "centre", base / "eve")
                if server:
                    copy_databases(base / "eve", server)
            clock.at = demo._morning(day)
            demo.deliver(inst, city, day)
            digests[day.isoformat()] = daily.run(inst, SYSTEM, day).digest
    demo._set_clocks(base, city.alarm)
    return digests


def days(city: world.City) -> list[date]:
    return [city.start + timedelta(days=n) for n in range((city.alarm - city.start).days + 1)]


def _city(source: world.City, target: Path) -> world.City:
    shutil.copytree(source.path, target)
    return world.City.open(target)


@pytest.fixture(scope="session", autouse=False)
def on_path() -> Iterator[None]:
    """Processes that the tests start find this package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, [str(SRC), os.environ.get("PYTHONPATH", "")]))
        )
        yield


@pytest.fixture(scope="session")
def alarmed(small_city: world.City, on_path: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("alarmed")
    city = _city(small_city, base / "city")
    plant(city)
    digests = prepare(base, city)
    (base / "digests.json").write_text(json.dumps(digests))
    return base


@pytest.fixture(scope="session")
def alarmed_postgres(
    alarmed: Path, postgres_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """As ``alarmed``, on PostgreSQL; take a :func:`stage_postgres`."""
    base = tmp_path_factory.mktemp("alarmed-postgres")
    city = world.City.open(copy_city(alarmed / "city", base / "city"))
    (base / "digests.json").write_text(json.dumps(prepare(base, city, postgres_server)))
    return base


@pytest.fixture(scope="session")
def played(alarmed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = stage(alarmed, tmp_path_factory.mktemp("played") / "base")
    with demo.holder_process(base), open_installation(base / "centre") as inst:
        play(inst, base)
        (base / "summary.json").write_text(json.dumps(summary(inst), default=str))
    return base


def stage(source: Path, target: Path, *, centre: str = "centre") -> Path:
    """A copy to act on; the city's bulk is linked, as nothing writes to it."""
    target.mkdir(parents=True)
    shutil.copytree(source / centre, target / "centre")
    copy_city(source / "city", target / "city")
    node = Path("city") / "holders" / HOLDER / "node"
    shutil.copytree(source / node, target / node)
    return target


def stage_postgres(source: Path, target: Path, server: Server, *, centre: str = "centre") -> Path:
    """As :func:`stage`, on copies of the two databases."""
    made = stage(source, target, centre=centre)
    copy_databases(made / "centre", server)
    return made


def copy_databases(home: Path, server: Server) -> None:
    """Let an installation go on with copies of the databases that its settings name."""
    file = home / "lianfang.toml"
    text = file.read_text(encoding="utf-8")
    for url in urls(home).values():
        text = text.replace(url, new_postgres(server, template=str(make_url(url).database)))
    file.write_text(text, encoding="utf-8")


def drop_databases(home: Path, server: Server) -> None:
    for url in urls(home).values():
        drop_postgres(server, url)


def urls(home: Path) -> dict[str, str]:
    """``database_url`` and ``vault_url`` of an installation on PostgreSQL."""
    settings = read_settings(home)
    return {name: getattr(settings, name) for name in ("database_url", "vault_url")}


def copy_city(source: Path, target: Path) -> Path:
    """Without the holder's node, which is one installation's."""
    shutil.copytree(source, target, copy_function=demo._link, ignore=_nodes)
    return target


def _nodes(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "node"]


def play(inst: Installation, base: Path, *, upto: str = "publish") -> tour.Story:
    answers = demo.World(base / "city", inst.today())
    return tour.play(inst, answers, say=lambda *_: None, holder=HOLDER, upto=upto)


def event_of(inst: Installation) -> str:
    epi = accounts.person(inst, "wang.yi")
    return str(events.listing(inst, epi)[0]["event_id"])


def summary(inst: Installation) -> dict[str, Any]:
    """What the loop left, without what is random in it (ids, tokens, moments)."""
    with inst.store.read() as read:
        contacts = rows(read, Contact, order_by=["rank"])
        cases = rows(read, CaseReport)
        found: dict[str, Any] = {
            "events": [row["status"] for row in rows(read, Event)],
            "alerts": Counter(f"{row['method']} {row['status']}" for row in rows(read, Alert)),
            "cases": Counter(f"{bool(row['event_id'])} {row['classification']}" for row in cases),
            "contacts": [[row["rank"], row["level"], row["score"], row["status"]] for row in contacts],
            "orders": Counter(row["status"] for row in rows(read, HolderOrder)),
            "answers": [row["candidates"] for row in rows(read, OrderAnswer)],
            "locks": [(row["status"], len(row["contact_ids"])) for row in rows(read, RiskLock)],
            "approvals": Counter(row["verdict"] for row in rows(read, Approval)),
            "visits": sorted(str(row["temperature"]) for row in rows(read, FollowUp)),
            "observation": Counter(row["status"] for row in rows(read, ObservationOrder)),
            "samples": Counter(row["status"] for row in rows(read, Sample)),
            "results": Counter(row["result"] for row in rows(read, LabResult)),
            "bulletins": [row["content"] for row in rows(read, Bulletin)],
            "gifts": Counter(
                f"{row['source']} to {row['target']} {row['quantity']}" for row in rows(read, GiftMove)
            ),
            **{
                kind.about.name: tally(read, kind)
                for kind in (Batch, Gift, GiftAllocation, GiftLot, ReceivedReport, Returnee, SupplyNeed)
            },
        }
        known = {str(row["event_id"]) for row in rows(read, Event)}
    found["subjects"] = subjects(inst, known)
    found["left under the standing keys"] = len(attaching.orphans(inst))
    return dict(json.loads(json.dumps(found, default=str, sort_keys=True)))


def subjects(inst: Installation, events_known: set[str]) -> dict[str, int]:
    from sqlalchemy import select

    from lianfang.guard.vault.tables import subject

    with inst.vault_store.read() as vault:
        statement = select(subject.c.event_id, subject.c.kind).where(subject.c.wrapped_key.is_not(None))
        held = vault.execute(statement).all()
    return dict(Counter(f"{'event' if e in events_known else 'routine'} {kind}" for e, kind in held))


def names_read(inst: Installation) -> dict[str, dict[str, str]]:
    """Contact -> what the worker reads of each who was named to him."""
    from lianfang.services import visits

    worker = accounts.person(inst, "li.she")
    return {
        row["contact_id"]: visits.particulars(inst, worker, row["contact_id"], terminal="t1")
        for row in visits.tasks(inst, worker)
        if row["status"] != "case"  # who became a case is followed by the worker no more
    }


class Player:
    """The process that players are forked from: what they import is loaded once."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the process
        self.process = subprocess.Popen(
            [sys.executable, str(PLAYER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def run(self, base: Path, what: str, kill: int = 0) -> int:
        """Play in a process of its own that kills itself at a point; gives its exit status (0, or -9)."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{base}\t{what}\t{kill}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if answer.strip() not in ("0", str(-signal.SIGKILL)):
            self.errors.seek(0)
            raise AssertionError(self.errors.read().decode()[-3000:])
        return int(answer)

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.errors.close()


@pytest.fixture(scope="session")
def player(on_path: None) -> Iterator[Player]:
    made = Player()
    yield made
    made.close()


def killed_until_done(player: Player, base: Path, what: str, every: int) -> int:
    """Start again after each kill until it ends by itself; gives the number of kills."""
    kills = 0
    while player.run(base, what, every):
        kills += 1
        every += kills % 3  # so that work repeated after a start cannot hold it in one place
        assert kills < 200, "no progress"
    return kills
