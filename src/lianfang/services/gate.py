"""The gate: every crossing of personal data asks the policy here, and the answer is recorded first.

The record is committed by itself, before the act and whether or not the act was permitted, so a refusal
leaves its trace too. Call it outside an open write transaction. What a permit lets leave is had through the
:class:`~lianfang.services.granting.Granted` that :func:`ask` returns, and an obligation that nobody discharges
(:mod:`lianfang.services.duties`) is a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import Refused
from lianfang.services.granting import Granted
from lianfang.services.installation import ROUTINE, Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.guard.policy import Decision
    from lianfang.store import Row

#: Bodies that act in an event by a delegation of its emergency plan, or not at all.
DELEGATES = (
    "grassroots_worker", "public_security", "local_education_department", "telecom_operator",
    "internet_company",
)  # fmt: skip

#: Which roles may do which act of the loop. The policy decides about data; this about the house's own acts.
ACTS: dict[str, frozenset[str]] = {
    "daily.run": frozenset({"epidemiologist", "manager", "system"}),
    "data.import": frozenset(
        {"epidemiologist", "manager", "clinician", "laboratory", "supply_officer", "system"}
    ),
    "alert.decide": frozenset({"epidemiologist", "manager"}),
    "event.open": frozenset({"epidemiologist", "manager"}),
    "event.level": frozenset({"manager"}),
    "plan.task": frozenset(
        {
            "epidemiologist",
            "manager",
            "community_worker",
            "clinician",
            "laboratory",
            "supply_officer",
            "data_protection_officer",
            "security_officer",
        }
    ),
    "event.close": frozenset({"manager"}),
    "event.read": frozenset(
        {"epidemiologist", "manager", "data_protection_officer", "security_officer", "auditor", "system"}
    ),
    "order.send": frozenset({"epidemiologist", "manager"}),
    "contact.read": frozenset({"epidemiologist", "manager", "data_protection_officer"}),
    "contact.lock": frozenset({"epidemiologist"}),
    "contact.approve": frozenset({"manager", "data_protection_officer"}),
    "contact.visit": frozenset({"community_worker"}),
    "sample.order": frozenset({"community_worker", "epidemiologist", "clinician"}),
    "sample.result": frozenset({"laboratory", "system"}),
    "treat.use": frozenset({"clinician", "laboratory", "epidemiologist", "manager"}),
    "genome.receive": frozenset({"laboratory", "system"}),
    "genome.read": frozenset({"laboratory", "epidemiologist", "manager", "clinician"}),
    "notice.issue": frozenset({"epidemiologist", "manager", "community_worker"}),
    "observation.end": frozenset({"epidemiologist", "clinician"}),
    "bulletin.publish": frozenset({"manager"}),
    "bulletin.attack": frozenset(
        {"manager", "epidemiologist", "data_protection_officer", "security_officer", "auditor"}
    ),
    "noise.grant": frozenset({"manager", "data_protection_officer"}),
    "noise.ask": frozenset({"manager", "epidemiologist", "data_protection_officer"}),
    "log.read": frozenset({"data_protection_officer", "security_officer", "auditor", "manager"}),
    "ledger.submitter": frozenset({"manager"}),
    "report.reconcile": frozenset({"epidemiologist", "manager", "data_protection_officer", "auditor"}),
    "report.register": frozenset({"manager", "security_officer"}),
    "account.manage": frozenset({"administrator"}),
    "data.backup": frozenset({"administrator", "system"}),
    "data.backup.read": frozenset(
        {"administrator", "data_protection_officer", "security_officer", "auditor", "system"}
    ),
    # who guards the house changes its keys, and who runs it, who has the devices; neither reads a name by it
    "keys.manage": frozenset({"administrator", "security_officer", "system"}),
    "keys.read": frozenset(
        {"administrator", "security_officer", "data_protection_officer", "auditor", "system"}
    ),
    "terminal.approve": frozenset({"administrator", "data_protection_officer"}),
    "exchange.peer": frozenset({"manager"}),
    "exchange.post": frozenset({"epidemiologist", "manager"}),
    "exchange.send": frozenset({"epidemiologist", "manager"}),
    "exchange.look": frozenset({"epidemiologist", "manager", "data_protection_officer", "auditor"}),
    "exchange.read": frozenset({"epidemiologist", "manager", "data_protection_officer"}),
    "exchange.erase": frozenset({"manager", "data_protection_officer"}),
    "exchange.report": frozenset({"epidemiologist", "manager", "data_protection_officer"}),
    "exchange.case": frozenset({"manager", "data_protection_officer"}),
    "exchange.coordinate": frozenset({"manager"}),
    "exchange.deliver": frozenset({"epidemiologist", "manager", "data_protection_officer", "system"}),
    "inspect.make": frozenset({"data_protection_officer", "security_officer", "auditor"}),
    "paper.issue": frozenset({"epidemiologist", "manager"}),
    "paper.read": frozenset(
        {
            "epidemiologist",
            "manager",
            "data_protection_officer",
            "security_officer",
            "auditor",
            "community_worker",
            "clinician",
        }
    ),
    "paper.return": frozenset({"epidemiologist", "manager", "data_protection_officer"}),
    "paper.lost": frozenset(
        {"epidemiologist", "manager", "data_protection_officer", "community_worker", "clinician"}
    ),
    "paper.destroy": frozenset({"epidemiologist", "manager", "data_protection_officer"}),
    "paper.witness": frozenset({"epidemiologist", "manager", "data_protection_officer", "security_officer"}),
    "data.expire": frozenset({"data_protection_officer", "manager", "system"}),
    "subject.answer": frozenset({"data_protection_officer"}),
    "subject.notify": frozenset({"data_protection_officer", "system"}),
    # whoever works here may say that something went wrong; the administrator and the auditor too
    "incident.report": frozenset(
        {
            "epidemiologist",
            "manager",
            "community_worker",
            "clinician",
            "laboratory",
            "supply_officer",
            "data_protection_officer",
            "security_officer",
            "auditor",
            "administrator",
        }
    ),
    "incident.manage": frozenset({"data_protection_officer", "security_officer"}),
    "canary.manage": frozenset({"data_protection_officer", "security_officer"}),
    # gifts: who inspects is not who received, who allocates is not who asked, who confirms did not send
    "gift.read": frozenset(
        {
            "supply_officer",
            "manager",
            "epidemiologist",
            "clinician",
            "laboratory",
            "auditor",
            "data_protection_officer",
            "security_officer",
        }
    ),
    "gift.pledge": frozenset({"supply_officer", "manager"}),
    "gift.receive": frozenset({"supply_officer"}),
    "gift.inspect": frozenset({"supply_officer", "laboratory"}),
    "gift.store": frozenset({"supply_officer"}),
    "gift.answer": frozenset({"supply_officer"}),
    "gift.allocate": frozenset({"supply_officer", "manager"}),
    "gift.dispatch": frozenset({"supply_officer"}),
    "gift.deliver": frozenset({"clinician", "supply_officer"}),
    "gift.use": frozenset({"clinician"}),
    "gift.lose": frozenset({"supply_officer", "clinician", "manager"}),
    "gift.correct": frozenset({"supply_officer", "manager"}),
    "gift.money": frozenset({"supply_officer", "manager"}),
    "gift.need": frozenset({"clinician", "supply_officer", "epidemiologist"}),
    "gift.donor": frozenset({"supply_officer", "data_protection_officer"}),
    "gift.catalogue": frozenset({"supply_officer", "manager"}),
    "gift.register": frozenset({"supply_officer", "manager", "security_officer"}),
}

#: The policy's word for the body a role belongs to.
ACTOR_OF_ROLE: dict[str, str] = {
    "epidemiologist": "cdc",
    "manager": "cdc",
    "data_protection_officer": "cdc",
    "security_officer": "cdc",
    "auditor": "cdc",
    "supply_officer": "cdc",
    "system": "cdc",
    "community_worker": "grassroots_worker",
    "clinician": "medical_institution",
    "laboratory": "medical_institution",
    "administrator": "system_admin",
    "holder": "telecom_operator",
}


def require(who: Who, act: str) -> None:
    """Refuse an act that the role may not do, or a session with one factor; an unlisted act is nobody's."""
    if who.role not in ACTS.get(act, frozenset()):
        raise Refused(
            f"The role {who.role or 'nobody'} may not do this ({act}).",
            reasons=(f"role:{act}",),
            hint="Ask a colleague whose role it is.",
            code="role",
        )
    proved(who)


