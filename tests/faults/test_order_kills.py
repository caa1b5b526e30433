"""``kill -9`` of the centre that sends an order and of the node that searches: together they end as in peace."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orderkit
from lianfang.guard import ledger
from lianfang.records import Contact, HolderOrder, OrderAnswer
from lianfang.services import holder
from lianfang.services.installation import open_installation
from lianfang.store import rows, tally
from orderkit import EPI, EVENT
from ports import free_port

PEOPLE = orderkit.people()


def test_killed_node_and_killed_centre_end_the_same(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    """kill -9 of the sending centre and of the searching node, at random moments, then once more in peace."""
    rng = random.Random(24)
    base, home = orderkit.node_folder(tmp_path / "linjiang", PEOPLE), tmp_path / "centre"
    with orderkit.installation(home, real_clock=True) as inst:
        orderkit.open_event(inst, PEOPLE)
        holder.trust(base, inst.signer.public.to_json())
    port = free_port()
    with orderkit.serving(base, port=port) as served:
        assert _cli(home, "holder", "register", served.url).returncode == 0
    drawn = _cli(home, "order", "draft", EVENT, "--holder", "linjiang", "--json")
    order_id = json.loads(drawn.stdout)["order_id"]
    for at in range(count(2, 20)):
        with orderkit.serving(base, port=port) as served:
            sender = _start(home, "order", "send", order_id)
            time.sleep(rng.uniform(0.6, 4.0))
            victim = (sender, served.process)[at % 2]
            victim.kill()
            victim.wait(20)
            sender.kill()
            sender.wait(20)
    with orderkit.serving(base, port=port):
        ended = _cli(home, "order", "send", order_id, "--json")
        again = _cli(home, "order", "send", order_id, "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == json.loads(again.stdout)
    node = holder.HolderNode(base)
    with node.store.read() as connection:
        for kind in ("order_received", "order_answered"):
            assert len(ledger.entries(connection, type=kind, log=node.log)) == 1
    node.close()
    with open_installation(home) as inst, inst.store.read() as connection:
        assert tally(connection, Contact) == len(orderkit.MET)
        assert tally(connection, OrderAnswer) == 1
        assert rows(connection, HolderOrder)[0]["status"] == "answered"
        assert len(ledger.entries(connection, type="order_answered")) == 1
        assert len(ledger.entries(connection, type="order_sent")) == 1


def _command(home: Path, *words: str) -> list[str]:
    acts = words[1] != "identity"
    return [
        sys.executable,
        "-m",
        "lianfang",
        *words,
        "--home",
        str(home),
        *(["--as", EPI.account] if acts else []),
    ]


def _cli(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(home, *words), capture_output=True, text=True, timeout=120)


def _start(home: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(_command(home, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            env=dict(os.environ))  # fmt: skip
