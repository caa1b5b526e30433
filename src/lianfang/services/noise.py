"""Statistics of an event with noise: a budget per data set, answers that are kept.

The budget's row is locked while an answer is given, so that no two answers spend the same epsilon; the answer,
the spending and the ledger's entry stand in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, NotFound
from lianfang.services import cases, events
from lianfang.services.gate import ask, record, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

FORMAT = "lianfang-noisy-answer/1"
DATASETS = ("cases", "confirmed")
#: What may be told apart -> the policy's word for it.
COLUMNS = {"district": "region_index", "sex": "sex"}
SEXES = ("male", "female", "unknown")


def grant(
    inst: Installation, who: Who, event_id: str, dataset: str, epsilon: str, reason: str
) -> dict[str, Any]:
    """Set the budget of a data set; it can be raised later, never below what is spent."""
    from lianfang.guard import redaction
    from lianfang.guard.disclosure.noise import epsilon_of
    from lianfang.records import NoiseBudget
    from lianfang.store import put

    require(who, "noise.grant")
    _known(dataset)
    total = epsilon_of(epsilon)
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if not reason.strip() or redaction.find(reason, point="block"):
        raise BadInput("Say why, and name nobody: the reason is kept with the budget.")
    with inst.store.begin() as connection:
        before = _locked(connection, event_id, dataset)
        spent = Fraction(before["spent"]) if before else Fraction(0)
        if total < spent:
            raise BadInput("More than that is spent already.")
        row = NoiseBudget(
            event_id=event_id, dataset=dataset, epsilon=str(total), spent=str(spent), granted_at=inst.now(),
            granted_by=who.account, reason=reason,
        )  # fmt: skip
        record(
            inst, connection, "noise.granted", who=who, purpose="public_bulletin", ref=f"{event_id}/{dataset}",
            payload={"epsilon": str(total), "spent": str(spent)},
        )  # fmt: skip
        put(connection, row)
    return budget(inst, who, event_id, dataset)


def budget(inst: Installation, who: Who, event_id: str, dataset: str) -> dict[str, Any]:
    """The budget of a data set, what is spent of it, and the answers given so far."""
    from lianfang.records import NoiseBudget, NoisyAnswer
    from lianfang.store import one, rows

    require(who, "noise.ask")
    _known(dataset)
    within(who, events.get(inst, event_id)["adcode"])
    with inst.store.read() as connection:
        row = one(connection, NoiseBudget, event_id=event_id, dataset=dataset)
        given = rows(connection, NoisyAnswer, event_id=event_id, dataset=dataset, order_by=["given_at"])
    left = Fraction(row["epsilon"]) - Fraction(row["spent"])
    return {
        "event_id": event_id, "dataset": dataset, "epsilon": row["epsilon"], "spent": row["spent"],
        "left": str(left), "answers": [_answer(one_) for one_ in given],
    }  # fmt: skip


def answer(
    inst: Installation, who: Who, event_id: str, dataset: str, by: Sequence[str], epsilon: str
) -> dict[str, Any]:
    """Counts of a data set as of today, by district, sex, both or not at all, with noise of this epsilon.

    The same question at the same or a smaller epsilon is answered as before and costs nothing.

    Raises:
        Refused: the policy denies, or the budget is spent. NotFound: no budget was granted.
    """
    from lianfang.foundation.canonical import digest, plain
    from lianfang.guard.disclosure.noise import epsilon_of, noisy, spend
    from lianfang.records import NoiseBudget, NoisyAnswer
    from lianfang.store import change, insert_new, rows

    require(who, "noise.ask")
    _known(dataset)
    if unknown := sorted(set(by) - COLUMNS.keys()):
        raise BadInput(
            f"Noisy counts are told by {' and '.join(COLUMNS)}, not by {len(unknown)} other columns."
        )
    loss = epsilon_of(epsilon)
    event = events.get(inst, event_id)
    wanted = sorted(set(by))
    ask(
        inst, who, phase="disclose", purpose="public_bulletin",
        data=[COLUMNS[name] for name in wanted] or ["region_index"],
        context={"audience": "public", "identified": False, "aggregated": True, "min_cell": 5},
        event=event, ref=event_id, going=("noise",),
    )  # fmt: skip
    question = plain({"dataset": dataset, "as_of": inst.today(), "by": wanted})
    mark = digest(question)
    with inst.store.begin() as connection:
        row = _locked(connection, event_id, dataset)
        if row is None:
            raise NotFound(
                "No privacy budget was granted for this data set.",
                hint="lianfang guard disclosure noise grant EVENT",
            )
        kept = rows(connection, NoisyAnswer, event_id=event_id, dataset=dataset, digest=mark)
        better = [one for one in kept if Fraction(one["epsilon"]) >= loss]
        if better:
            return _answer(max(better, key=lambda one: Fraction(one["epsilon"])))
        spent = spend(Fraction(row["epsilon"]), Fraction(row["spent"]), loss)
        cells = noisy(_counts(inst, connection, event, dataset, wanted), loss)
        change(connection, NoiseBudget, row["id"], spent=str(spent))
        index = record(
            inst, connection, "noise.answered", who=who, purpose="public_bulletin",
            ref=f"{event_id}/{dataset}", payload={"question": question, "epsilon": str(loss), "spent": str(spent)},
        )  # fmt: skip
        given = NoisyAnswer(
            event_id=event_id, dataset=dataset, digest=mark, question=question, as_of=inst.today(),
            epsilon=str(loss), cells=cells, given_at=inst.now(), given_by=who.account, log_index=index,
        )  # fmt: skip
        insert_new(connection, given)
    return _answer(given.model_dump())


def _known(dataset: str) -> None:
    if dataset not in DATASETS:
        raise BadInput(f"There is no such data set; known: {', '.join(DATASETS)}.")


def _answer(row: Any) -> dict[str, Any]:
    """An answer as it may be published: the question, the noise's epsilon, the counts."""
    return {
        "format": FORMAT, "event_id": row["event_id"], "question": row["digest"], "asked": row["question"],
        "epsilon": float(Fraction(row["epsilon"])), "cells": row["cells"],
    }  # fmt: skip


