"""A person's findings against an edition: class, severity, why, and what is missing. No diagnosis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.treat.casedef import editions
from lianfang.treat.casedef.editions import Edition
from lianfang.treat.casedef.logic import Findings

#: zh, en.
CLASSES = {
    "confirmed": ("确诊病例", "confirmed"),
    "clinical": ("临床诊断病例", "clinically diagnosed"),
    "probable": ("可能病例", "probable"),
    "suspected": ("疑似病例", "suspected"),
    "none": ("不符合病例定义", "not a case by this definition"),
    "undetermined": ("信息不足，尚不能判定", "not enough is known"),
}
SEVERITIES = {
    "critical": ("危重型", "critical"),
    "severe": ("重型", "severe"),
    "moderate": ("普通型（中型）", "moderate"),
    "mild": ("轻型", "mild"),
    "undetermined": ("信息不足，尚不能判定", "not enough is known"),
    "": ("", ""),
}
NOTICE = (
    "供判断参考，不是诊断：由医师按所列出处决定。",
    "An aid to decide by, not a diagnosis: a physician decides, by the sources named.",
)


@dataclass(frozen=True)
class Classification:
    """``classification``: a key of CLASSES; ``possible``: stricter classes that what is unknown could still give.

    ``reasons``: the findings that decided; ``missing``: unknown findings of which one alone could change the class;
    ``severity`` of a case: a key of SEVERITIES, with ``severity_reasons``; ``article`` and ``checked``: the source.
    """

    edition: str
    classification: str
    possible: tuple[str, ...]
    reasons: tuple[str, ...]
    missing: tuple[str, ...]
    severity: str
    severity_reasons: tuple[str, ...]
    article: tuple[str, str]
    checked: str


def classify(findings: Mapping[str, Any], *, edition: str | Edition) -> Classification:
    """Which class a person's findings give under an edition.

    Args:
        findings: name of the vocabulary -> True, False, a number, or None (as if absent): unknown.
        edition: its id, such as ``cn-5r``, or an Edition.

    Raises:
        BadInput: a name that is no finding, or a value of the wrong kind. NotFound: no such edition.
    """
    chosen = edition if isinstance(edition, Edition) else editions.get(edition)
    known = vetted(findings)
    found, possible, rule = _class(chosen, known)
    article = tuple(rule["article"]) if rule else ("", "")
    severity, severe_rule = _severity(chosen, known) if found not in ("none", "undetermined") else ("", None)
    criteria = chosen.criteria
    return Classification(
        chosen.id, found, possible, tuple(criteria.grounds(rule["when"], known)) if rule else (),
        _missing(chosen, known, (found, possible)), severity,
        tuple(criteria.grounds(severe_rule["when"], known)) if severe_rule else (),
        (article[0], article[1]), chosen.checked["classes"],
    )  # fmt: skip


def vetted(findings: Mapping[str, Any]) -> dict[str, bool | float | None]:
    """Findings of the vocabulary only, yes or no or a number as each is; BadInput names the one that is not."""
    words = editions.findings()
    made: dict[str, bool | float | None] = {}
    for name, value in findings.items():
        if name not in words:
            raise BadInput(
                f"{str(name)[:40]} is no finding.", hint="lianfang treat casedef --findings lists them."
            )
        number = len(words[name]) == 3
        if value is None:
            continue
        if number and (
            isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2000
        ):
            raise BadInput(f"{name} is a number from 0 to 2,000.")
        if not number and not isinstance(value, bool):
            raise BadInput(f"{name} is yes or no.")
        made[name] = value
    _follow(made)
    return made


#: What is so when another finding is yes.
IMPLIED = {
    "lymphocytes_normal_or_low": ("lymphocytes_low",),
    "respiratory_symptoms": ("cough", "dyspnoea", "sore_throat", "coryza"),
    "vaccinated": ("vaccinated_recently",),
    "igg_rise": ("igg_fourfold",),
}


def _follow(made: dict[str, bool | float | None]) -> None:
    """Fill in what follows from what is known; BadInput where the two contradict each other."""
    for name, causes in IMPLIED.items():
        for cause in causes:
            if made.get(cause) is True:
                if made.get(name) is False:
                    raise BadInput(f"{cause} is yes and {name} is no: both cannot be.")
                made[name] = True
            if made.get(name) is False:
                made.setdefault(cause, False)


def _class(edition: Edition, known: Findings) -> tuple[str, tuple[str, ...], Mapping[str, Any] | None]:
    """The strictest class that holds, the stricter ones still open, and its rule."""
    open_: list[str] = []
    for rule in edition.classes:
        value = edition.criteria.value(rule["when"], known)
        if value:
            return rule["class"], tuple(open_), rule
        if value is None:
            open_.append(rule["class"])
    return ("undetermined" if open_ else "none"), tuple(open_), None


def _severity(edition: Edition, known: Findings) -> tuple[str, Mapping[str, Any] | None]:
    """The gravest class that holds. What was not noted of the grave signs does not hold back a milder class."""
    for rule in edition.severity:
        if edition.criteria.value(rule["when"], known):
            return rule["class"], rule
    return ("undetermined" if edition.severity else ""), None


def _missing(edition: Edition, known: Findings, now: tuple[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Unknown findings that alone, one way or the other, would change the class or what is still open."""
    criteria = edition.criteria
    asked = set().union(*(criteria.asked(rule["when"]) for rule in edition.classes))
    out = []
    for name in sorted(asked - set(known)):
        for value in (True, False):
            if _class(edition, {**known, name: value})[:2] != now:
                out.append(name)
                break
    return tuple(out)


@dataclass(frozen=True)
class Comparison:
    """The same people under two editions: counts of each, and how many moved from class to class."""

    before: str
    after: str
    counts_before: dict[str, int]
    counts_after: dict[str, int]
    moved: dict[tuple[str, str], int]


def reclassify(people: Iterable[Mapping[str, Any]], before: str, after: str) -> Comparison:
    """What changes in the counts when one edition takes the place of another.

    Raises:
        BadInput, NotFound: as ``classify``.
    """
    old, new = editions.get(before), editions.get(after)
    moved: Counter[tuple[str, str]] = Counter()
    for findings in people:
        known = vetted(findings)
        moved[_class(old, known)[0], _class(new, known)[0]] += 1
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (one, other), count in moved.items():
        first[one] += count
        second[other] += count
    return Comparison(old.id, new.id, dict(sorted(first.items())), dict(sorted(second.items())), dict(moved))
