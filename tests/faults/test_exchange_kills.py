"""Two authorities' servers as processes; whoever acts, sends or receives is killed at each commit point.

No message is lost, none is delivered twice, a correction and a deletion reach both copies, a case closes on both
sides, and no key of words that were replaced is left.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import exchangekit
import leaks
from exchangekit import OTHER, PERSON, RIGHT, START, WORDS, staff
from journeyplayer import die_at
from lianfang.foundation.clock import SetClock
from lianfang.records import (
    ExchangeAct,
    ExchangeAlert,
    ExchangeAnswer,
    ExchangeCase,
    ExchangeDelivery,
    ExchangeMessage,
    ExchangeReceipt,
)
from lianfang.services import integrity
from lianfang.services.exchange import cases, changes, channel, ending, messages, outbox
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.store import rows

Count = Callable[[int, int], int]
ASKED = "本人电话应为15400009911"
#: Who acts in each step; the letter goes to the other.
STEPS = {
    "send": "linjiang",
    "correct": "linjiang",
    "request": "yuanshan",
    "answer": "linjiang",
    "reply": "yuanshan",
    "unlawful": "yuanshan",
    "delete": "linjiang",
}


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[dict[str, Path]]:
    made = {name: exchangekit.authority(tmp_path / name, name) for name in ("linjiang", "yuanshan")}
    exchangekit.acquaint(*made.values())
    a = made["linjiang"]
    channel.alert(a, staff(a, "manager"), "列车同乘者追踪", "一切正常", concerned=["yuanshan"])
    with exchangekit.listening(*made.values()):
        exchangekit.carry(a)
    for inst in made.values():
        inst.close()
    yield {name: tmp_path / name for name in made}


def opened(home: Path) -> Installation:
    return open_installation(home, clock=SetClock(START))


def step(inst: Installation, what: str) -> None:
    """One act on the newest message; done again after a kill as a person would: not what is there already."""
    manager, officer = staff(inst, "manager"), staff(inst, "data_protection_officer")
    with inst.store.read() as read:
        alert = rows(read, ExchangeAlert)[0]["alert_id"]
        found = [row for row in rows(read, ExchangeMessage) if row["state"] in ("held", "blocked")]
        asked = rows(read, ExchangeCase, state="open")
        given = {row["case_id"] for row in rows(read, ExchangeAnswer, authority=inst.signer.name)}
    open_cases = [case for case in asked if case["case_id"] not in given]
    if what == "send" and not found:
        messages.send(inst, manager, alert, [PERSON, OTHER], WORDS)
    elif what == "correct" and found[0]["version"] == 1:
        changes.correct(inst, manager, found[0]["message_id"], [RIGHT, OTHER], reason="inaccurate")
    elif what == "request" and not asked:
        message_id = found[0]["message_id"]
        cases.subject_request(inst, officer, message_id, "rectification", ASKED, identity_verified=True)
    elif what in ("answer", "reply") and open_cases:
        cases.answer(inst, officer, open_cases[0]["case_id"], "corrected", "已更正")
    elif what == "unlawful" and found[0]["state"] == "held":
        changes.report_unlawful(inst, officer, found[0]["message_id"], reason="非追踪所必需")
    elif what == "delete" and found:
        changes.delete(inst, manager, found[0]["message_id"], reason="unlawful")
    outbox.deliver(inst, SYSTEM, force=True)
    ending.tidy(inst)


def run(home: Path, what: str, kill: int = 0) -> bool:
    """The step in a process of its own that is killed at its N-th point; whether it was."""
    child = os.fork()
    if not child:
        try:
            with opened(home) as inst:
                die_at(kill)
                step(inst, what)
            os._exit(0)
        except BaseException as error:  # the parent says it
            os.write(2, repr(error).encode())
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, what
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def state(inst: Installation) -> dict[str, Any]:
    """What both sides have to agree on, message by message."""
    with inst.store.read() as read:
        found = rows(read, ExchangeMessage)
        asked = rows(read, ExchangeCase)
    said = {}
    for row in found:
        inside = None
        if row["state"] == "held":
            inside = messages.read(inst, staff(inst, "epidemiologist"), row["message_id"])
        said[row["message_id"]] = (row["state"], row["version"], inside)
    return {"messages": said, "cases": {case["case_id"]: case["state"] for case in asked}}


def agree(homes: dict[str, Path]) -> dict[str, Any]:
    """Both sides hold the same, every letter arrived once, nothing waits or was refused."""
    with opened(homes["linjiang"]) as a, opened(homes["yuanshan"]) as b:
        assert state(a) == state(b)
        for inst, other in ((a, b), (b, a)):
            with inst.store.read() as read, other.store.read() as far:
                letters = rows(read, ExchangeDelivery)
                taken = Counter(row["letter_id"] for row in rows(far, ExchangeReceipt))
                acts = Counter(
                    (row["message_id"], row["act"], row["version"], row["authority"])
                    for row in rows(read, ExchangeAct)
                )
            assert {row["state"] for row in letters} <= {"delivered", "withdrawn"}
            assert all(row["body"] is None for row in letters)
            for row in letters:
                assert taken[row["letter_id"]] == 1 or row["state"] == "withdrawn"
            assert set(acts.values()) <= {1}, acts
        return state(a)


def sequence(homes: dict[str, Path], before: Callable[[str, Path], None]) -> None:
    """The whole life of one message; ``before`` does what kills somebody, then each step is carried through."""
    expected = {
        "send": ("held", 1),
        "correct": ("held", 2),
        "request": ("held", 2),
        "answer": ("held", 2),
        "reply": ("held", 2),
        "unlawful": ("blocked", 2),
        "delete": ("erased", 2),
    }
    for what, name in STEPS.items():
        before(what, homes[name])
        run(homes[name], what)
        found = agree(homes)
        newest = [one for one in found["messages"].values() if one[0] != "erased"]
        if what == "delete":
            assert newest == []
        else:
            assert [one[:2] for one in newest] == [expected[what]]
            if what == "send":
                assert newest[0][2] == {"persons": [PERSON, OTHER], "text": WORDS}
            elif what != "unlawful":
                assert newest[0][2] == {"persons": [RIGHT, OTHER], "text": ""}
        if what == "reply":
            assert set(found["cases"].values()) == {"closed"}


def finished(homes: dict[str, Path], lives: int) -> None:
    """Afterwards: as many messages as were sent, whole ledgers, no key and no word of what was erased."""
    from lianfang.guard.vault import metadata

    keys = metadata.tables["vault_event"]
    for home in homes.values():
        with opened(home) as inst:
            assert len(state(inst)["messages"]) == len(state(inst)["cases"]) == lives
            assert integrity.check(inst)["valid"]
            with inst.vault_store.read() as vault:
                alive = [
                    row.event_id
                    for row in vault.execute(keys.select().where(keys.c.destroyed_at.is_(None)))
                    if row.event_id.startswith("xm-")
                ]
            # a key made for a version that was never written protects nothing
            used = {row["key"] for row in _messages(inst)}
            assert not {name for name in alive if name in used}
        values = [*PERSON.values(), *RIGHT.values(), OTHER["name"], OTHER["mobile"], WORDS, ASKED]
        assert leaks.search(home, values) == []


def _messages(inst: Installation) -> list[dict[str, Any]]:
    with inst.store.read() as read:
        return rows(read, ExchangeMessage)


def test_who_acts_is_killed_at_every_commit_point(homes: dict[str, Path], count: Count) -> None:
    stride = count(4, 1)
    kills, lives, number = 0, 0, 1
    with exchangekit.process(homes["linjiang"]), exchangekit.process(homes["yuanshan"]):
        while True:
            died = []

            def before(what: str, home: Path, at: int = number, found: list[str] = died) -> None:
                if run(home, what, at):
                    found.append(what)

            sequence(homes, before)
            lives += 1
            kills += len(died)
            if not died:
                break
            number += stride
    assert kills >= count(10, 60)
    finished(homes, lives)


def test_who_receives_is_killed_at_every_commit_point(homes: dict[str, Path], count: Count) -> None:
    names = {"linjiang": "yuanshan", "yuanshan": "linjiang"}
    kills, lives = 0, 0
    for number in range(1, 20, count(3, 1)):
        for_each: list[str] = []

        def before(what: str, home: Path, at: int = number, found: list[str] = for_each) -> None:
            far = homes[names[home.name]]
            with exchangekit.process(far, kill=at) as server:
                run(home, what)
                for _ in range(20):
                    if server.poll() is not None:
                        break
                    time.sleep(0.05)
                if server.returncode == -signal.SIGKILL:
                    found.append(what)

        with_servers(homes, before)
        lives += 1
        kills += len(for_each)
        if not for_each:
            break  # no letter has that many points
    assert kills >= count(8, 24)
    finished(homes, lives)


def with_servers(homes: dict[str, Path], before: Callable[[str, Path], None]) -> None:
    """As :func:`sequence`, but the servers run only while a step is carried through after the kill."""

    def killed(what: str, home: Path) -> None:
        before(what, home)
        stack.append(exchangekit.process(homes["linjiang" if home.name == "yuanshan" else "yuanshan"]))
        stack[-1].__enter__()
        run(home, what)
        stack.pop().__exit__(None, None, None)

    stack: list[Any] = []
    sequence(homes, killed)


def test_a_server_delivers_by_itself_what_a_killed_act_left(homes: dict[str, Path]) -> None:
    """The desk of the sender's own server finishes, without anybody calling again."""
    a = homes["linjiang"]
    number = 1
    while True:  # the first point at which the message is committed and has not been carried
        assert run(a, "send", number)
        with opened(a) as inst:
            if _messages(inst):
                break
        number += 1
    with exchangekit.process(homes["yuanshan"]), exchangekit.process(a):
        for _ in range(300):
            with opened(a) as inst:
                if not outbox.waiting(inst):
                    break
            time.sleep(0.1)
    found = agree(homes)
    assert [one[:2] for one in found["messages"].values()] == [("held", 1)]
