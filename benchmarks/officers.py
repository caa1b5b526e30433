"""What officers wait for in a large installation: an inspection at 10^5 persons, and a page of 1,000 accounts.

python benchmarks/officers.py [--persons 100000] [--accounts 1000]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lianfang.guard import accounts as guard
from lianfang.services import accounts, inspection, integrity, staff
from lianfang.services.inspection import making
from lianfang.services.installation import ROUTINE, Installation, Signed, create
from vaultkit import people

BATCH = 10_000


def clock(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def line(name: str, spent: tuple[float, float], note: str = "") -> None:
    print(f"{name:<58}{spent[0]:>9.2f}{spent[1]:>9.2f}  {note}")


def fill(inst: Installation, persons: int, many: int) -> None:
    for at in range(0, persons, BATCH):
        rows = people(min(BATCH, persons - at), seed=at)
        with inst.vault_store.begin() as vault:
            inst.vault.put_many(vault, ROUTINE, rows, kind="returnee")
    now = inst.now()
    with inst.store.begin() as connection:
        for at in range(many):
            made = guard.create(
                connection, name=f"hu.{at:05d}", display=f"护士{at}", now=now, trained_until=None
            )
            for role in ("clinician", "laboratory"):
                guard.give_role(
                    connection,
                    made,
                    role,
                    area="429900",
                    now=now,
                    not_after=now + timedelta(days=9),
                    given_by=None,
                )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"adcode": "429900", "authority_id": "linjiang-cdc", "demonstration": True}
        with create(Path(folder) / "home", settings=settings) as inst:
            accounts.add_demonstration(inst)
            accounts.add(inst, None, "boss.li", role="administrator")
            fill(inst, given.persons, given.accounts)
            auditor = accounts.person(inst, "sun.shen")
            print(f"{given.persons:,} persons, {given.accounts:,} accounts; load {os.getloadavg()[0]:.1f}")
            print(f"{'':<58}{'wall s':>9}{'CPU s':>9}")
            line(
                f"inspection, {making.SAMPLE:,} identities opened",
                clock(lambda: inspection.report(inst, auditor)),
            )
            line("every identity opened (ledger verify)", clock(lambda: integrity.check(inst)))
            boss = replace(accounts.person(inst, "boss.li"), signed=Signed(2, True, True))
            staff.page(inst, boss)
            line("a page of 50 accounts", clock(lambda: staff.page(inst, boss, number=9)))
            line("a search by name", clock(lambda: staff.page(inst, boss, search="护士77")))


if __name__ == "__main__":
    main()