def proved(who: Who) -> None:
    """Refuse a session that has shown one factor only, or no key where its role needs one (REQ-P-69).

    Beyond the own account it reaches nothing.
    """
    _two(who)
    if who.signed is not None and who.signed.lacks_key:
        raise Refused(
            "This role needs a passkey on a hardware key.",
            reasons=("no_key",),
            basis=("REQ-P-69",),
            hint="Show it, or enrol one on your account's page.",
            code="hardware_key",
        )


def _two(who: Who) -> None:
    if who.signed is not None and who.signed.factors < 2:
        raise Refused(
            "A second factor is needed.",
            reasons=("one_factor",),
            basis=("REQ-P-69",),
            hint="Show it, or enrol one on your account's page.",
            code="second_factor",
        )


def fresh(who: Who) -> None:
    """Refuse unless a factor was shown within the last ten minutes: exports, naming, changes of factors.

    Whoever has no key yet where one is needed can still enrol it: :func:`require` asks for it, this does not.
    """
    _two(who)
    if who.signed is not None and not who.signed.fresh:
        raise Refused(
            "Show again that it is you: this act needs a factor shown within the last ten minutes.",
            reasons=("not_fresh",),
            basis=("ASVS 7.5.1",),
            hint="Enter a code or your password, then repeat what you were doing.",
            code="reauthenticate",
        )


