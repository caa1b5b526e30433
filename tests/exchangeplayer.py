"""``python exchangeplayer.py HOME serve|WHAT N``: serve, or do one act, and be killed at the N-th point (0: never).

A point lies before and after each commit, of either database: what was written is then about to last, or has just
begun to. Acts ask first whether they were done, as a person would after a crash.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import exchangekit
from exchangekit import OTHER, PERSON, RIGHT, WORDS, staff
from journeyplayer import die_at
from lianfang.records import ExchangeAlert, ExchangeAnswer, ExchangeCase, ExchangeMessage, ExchangePost
from lianfang.services.exchange import cases, changes, channel, ending, messages, outbox, serving
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.store import rows


def act(inst: Installation, what: str) -> None:
    """One act, once: what is there already is not done again."""
    manager, officer = staff(inst, "manager"), staff(inst, "data_protection_officer")
    with inst.store.read() as read:
        held = {
            kind: rows(read, kind) for kind in (ExchangeAlert, ExchangePost, ExchangeMessage, ExchangeCase)
        }
        given = rows(read, ExchangeAnswer, authority=inst.signer.name)
    found: list[Any] = held[ExchangeMessage]
    if what == "alert" and not held[ExchangeAlert]:
        channel.alert(inst, manager, "列车同乘者追踪", "一切正常", concerned=["yuanshan"])
    elif what == "post" and not held[ExchangePost]:
        channel.post(inst, manager, "通报", "一切正常")
    elif what == "send" and not found:
        messages.send(inst, manager, held[ExchangeAlert][0]["alert_id"], [PERSON, OTHER], WORDS)
    elif what == "correct" and found[0]["version"] == 1:
        changes.correct(inst, manager, found[0]["message_id"], [RIGHT, OTHER], reason="inaccurate")
    elif what == "request" and not held[ExchangeCase]:
        asked = "本人电话应为15400009911"
        cases.subject_request(
            inst, officer, found[0]["message_id"], "rectification", asked, identity_verified=True
        )
    elif what == "answer" and not given:
        cases.answer(inst, officer, held[ExchangeCase][0]["case_id"], "corrected", "已更正")
    elif what == "unlawful" and found[0]["state"] == "held":
        changes.report_unlawful(inst, officer, found[0]["message_id"], reason="非追踪所必需")
    elif what == "delete" and found[0]["state"] in ("held", "blocked"):
        changes.delete(inst, manager, found[0]["message_id"], reason="unlawful")
    elif what == "purge":
        inst.clock.at += timedelta(days=15)  # type: ignore[attr-defined]
        ending.purge(inst, SYSTEM)
    outbox.deliver(inst, SYSTEM, force=True)
    ending.tidy(inst)


def main(home: Path, what: str, number: int) -> None:
    from lianfang.foundation.clock import SetClock

    with open_installation(home, clock=SetClock(exchangekit.START)) as inst:
        if what == "serve":
            serving.ROUND = 0.2
            die_at(number)
            serving.serve(inst, say=lambda line: print(line, flush=True))
        else:
            die_at(number)
            act(inst, what)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
