"""The closed vocabularies of the policy, and the one place where a request is checked against them.

Every name that a request may contain is listed here. Whatever is not listed is refused as bad input before
any rule is read: a mistyped field must never fall through to a rule that happens to say yes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from lianfang.foundation.errors import BadInput

ACTORS: Final = (
    "cdc", "medical_institution", "health_admin", "government", "grassroots_worker", "public_security",
    "local_education_department", "telecom_operator", "internet_company", "press_officer", "contact_desk",
    "joint_analyst", "data_subject", "external_partner_company", "eu_competent_authority", "eu_commission",
    "ecdc", "system_admin", "retention_job",
)  # fmt: skip

PHASES: Final = (
    "collect", "use", "read", "share", "send", "contact", "disclose", "export", "rectify", "delete",
    "reidentify", "link",
)  # fmt: skip

PERMITTED_PURPOSES: Final = (
    "case_report", "epidemiological_investigation", "close_contact_tracing", "contact_key_person",
    "reach_person", "contact_tracing_message", "returnee_registration", "student_origin_screening",
    "school_reopening", "enforce_quarantine", "linkage_analysis", "situation_monitoring",
    "situation_heatmap", "outflow_statistics", "risk_target_reidentification", "local_notice",
    "public_bulletin", "donation", "treatment", "rectification", "erasure", "expiry", "maintenance",
)  # fmt: skip

# refused unless a basis of their own exists
FOREIGN_PURPOSES: Final = (
    "post_event_research", "model_training", "advertising", "marketing", "bulk_subscriber_handover",
    "chat_group_post", "neighbour_warning", "crime_investigation_unrelated",
)  # fmt: skip

PURPOSES: Final = PERMITTED_PURPOSES + FOREIGN_PURPOSES

DATA: Final = (
    "name", "resident_id", "mobile", "phone", "home_address", "address", "building_unit",
    "rough_residential_area", "region_index", "age", "sex", "symptom", "diagnosis", "confirm_date",
    "ct_image", "travel_history", "trajectory", "trajectory_generalised", "location", "train_seat", "seat",
    "device_id", "student_no", "name_list", "pseudonym", "pseudonym_batch_5000", "od_matrix_aggregated",
    "returnee_flow_statistics", "selective_message",
)  # fmt: skip

OBLIGATIONS: Final = (
    "audit", "record_legal_basis", "purpose_binding", "named_person", "designated_terminal",
    "encrypt_at_rest", "encrypt_in_transit", "verify_recipient", "on_request_only", "single_subject",
    "custody_log", "no_copy", "no_photo", "unified_return", "coarse_area_only", "sdc_check",
    "list_watermark", "log_justification", "notify_recipients", "purge_at_deadline", "purge_certificate",
)  # fmt: skip

TREATMENTS: Final = ("show", "mask", "generalise", "token", "drop")
CLASSES: Final = ("P0", "P1", "P2", "P3", "P4")

# context key -> kind of value: a tuple lists the values allowed, "flag" is a boolean, "count" a whole number
# from 0, "note" a short machine word, a boolean or a count (who, which, how much)
CONTEXT: Final[dict[str, str | tuple[str, ...]]] = {
    "event_open": "flag",
    "ended_days": "count",
    "subject": ("confirmed", "suspected", "close_contact", "returnee_from_epidemic_area"),
    "emergency_plan_grants_power": "flag",
    "requested_by": "note",
    "refused_measure": "flag",
    "request_record": "note",
    "scope": "note",
    "consent": "note",
    "change_of_purpose": "flag",
    "source": "note",
    "medium": "note",
    "terminal": "note",
    "shared_account": "flag",
    "one_factor": "flag",
    "assigned_person": "note",
    "list_scope": "note",
    "own_patient": "flag",
    "recipient": "note",
    "reader": "note",
    "channel": ("general", "selective"),
    "coordination_needed": "flag",
    "justification": "note",
    "processor_agreement": "note",
    "audience": ("public", "residents", "same_area"),
    "identified": "flag",
    "aggregated": "flag",
    "deidentified": "flag",
    "min_cell": "count",
    "risk_locked": "flag",
    "second_approval": "flag",
    "human_review": "flag",
    "identity_verified": "flag",
    "inaccurate": "flag",
    "no_longer_necessary": "flag",
    "age_days": "count",
}

ACTOR_ALIASES: Final = {
    "hospital": "medical_institution",
    "grassroots": "grassroots_worker",
    "police": "public_security",
    "education": "local_education_department",
    "telecom": "telecom_operator",
    "internet": "internet_company",
    "press": "press_officer",
    "analyst": "joint_analyst",
    "subject": "data_subject",
    "ms_authority": "eu_competent_authority",
    "commission": "eu_commission",
}

PHASE_ALIASES: Final = {"transmit": "share", "store": "use", "aggregate": "use"}

MAX_NOTE = 200
MAX_COUNT = 10**9

Note = bool | int | str

_ACTORS = {**{name: name for name in ACTORS}, **ACTOR_ALIASES}
_PHASES = {**{name: name for name in PHASES}, **PHASE_ALIASES}
_PURPOSES = frozenset(PURPOSES)
_DATA = frozenset(DATA)
_KEYS = frozenset({"actor", "purpose", "phase", "data", "context", "at", "pack"})


class Request(NamedTuple):
    """A request whose every word is known."""

    actor: str
    purpose: str
    phase: str
    data: tuple[str, ...]
    context: dict[str, Note]
    at: date | None
    pack: str | None


def _unknown(what: str, value: object, known: tuple[str, ...], code: str) -> BadInput:
    # the value is repeated only when it looks like a word of ours: a caller may have put a person's name
    # there
    shown = value if isinstance(value, str) and value.isascii() and value.isidentifier() else "(not shown)"
    return BadInput(f"unknown {what}: {shown}.", hint=f"Known: {', '.join(known)}.", code=code)


def context_value(key: str, value: object) -> Note:
    """The value of one context key, checked against its kind.

    Raises:
        BadInput: the key is unknown or the value is not of its kind; the value is never repeated.
    """
    kind = CONTEXT.get(key)
    if kind is None:
        raise _unknown("context key", key, tuple(CONTEXT), "unknown_context")
    if isinstance(kind, tuple):
        if isinstance(value, str) and value in kind:
            return value
        raise BadInput(f"context {key}: one of {', '.join(kind)} expected.", code="unknown_context")
    if isinstance(value, bool) and kind != "count":
        return value
    if isinstance(value, int) and not isinstance(value, bool) and kind != "flag" and 0 <= value <= MAX_COUNT:
        return value
    if kind == "note" and isinstance(value, str) and len(value) <= MAX_NOTE:
        return value
    wanted = {
        "flag": "true or false",
        "count": "a whole number from 0",
        "note": f"a word of at most {MAX_NOTE} characters, a boolean or a whole number",
    }[kind]
    raise BadInput(f"context {key}: {wanted} expected.", code="unknown_context")


def _moment(value: object) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC)).date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) and len(value) <= 40:
        try:
            return _moment(datetime.fromisoformat(value))
        except ValueError:
            pass
    raise BadInput("at: a date or an ISO 8601 time expected.")


def request(raw: Mapping[str, Any]) -> Request:
    """Check a request against the vocabularies and resolve the aliases of actor and phase.

    Raises:
        BadInput: a missing part, or any word that the vocabularies do not hold.
    """
    # the exact type first: asking the abstract class is slow
    if type(raw) is not dict and not isinstance(raw, Mapping):
        raise BadInput("a request is a mapping with actor, purpose, phase, data and context.")
    if not raw.keys() <= _KEYS:
        strange = next(key for key in raw if key not in _KEYS)
        raise _unknown("part of a request", strange, tuple(sorted(_KEYS)), "unknown_part")
    words = [raw.get("actor"), raw.get("purpose"), raw.get("phase")]
    actor = _ACTORS.get(words[0]) if isinstance(words[0], str) else None
    if actor is None:
        raise _unknown("actor", words[0], ACTORS, "unknown_holder")
    purpose = words[1]
    if not isinstance(purpose, str) or purpose not in _PURPOSES:
        raise _unknown("purpose", purpose, PURPOSES, "unknown_purpose")
    phase = _PHASES.get(words[2]) if isinstance(words[2], str) else None
    if phase is None:
        raise _unknown("phase", words[2], PHASES, "unknown_phase")
    data = raw.get("data")
    if isinstance(data, str) or not isinstance(data, list | tuple | set | frozenset) or not data:
        raise BadInput("data: a list with at least one field name expected.", code="unknown_data")
    for field in data:
        if not isinstance(field, str) or field not in _DATA:
            raise _unknown("data", field, DATA, "unknown_data")
    fields = tuple(data) if isinstance(data, list | tuple) else tuple(sorted(data))
    given = raw.get("context")
    if given is None:
        given = {}
    if type(given) is not dict and not isinstance(given, Mapping):
        raise BadInput("context: a mapping expected.", code="unknown_context")
    context: dict[str, Note] = {}
    for key, value in given.items():
        if (value is True or value is False) and CONTEXT.get(key) == "flag":
            context[key] = value
        elif value is not None:
            context[key] = context_value(key, value)
    pack = raw.get("pack")
    if pack is not None and (not isinstance(pack, str) or len(pack) > 80):
        raise BadInput("pack: the name of a policy pack expected.", code="unknown_pack")
    return Request(actor, purpose, phase, fields, context, _moment(raw.get("at")), pack)