def _locked(connection: sa.Connection, event_id: str, dataset: str) -> Row | None:
    """The budget's row, locked until the transaction ends (SQLite's write lock is held already)."""
    import sqlalchemy as sa

    from lianfang.records import NoiseBudget
    from lianfang.store import table

    target = table(NoiseBudget)
    statement = sa.select(target).where(target.c.event_id == event_id, target.c.dataset == dataset)
    row = connection.execute(statement.with_for_update()).mappings().first()
    return None if row is None else dict(row)


def _counts(
    inst: Installation, connection: sa.Connection, event: Row, dataset: str, by: Sequence[str]
) -> dict[str, int]:
    """True counts of every group that could exist; which groups have cases would tell something by itself."""
    known = cases.persons(connection, inst.today(), event_id=event["event_id"], columns=("adcode", "gender"))
    if dataset == "confirmed":
        known = known.filter(known["classification"].str.starts_with("confirmed"))
    districts = [*_districts(connection, event), "other"] if "district" in by else [""]
    sexes = SEXES if "sex" in by else ("",)
    counts = {_name(district, sex): 0 for district in districts for sex in sexes}
    for row in known.iter_rows(named=True):
        code = row["adcode"][:6]
        district = "" if "district" not in by else code if code in districts else "other"
        counts[_name(district, row["gender"] if "sex" in by else "")] += 1
    return counts


def _name(district: str, sex: str) -> str:
    return " ".join(part for part in (district, sex) if part) or "all"


def _districts(connection: sa.Connection, event: Row) -> list[str]:
    """The districts of the event's area: the installation's own divisions, else those of GB/T 2260."""
    from lianfang.foundation import places
    from lianfang.guard.accounts.rights import area_within
    from lianfang.records import Division
    from lianfang.store import rows

    area = str(event["adcode"])
    own = [r["adcode"] for r in rows(connection, Division, level="county") if area_within(r["adcode"], area)]
    if own:
        return sorted(own)
    try:
        return [unit.adcode for unit in places.children(area)] or [area]
    except (BadInput, NotFound):
        return [area]