def reaches(who: Who, adcode: str) -> bool:
    """Whether an account's rights reach an area; the house's own machinery has no area and reaches all."""
    from lianfang.guard.accounts.rights import area_within

    return not who.areas or any(area_within(adcode, area) for area in who.areas)


def within(who: Who, adcode: str) -> None:
    """Refuse an account whose rights do not reach the event's area."""
    if not reaches(who, adcode):
        raise Refused("Your rights do not reach the area of this event.", reasons=("area",), code="area")


def ask(
    inst: Installation,
    who: Who,
    *,
    phase: str,
    purpose: str,
    data: Sequence[str],
    context: Mapping[str, Any] | None = None,
    event: Row | None = None,
    ref: str = "",
    rows: int = 0,
    pack: str | None = None,
    going: Sequence[str] = (),
) -> Granted:
    """Ask the policy and record its decision; returns the permit, through which alone the data are had.

    ``event``: the event's row; what it says of the situation (open, plan) goes into the context. ``ref`` says
    what it was about by id, never by name. ``pack``: the law of the exchange, where that is another. ``going``: the
    ways (:data:`lianfang.services.duties.WAYS`) in which the caller discharges what the decision obliges to.

    Raises:
        Refused: the policy denies, or an obligation is left that nobody discharges; reasons and articles are in the
        error and in the record.
    """
    from lianfang.guard import policy
    from lianfang.records import DecisionEntry
    from lianfang.services import duties, reading
    from lianfang.store import put

    reading.declared(data)
    if event is not None:
        within(who, str(event["adcode"]) if "adcode" in event else inst.settings.adcode)
    situation = _situation(inst, who, phase, event, context or {})
    law = pack or inst.settings.policy_pack
    decision = policy.decide(
        {
            "actor": who.actor,
            "purpose": purpose,
            "phase": phase,
            "data": list(data),
            "context": situation,
            "at": inst.today(),
            "pack": law,
        }
    )
    if decision.permit:
        retention = policy.get(law).retention
        asked = duties.Asked(who, decision, phase, purpose, situation, event, rows, retention)
        if owed := duties.left(asked, going):
            decision = decision.withheld(owed)
    now = inst.now()
    event_id = str(event["event_id"]) if event else ROUTINE
    entry = {
        "account": who.account,
        "actor": who.actor,
        "phase": phase,
        "purpose": purpose,
        "data": sorted(data),
        "event_id": event_id,
        "ref": ref,
        "rows": rows,
        "permit": decision.permit,
        "basis": list(decision.basis),
        "pack": decision.pack,
    }
    said = _said(situation, purpose, decision)
    with inst.store.begin() as connection:
        index = record(
            inst, connection, "decision", who=who, purpose=purpose, ref=ref, payload={**entry, **said}
        )
        put(
            connection,
            DecisionEntry.model_validate(
                {
                    **entry,
                    "decision_id": f"d{index}",
                    "at": now,
                    "obligations": sorted(decision.obligations),
                    "reasons": list(decision.reasons),
                    "log_index": index,
                    **_terminal(who),
                }
            ),
        )
    decision.enforce()
    until = now + timedelta(seconds=decision.ttl)
    return Granted(inst, f"d{index}", decision, purpose, event_id, who.account, until)


