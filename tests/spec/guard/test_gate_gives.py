"""What the gate hands out: treated values for the decision's time, purpose and obligations, and nothing past them."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import gatewalk
from gatewalk import SRC, functions, reaches
from lianfang.foundation.errors import Refused
from lianfang.guard import policy
from lianfang.guard.policy.decision import Decision
from lianfang.guard.policy.vocabulary import ACTORS, DATA, OBLIGATIONS, PHASES, PURPOSES
from lianfang.records import REGISTRY, CaseReport, Contact, DecisionEntry, Returnee, identifiers
from lianfang.records.declare import NOBODYS, Privacy
from lianfang.services import contacts, duties, events, gate, visits
from lianfang.services.gate import ask
from lianfang.services.granting import Granted
from lianfang.services.installation import Installation, Signed, Who
from lianfang.store import rows

#: Fields from class P2 on that are about nobody: words that were looked through before they were kept.
NOBODY = {
    "plan_task.note", "received_report.day", "incident.what", "incident.cause", "incident.harm", "incident.remedy",
    "incident_step.note", "gift_donor.show", "gift_donor.decided_at",
}  # fmt: skip


def look(inst: Installation, who: Who, event_id: str, **more: Any) -> Granted:
    asked: dict[str, Any] = {
        "phase": "use", "purpose": "close_contact_tracing", "data": ["pseudonym", "trajectory_generalised"],
        "context": {"deidentified": True}, "event": events.get(inst, event_id), "ref": event_id,
    }  # fmt: skip
    return ask(inst, who, **{**asked, **more})


def last_entry(inst: Installation) -> dict[str, Any]:
    with inst.store.read() as connection:
        return rows(connection, DecisionEntry, order_by=["log_index"])[-1]


# ---- declarations


@pytest.mark.parametrize("record", REGISTRY.values(), ids=lambda one: one.about.name)
def test_every_field_about_a_person_says_which_datum_it_is(record: Any) -> None:
    for info in record.fields.values():
        if info.declared.kind == NOBODYS:
            assert f"{record.about.name}.{info.name}" in NOBODY and info.datum == ""
        elif info.declared.privacy >= Privacy.QUASI:
            assert info.datum in DATA, f"{record.about.name}.{info.name}"


def test_a_field_of_the_vault_has_one_word_in_all_record_types() -> None:
    for record in REGISTRY.values():
        for name in record.vault_fields():
            assert record.fields[name].datum == identifiers()[name]


# ---- the permit


def test_a_permit_gives_what_the_decision_shows_and_drops_the_rest(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    with inst.store.read() as connection:
        found = rows(connection, Contact, event_id=event_id)
    both = look(inst, staff["epidemiologist"], event_id).project(found, Contact)
    assert {"token", "reasons", "last_exposure"} <= set(both[0]) and "id" not in both[0]
    tokens = look(inst, staff["epidemiologist"], event_id, data=["pseudonym"]).project(found, Contact)
    assert {"token", "score"} <= set(tokens[0]) and not {"reasons", "last_exposure"} & set(tokens[0])


def test_a_permit_past_its_time_gives_nothing(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    granted = look(inst, staff["epidemiologist"], event_id)
    seconds = granted.decision.ttl
    inst.clock.move(timedelta(seconds=seconds))  # type: ignore[attr-defined]
    assert granted.project([{"token": "t"}], Contact) == [{"token": "t"}]
    inst.clock.move(timedelta(seconds=1))  # type: ignore[attr-defined]
    for give in (
        lambda: granted.project([{"token": "t"}], Contact),
        lambda: granted.marked([{"token": "t"}]),
    ):
        with pytest.raises(Refused) as refused:
            give()
        assert refused.value.code == "permit_expired"


def test_a_pack_that_masks_masks_on_the_workers_page(
    inst: Installation, staff: dict[str, Who], event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The treatment is the pack's, not the service's: another pack, and the same page shows a mask."""
    epi, worker = staff["epidemiologist"], staff["community_worker"]
    lock_id = contacts.lock(inst, epi, event_id, ["c0"], reason="x", worker=worker.account)
    contacts.approve(inst, staff["data_protection_officer"], lock_id)
    contacts.name(inst, epi, lock_id)
    assert visits.particulars(inst, worker, "c0", terminal="t")["name"] == "邢观甲"
    real = policy.decide

    def masking(request: Any, **more: Any) -> Decision:
        made = real(request, **more)
        treated = {name: "mask" if name in ("name", "mobile") else how for name, how in made.fields.items()}
        treated.pop("home_address", None)
        return replace(made, fields=treated)

    monkeypatch.setattr(policy, "decide", masking, raising=False)
    assert visits.particulars(inst, worker, "c0", terminal="t") == {"name": "邢**", "phone": "154****0100"}


