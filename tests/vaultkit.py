"""A vault in a temporary folder and invented people, for the tests of the guard."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, create_engine

from lianfang.foundation.clock import SetClock
from lianfang.guard.vault import Approval, Grant, Keyring, Vault
from lianfang.guard.vault.tables import metadata

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
EVENT = "linjiang-2026"


def sqlite(path: Path | None = None) -> Engine:
    engine = create_engine(f"sqlite:///{path}" if path else "sqlite://")
    if path:
        with engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA journal_mode = WAL")
    metadata.create_all(engine)
    return engine


def vault(folder: Path, clock: SetClock | None = None, *, suite: int = 1) -> Vault:
    there = (folder / "keyring.json").exists()
    ring = Keyring.open(folder, suite=suite) if there else Keyring.create(folder, "linjiang-cdc", suite=suite)
    return Vault(ring, clock or SetClock(NOW), suite=suite)


def people(count: int, seed: int = 1) -> list[dict[str, str]]:
    """Invented persons: unassigned region 4299, unassigned phone range 154."""
    rng = random.Random(seed)
    surnames, given = "王李张刘陈杨赵黄周吴欧阳", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"
    rows = []
    for at in range(count):
        body = f"4299{rng.randint(1, 12):02d}{rng.randint(1940, 2015)}{rng.randint(1, 12):02d}"
        body += f"{rng.randint(1, 28):02d}{at % 1000:03d}"
        weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
        body += "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]
        rows.append(
            {
                "name": rng.choice(surnames) + rng.choice(given) + rng.choice(given),
                "resident_id": body,
                "phone": f"154{at:08d}",
                "address": f"临江市城南区{rng.randint(1, 99)}号{rng.randint(1, 30)}室",
            }
        )
    return rows


def grant(subjects: list[str], **changes: object) -> Grant:
    values: dict[str, object] = {
        "event_id": EVENT,
        "subjects": subjects,
        "fields": ["name", "phone"],
        "reason": "contacts of index 1",
        "approvals": [
            Approval("chen", "epidemiologist", NOW - timedelta(hours=1)),
            Approval("wu", "data_protection_officer", NOW - timedelta(minutes=5)),
        ],
        "reader": "li",
        "not_after": NOW + timedelta(hours=24),
    }
    values.update(changes)
    return Grant(**values)  # type: ignore[arg-type]