def _said(situation: Mapping[str, Any], purpose: str, decision: Decision) -> dict[str, Any]:
    """What the ledger's entry says besides: each datum's class, why it is necessary, changed purpose, justification."""
    from lianfang.guard import policy

    law = policy.get(decision.pack)
    said: dict[str, Any] = {
        "classes": {datum: policy.classify(datum, pack=law).level for datum in decision.fields},
        "necessity": list(decision.reasons),
    }
    if situation.get("change_of_purpose") is True:
        said |= {"original_purpose": situation.get("source") or "", "new_purpose": purpose}
    if "justification" in situation:
        said["justification"] = situation["justification"]
    return said


def _situation(
    inst: Installation, who: Who, phase: str, event: Row | None, said: Mapping[str, Any]
) -> dict[str, Any]:
    """The context of a question: what the caller says, and above it what the gate knows by itself."""
    # without an event it is the standing one: surveillance of notifiable disease goes on every day (REQ-P-20)
    is_open = event is None or event["status"] == "open"
    situation: dict[str, Any] = {"event_open": is_open, **said}
    if event is not None and who.actor in DELEGATES:
        # what the plan gives a body is read from the plan, whatever the caller believes (REQ-P-25, 26)
        from lianfang.services import plan

        # who may collect may use what was collected
        powers = (phase, "collect") if phase == "use" else (phase,)
        day = inst.today()
        situation["emergency_plan_grants_power"] = any(
            plan.grants(event, who.actor, power, day) for power in powers
        )
    if who.signed is not None:  # what the session is goes before what the caller says of it
        situation["terminal"] = "registered" if who.signed.terminal else "unregistered"
        situation["one_factor"] = who.signed.factors < 2 or who.signed.lacks_key
    return situation


def _terminal(who: Who) -> dict[str, str]:
    """Where an act came from, for its record: a session's terminal, or the command line and whose it is."""
    if who.os_account:
        return {"terminal": "command line", "os_account": who.os_account}
    if who.signed is None:
        return {}
    return {"terminal": "registered" if who.signed.terminal else "unregistered"}


def record(
    inst: Installation,
    connection: Connection,
    what: str,
    *,
    who: Who,
    purpose: str,
    ref: str,
    payload: Mapping[str, Any],
    event: str | None = None,
) -> int:
    """An entry of the authority's ledger in the caller's transaction; returns its index.

    ``event``: its payload is sealed under the event's key (words that a person typed may name somebody), and
    falls silent when the event's keys are destroyed; the entry and its proofs stay. An act on the command line
    names its terminal and the operating system's account beside what it tells.
    """
    from lianfang.guard import ledger

    if who.os_account:
        payload = {**payload, **_terminal(who)}

    return ledger.record(
        connection,
        type=what,
        time=inst.now(),
        actor=who.account,
        purpose=purpose,
        ref=ref or "-",
        payload=plain(dict(payload)),
        event=event,
        sealer=inst.vault if event else None,
    )
