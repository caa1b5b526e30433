"""The book of gifts at size: the public page, the list and the proposal over 10,000 gifts in 60,000 moves.

``python benchmarks/gifts.py [GIFTS]``
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from lianfang.records import Event, Gift, GiftLot, GiftMove, SupplyBody
from lianfang.services import accounts, gifts
from lianfang.services.installation import Installation, create
from lianfang.store import put_rows

WAY = ("outside", "pledged", "received", "accepted", "stored", "allocated", "in_transit", "delivered", "used")


def fill(inst: Installation, count: int) -> None:
    """Half of the gifts are in store, half were used."""
    now, item = inst.now(), "mask-n95"
    given, lots, moves = [], [], []
    for at in range(count):
        gift_id = f"g{at:08d}"
        place = {"received": "depot", "accepted": f"l{at}", "stored": f"l{at}"}
        given.append(
            {
                "gift_id": gift_id, "event_id": "e1", "donor_id": f"d{at}", "code": f"c{at}", "item_id": item,
                "quantity": 100, "provenance": "open", "at": now - timedelta(minutes=at), "by": "x",
            }
        )  # fmt: skip
        lots.append(
            {
                "lot_id": f"l{at}",
                "gift_id": gift_id,
                "item_id": item,
                "mark": "NIOSH N95",
                "depot_id": "depot",
            }
        )
        for step in range(8 if at % 2 else 4):
            source, target = WAY[step], WAY[step + 1]
            moves.append(
                {
                    "step_id": f"s{at}-{step}", "number": 0, "gift_id": gift_id, "quantity": 100, "at": now,
                    "source": source, "source_at": place.get(source, ""), "source_item": item,
                    "target": target, "target_at": place.get(target, ""), "target_item": item,
                }
            )  # fmt: skip
    with inst.store.begin() as connection:
        body = {
            "body_id": "depot",
            "kind": "depot",
            "name_zh": "仓库",
            "name_en": "depot",
            "adcode": "429900",
            "by": "x",
        }
        event = {
            "event_id": "e1", "title": "e", "adcode": "429900", "disease": "d", "case_definition": "c", "level": "III",
            "status": "open", "start_conditions": "-", "stop_conditions": "-", "legal_basis": [], "plan": {},
            "retention_pack": "-", "opened_at": now, "opened_by": "x", "retention_until": inst.today(),
        }  # fmt: skip
        put_rows(connection, SupplyBody, [body])
        put_rows(connection, Event, [event])
        put_rows(connection, Gift, given)
        put_rows(connection, GiftLot, lots)
        put_rows(connection, GiftMove, moves)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"adcode": "429900", "demonstration": True, "authority_id": "bench"}
        with create(Path(folder) / "home", settings=settings) as inst:
            accounts.add_demonstration(inst)
            manager = accounts.person(inst, "zhou.zhuren")
            fill(inst, count)
            tasks: dict[str, Callable[[], object]] = {
                "public page": lambda: gifts.overview(inst),
                "list of 100": lambda: gifts.listing(inst, manager),
                "one gift": lambda: gifts.show(inst, manager, "g00000001"),
                "proposal": lambda: gifts.propose(inst, manager),
            }
            for name, task in tasks.items():
                task()
                wall, cpu = time.perf_counter(), time.process_time()
                task()
                print(
                    f"{name:<12} {time.process_time() - cpu:6.3f} s processor  {time.perf_counter() - wall:6.3f} s"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
