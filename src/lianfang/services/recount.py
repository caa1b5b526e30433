"""An event's cases by an edition of the case definition, from what their cards and samples say.

A card holds a class that somebody gave; its findings are few (symptoms, whether the pneumonia is unexplained, results,
links). So most cases stay open under most editions, and that is what is told: counts, and which finding would decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import Conflict
from lianfang.services import cases, events
from lianfang.services.gate import ask, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

READ = ("case_id", "card_no", "adcode", "symptoms", "unexplained", "classification", *cases.SHARED)
#: The policy's words for what these fields say.
READ_OF_PERSONS = ["pseudonym", "symptom", "diagnosis", "location", "region_index"]
#: Codes of a card's symptoms (:mod:`lianfang.services.importing.symptoms`) -> findings.
SYMPTOMS = {
    "fever": "fever", "cough": "cough", "sputum": "cough", "dyspnoea": "dyspnoea", "sore_throat": "sore_throat",
    "runny_nose": "coryza", "nasal_congestion": "coryza", "loss_of_smell": "loss_smell_taste",
    "fatigue": "weakness", "headache": "headache", "myalgia": "myalgia", "nausea_vomiting": "nausea",
    "diarrhoea": "diarrhoea",
}  # fmt: skip
#: Words of a test's name that make it one for nucleic acid.
PCR = ("核酸", "pcr", "nucleic")
#: First digits of the divisions of Hubei, of which the fifth edition (revised) makes a class of its own.
HUBEI = "42"


def by_edition(inst: Installation, who: Who, event_id: str, edition: str = "") -> dict[str, Any]:
    """Cases of an open event under an edition, its own unless given.

    Returns ``edition``, ``cases``, ``table``: ``card`` (the class on the card), ``edition`` (the class by the edition),
    ``possible`` (how many of them could still be of a stricter class), ``cases``; ``missing``: finding -> cases in
    which it alone could change the class. Counts only.

    Raises:
        NotFound: no such event or edition. Conflict: the event has ended, or its definition is of another authority's
            own. Refused: wrong role or area.
    """
    from lianfang.treat import casedef

    require(who, "event.read")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if event["status"] != "open":
        raise Conflict("The event is closed: its cases are counted no more.")
    name = edition or event["case_definition"]
    if name not in casedef.all_editions():
        if edition:
            casedef.get(edition)
        raise Conflict(
            f"{name} is no edition whose criteria are known here.", hint="Name one: lianfang treat casedef."
        )
    with inst.store.read() as connection:
        known = cases.as_of(connection, inst.today(), event_id=event_id, columns=list(READ))
        tested = _tested(connection, [row["card_no"] for row in known])
        sources = _sources(connection, event_id)
    ask(
        inst, who, phase="use", purpose="epidemiological_investigation", data=READ_OF_PERSONS,
        context={"deidentified": True}, event=event, ref=event_id, rows=len(known),
    )  # fmt: skip
    positive = {row["case_id"] for row in known if tested.get(row["card_no"])}
    rule = event["plan"].get("case_rule") or {}
    found = [
        (
            row["classification"],
            of_card(
                row,
                tested.get(row["card_no"]),
                not positive.isdisjoint(sources.get(row["case_id"], ())),
                rule,
            ),
        )
        for row in known
    ]
    head = {"event": {"event_id": event_id, "title": event["title"]}, "edition": name, "cases": len(known)}
    return head | _counted(found, name)


def of_card(
    row: Mapping[str, Any], positive: bool | None, met_positive: bool, rule: Mapping[str, Any]
) -> dict[str, bool]:
    """Findings that a card and what is linked to it speak of; what they are silent about is not in it.

    Pneumonia that its card calls unexplained has imaging signs by that very definition (原因不明肺炎, National
    surveillance plan of 2007, criterion 2). That somebody was not traced does not say that he met nobody.
    """
    made = {"in_hubei": str(row["adcode"]).startswith(HUBEI)} if row["adcode"] else {}
    codes = set(row["symptoms"])
    made |= {SYMPTOMS[code]: True for code in sorted(codes & set(SYMPTOMS))}
    if codes == {"none"}:
        made |= {"fever": False, "respiratory_symptoms": False}
    if row["unexplained"]:
        made["pneumonia_imaging"] = True
    if positive is not None:
        made["pcr_positive"] = positive
    if met_positive:
        made["contact_positive"] = True
    if rule.get("attribute") in cases.SHARED and row[rule["attribute"]] == rule.get("value"):
        made["cluster"] = True
    return made


def _counted(found: Iterable[tuple[str, dict[str, bool]]], edition: str) -> dict[str, Any]:
    """Equal findings are judged once: an event of ten thousand cases has some dozens."""
    from lianfang.treat import casedef

    alike = Counter((card, tuple(sorted(findings.items()))) for card, findings in found)
    table: Counter[tuple[str, str]] = Counter()
    possible: Counter[tuple[str, str]] = Counter()
    missing: Counter[str] = Counter()
    for (card, findings), count in alike.items():
        judged = casedef.classify(dict(findings), edition=edition)
        at = (card, judged.classification)
        table[at] += count
        possible[at] += count * bool(judged.possible)
        missing.update(dict.fromkeys(judged.missing, count))
    return {
        "table": [
            {"card": card, "edition": made, "possible": possible[card, made], "cases": count}
            for (card, made), count in sorted(table.items())
        ],
        "missing": dict(missing.most_common()),
    }


def _tested(connection: sa.Connection, cards: list[str]) -> dict[str, bool]:
    """Card -> whether a test for nucleic acid was positive; without one that is final it is not in it."""
    import sqlalchemy as sa

    from lianfang.records import LabResult
    from lianfang.store import table

    held = table(LabResult).c
    final = sa.select(held.card_no, held.test, held.result).where(
        held.source == "human", held.result.in_(("positive", "negative"))
    )
    made: dict[str, bool] = {}
    for first in range(0, len(cards), 500):
        of_these = final.where(held.card_no.in_(cards[first : first + 500]))
        for card, test, result in connection.execute(of_these):
            if any(word in test.lower() for word in PCR):
                made[card] = made.get(card, False) or result == "positive"
    return made


def _sources(connection: sa.Connection, event_id: str) -> dict[str, list[str]]:
    """Case who was a contact before -> the cases that he had met."""
    from lianfang.records import Contact
    from lianfang.store import rows, table

    found: list[Row] = rows(connection, Contact, table(Contact).c.case_id != "", event_id=event_id)
    return {row["case_id"]: row["index_tokens"] for row in found}