def test_req_p_32_a_field_is_used_for_its_purposes_and_no_others(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    granted = look(inst, staff["epidemiologist"], event_id)
    with pytest.raises(Refused) as refused:
        granted.project([{"from_adcode": "429901"}], Returnee)  # collected for registration, not for tracing
    assert refused.value.code == "purpose" and "REQ-P-32" in refused.value.basis
    for record in REGISTRY.values():
        assert record.about.purposes <= set(PURPOSES)
        for purpose in ("advertising", "post_event_research", "crime_investigation_unrelated"):
            assert not any(record.serving(purpose).values()), record.about.name
    # what may be published serves a bulletin by its disclosure rule: the sex, never the age
    served = CaseReport.serving("public_bulletin")
    assert "gender" in served and "age" not in served and "name" not in served
    assert "name" in CaseReport.serving("erasure")  # a person's rights reach everything


# ---- obligations


def test_every_obligation_that_a_pack_can_impose_has_somebody_who_discharges_it() -> None:
    imposed = {
        duty
        for pack in policy.packs()
        for rule in (*pack.rules, *pack.obligations)
        for duty in rule.obligations
    }
    assert imposed <= set(OBLIGATIONS)
    assert {way.duty for way in duties.WAYS.values()} == set(OBLIGATIONS)
    for name, way in duties.WAYS.items():
        assert way.zh and way.en and way.does and way.when in ("before", "after"), name


def _asked(duty: str) -> duties.Asked:
    """A question whose decision carries this obligation, and in which the gate's own ways hold."""
    decision = Decision(True, "permit", ("art. 1",), {"name": "show"}, frozenset({duty}), (), 300, "p", "h")
    who = Who("wang.yi", "epidemiologist", "cdc", signed=Signed(2, True, True))
    context = {"justification": "g1"}
    return duties.Asked(who, decision, "export", "close_contact_tracing", context, None, 1, {"days": 1})


PACKED = [
    (pack.id, duty)
    for pack in policy.packs()
    for duty in sorted({d for rule in (*pack.rules, *pack.obligations) for d in rule.obligations})
]


@pytest.mark.parametrize(("pack", "duty"), PACKED, ids=[f"{pack}-{duty}" for pack, duty in PACKED])
def test_an_obligation_is_met_by_its_ways_and_left_without_them(
    pack: str, duty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _asked(duty)
    ways = [name for name, way in duties.WAYS.items() if way.duty == duty]
    assert duties.left(asked, ways) == []
    own = [name for name in ways if duties.WAYS[name].holds is None]
    if len(own) == len(ways):  # a caller's alone: undeclared, it is left
        assert duties.left(asked) == [duty]
    for name in ways:
        monkeypatch.delitem(duties.WAYS, name)
    assert duties.left(asked, ways) == [duty]


@pytest.mark.parametrize(
    ("duty", "changed"),
    [
        ("audit", {"who": Who("", "epidemiologist", "cdc")}),
        ("named_person", {"context": {"shared_account": True}}),
        ("designated_terminal", {"who": Who("a", "epidemiologist", "cdc", signed=Signed(2, True, False))}),
        ("single_subject", {"rows": 2}),
        ("log_justification", {"context": {"justification": " "}}),
        ("encrypt_in_transit", {"phase": "share"}),
        ("verify_recipient", {"phase": "share"}),
        ("purge_at_deadline", {"event": {"event_id": "e", "retention_until": None}}),
        ("purge_at_deadline", {"retention": {}}),
        ("purpose_binding", {"context": {"change_of_purpose": True}}),
    ],
)
def test_the_gates_own_ways_look(duty: str, changed: dict[str, Any]) -> None:
    assert duties.left(_asked(duty)) == []
    assert duties.left(replace(_asked(duty), **changed)) == [duty]


def test_an_obligation_left_undone_is_a_refusal_with_its_record(
    inst: Installation, staff: dict[str, Who], event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one place: nothing is read, the refusal stands in the record, and a service cannot forget it."""
    epi = staff["epidemiologist"]
    assert look(inst, epi, event_id)
    monkeypatch.delitem(duties.WAYS, "deadline_set")
    with pytest.raises(Refused, match="purge_at_deadline"):
        contacts.ranked(inst, epi, event_id)
    entry = last_entry(inst)
    assert entry["permit"] is False and "purge_at_deadline" in entry["reasons"][0]


def test_a_service_that_forgets_its_way_is_refused(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    export = {
        "phase": "export", "data": ["name_list"],
        "context": {"deidentified": True, "second_approval": True, "human_review": True},
    }  # fmt: skip
    with pytest.raises(Refused, match="list_watermark"):
        look(inst, staff["epidemiologist"], event_id, **export)
    made = look(inst, staff["epidemiologist"], event_id, going=("marked_rows",), **export)
    marked = made.marked([{"rank": 1}])
    assert marked[0]["watermark"].startswith(f"{event_id} wang.yi ")


def goings() -> list[tuple[gatewalk.Function, str]]:
    """(function, way) of every way that a call of the gate names in the source."""
    known = functions()
    found = []
    for path in sorted((SRC / "services").rglob("*.py")):
        module = path.relative_to(SRC).with_suffix("").as_posix().replace("/", ".")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef):
                continue
            for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
                for keyword in call.keywords:
                    value = keyword.value
                    if keyword.arg == "going" and isinstance(value, ast.Name):
                        value = constants.get(value.id, value)
                    if keyword.arg == "going" and isinstance(value, ast.Tuple):
                        one = next(f for f in known[node.name] if f.module == module)
                        found += [(one, str(ast.literal_eval(part))) for part in value.elts]
    return found


def test_a_way_that_is_named_is_gone() -> None:
    """Who says that he discharges a duty reaches the function that does it, he himself or whoever calls him."""
    known = functions()
    named = goings()
    assert len({one.where for one, _ in named}) >= 15
    empty = []
    for one, name in named:
        does = duties.WAYS[name].does
        callers = [f for same in known.values() for f in same if one.name in f.calls and f.where != one.where]
        if not reaches(one, does, known) and not (callers and any(reaches(f, does, known) for f in callers)):
            empty.append((one.where, name))
    assert empty == []
    # each way of a caller is gone by somebody, but for those that a pack may ask for and no service does yet
    used = {name for _, name in named} | set(_holder())
    unused = {name for name, way in duties.WAYS.items() if way.holds is None} - used
    assert unused == {"area_of_the_pack"}


def _holder() -> tuple[str, ...]:
    from lianfang.services.holder.checks import GOING

    return GOING


# ---- who reads rows about persons gives them through the permit

#: Functions that read such rows for an account without a permit's projection: what they give instead.
GIVES_NONE = {
    "services.exchange.concerning.mentions": "ids of messages and authorities; the copies are opened after it asked",
    "services.exchange.outbox.undeliverable": "letters: ids, recipients, why they wait",
    "services.gifts.book.hold": "a gift's row for the step that goes on; its donor is in the vault",
    "services.gifts.checking.audit": "sums and the steps that do not fit",
    "services.gifts.donors.new_code": "a receipt code, to who asked for it",
    "services.gifts.tracing.listing": "gifts without code and donor",
    "services.gifts.tracing.open_events": "events",
    "services.subjects.requests.answer": "nothing",
    "services.subjects.requests.listing": "requests and notices by id",
    "services.subjects.requests.mine": "notices by the id of a contact that the worker visits",
    "services.subjects.telling.deliver": "a count",
    "services.subjects.telling.release": "nothing",
    "services.subjects.telling.settle": "nothing",
    "services.attaching.attach_cases": "a count",
    "services.attaching.settle": "nothing",
    "services.closing.close": "a date",
    "services.contacts.lock": "the lock's id",
    "services.contacts.locks": "locks and approvals, no contact",
    "services.contacts.approve": "a verdict",
    "services.contacts.name": "a count",
    "services.events.propose": "an event's draft: its place and rule, no case",
    "services.events.open_event": "the event's id",
    "services.events.change_definition": "nothing",
    "services.events.change_level": "nothing",
    "services.events.dismiss_alert": "nothing",
    "services.events.listing": "events",
    "services.genomes.alarms": "findings about assays: which oligo in which event, no sample",
    "services.exchange.cases.answer": "nothing",
    "services.exchange.ending.expire_event": "certificates",
    "services.orders.drafting.show": "an order without its index tokens, and figures",
    "services.orders.ending.purge": "counts",
    "services.orders.naming.reveal": "ids of subjects, to the naming alone",
    "services.orders.sending.send": "an answer's figures",
    "services.paper.issue": "numbers of sheets",
    "services.paper.listing": "batches",
    "services.plan.replace": "nothing",
    "services.subjects.finding.places": "what the report then gives through its permits",
    "services.today.today": "alerts without their cases, events",
    "services.trail.recent": "who looked at what, by ids: the record itself",
    "services.visits.record_visit": "what to do next",
    "services.visits.order_sample": "the sample's number",
    "services.visits.record_result": "the sample's number and the case's",
    "services.visits.release": "nothing",
}
PERSONAL = {
    record.__name__
    for record in REGISTRY.values()
    if record.about.home == "store" and any(record.serving("erasure").values())
}


def readers(folder: Path = SRC / "services", root: Path = SRC) -> set[str]:
    """Public functions that act for an account, read rows about persons, and never reach a permit's projection."""
    known = functions(folder, root)
    found = set()
    for path in sorted(folder.rglob("*.py")):
        module = path.relative_to(root).with_suffix("").as_posix().replace("/", ".")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            one = next(f for f in known[node.name] if f.module == module)
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            reads = one.calls & {"rows", "one", "select", "as_of", "persons"}
            if "who" in one.parameters and names & PERSONAL and reads and not reaches(one, "project", known):
                found.add(one.where)
    return found


def test_rows_about_persons_are_given_through_a_permit() -> None:
    assert readers() == set(GIVES_NONE)


def test_the_reading_finds_rows_given_by_hand(tmp_path: Path) -> None:
    """Seeded: a service that gives contacts as it read them, and one that gives them through its permit."""
    folder = tmp_path / "services"
    folder.mkdir()
    (folder / "leak.py").write_text(
        "def by_hand(inst, who):\n    return rows(inst, Contact)\n"
        "def given(inst, who):\n    return ask(inst, who).project(rows(inst, Contact), Contact)\n",
        encoding="utf-8",
    )
    assert readers(folder, tmp_path) == {"services.leak.by_hand"}


def test_every_axis_of_the_policy_has_its_words() -> None:
    from lianfang.foundation.words.terms import TERMS

    for kind, words in (("actor", ACTORS), ("phase", PHASES), ("purpose", PURPOSES), ("data", DATA)):
        assert set(words) == set(TERMS[kind])
        assert all(zh and en for zh, en in TERMS[kind].values())
    assert set(gate.ACTOR_OF_ROLE) == set(TERMS["role"])
