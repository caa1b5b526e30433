"""People and their illness: case reports, their transitions, visits, returnees, households."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from lianfang.records.declare import P0, P2, P3, P4, About, Record

CLASSIFICATIONS = (
    "not_classified",
    "suspect",
    "probable",
    "confirmed",
    "confirmed_no_symptoms",
    "no_case",
)
Classification = Literal[
    "not_classified", "suspect", "probable", "confirmed", "confirmed_no_symptoms", "no_case"
]
Sex = Literal["male", "female", "unknown"]
Severity = Literal["mild", "moderate", "severe", "critical", "unknown"]

# From a state to the states a case may pass to (WHO case classification; SORMAS CaseClassification). A
# confirmed case may still be discarded (a false positive), and a discarded one be taken up again.
TRANSITIONS: dict[str, frozenset[str]] = {
    "not_classified": frozenset({"suspect", "probable", "confirmed", "confirmed_no_symptoms", "no_case"}),
    "suspect": frozenset({"probable", "confirmed", "confirmed_no_symptoms", "no_case"}),
    "probable": frozenset({"suspect", "confirmed", "confirmed_no_symptoms", "no_case"}),
    "confirmed": frozenset({"no_case"}),
    "confirmed_no_symptoms": frozenset({"confirmed", "no_case"}),
    "no_case": frozenset({"suspect", "probable", "confirmed", "confirmed_no_symptoms"}),
}

_EPI = frozenset(
    {"case_report", "epidemiological_investigation", "close_contact_tracing", "linkage_analysis"}
)

EventId = Annotated[str, P0("事件", "event", indexed=True)]
CaseId = Annotated[str, P2("病例", "case", kind="pseudonym", indexed=True)]


class Person(Record):
    """One file per person of an event (一人一档): what linking joined; identities stay in the vault."""

    about: ClassVar[About] = About(
        "person", "人员", "person", "store", ("event_id", "person_id"), _EPI | {"linkage_analysis"}
    )
    event_id: EventId
    person_id: Annotated[str, P2("人员编号", "person id", kind="pseudonym", indexed=True)]
    gender: Annotated[Sex, P2("性别", "sex", kind="sex", tag="gender", disclosure="public")] = "unknown"
    birth_year: Annotated[int | None, P2("出生年", "year of birth", kind="age")] = None
    adcode: Annotated[str, P2("区划", "division", kind="region_index", tag="location")] = ""


class SubjectLink(Record):
    """Which subject (one set of identifiers) belongs to which person; reversible."""

    about: ClassVar[About] = About(
        "subject_link",
        "身份关联",
        "subject link",
        "store",
        ("event_id", "subject_id"),
        frozenset({"linkage_analysis"}),
        subject=True,
        indexes=(("subject_id", "person_id"),),
    )
    event_id: EventId
    person_id: Annotated[str, P2("人员编号", "person id", kind="pseudonym", indexed=True)]
    rule: Annotated[str, P0("关联规则", "rule that joined")]
    linked_at: Annotated[datetime, P0("关联时间", "linked at")]


class SubjectLinkPast(Record):
    """The person that a subject belonged to until a day, so that an earlier day can be asked again."""

    about: ClassVar[About] = About(
        "subject_link_past",
        "既往身份关联",
        "former subject link",
        "store",
        ("event_id", "subject_id", "until"),
        frozenset({"linkage_analysis"}),
        subject=True,
    )
    event_id: EventId
    person_id: Annotated[str, P2("人员编号", "person id", kind="pseudonym")]
    until: Annotated[date, P0("截止日", "day from which it is another", indexed=True)]


class CaseReport(Record):
    """A case report card (传染病报告卡) as a hospital sends it.

    A later card of the same number is a new version of the case, kept beside the earlier ones, so that
    what was known on a day can be asked for again: the case as of a day is its last version until then.
    """

    about: ClassVar[About] = About(
        "case_report",
        "病例报告",
        "case report",
        "store",
        ("case_id", "date_reporting"),
        _EPI,
        importable=True,
        # an event's cases, and a case's versions with what decides whether a day knows them
        indexes=(("event_id", "case_id"), ("case_id", "date_reporting", "batch_id")),
    )
    case_id: CaseId = ""
    event_id: Annotated[str, P0("事件", "event", indexed=True)] = ""
    card_no: Annotated[str, P2("报告卡编号", "report card number", tag="id", kind="pseudonym")]
    reporter: Annotated[str, P0("报告单位", "reporting unit")]
    date_reporting: Annotated[
        date, P2("报告日期", "date of report", kind="diagnosis", tag="date_reporting", indexed=True)
    ]
    name: Annotated[str | None, P3("姓名", "name", kind="name")] = None
    resident_id: Annotated[str | None, P3("证件号码", "ID number", kind="resident_id")] = None
    phone: Annotated[str | None, P3("联系电话", "phone", kind="mobile")] = None
    address: Annotated[str | None, P3("现住址", "home address", kind="home_address")] = None
    exposure_note: Annotated[str | None, P3("暴露史", "exposure in words", kind="travel_history")] = None
    symptoms_note: Annotated[str | None, P3("症状原文", "symptoms in words", kind="symptom")] = None
    gender: Annotated[Sex, P2("性别", "sex", kind="sex", tag="gender", disclosure="public")] = "unknown"
    birth_date: Annotated[date | None, P2("出生日期", "date of birth", kind="age", disclosure="never")] = None
    age: Annotated[int | None, P2("年龄", "age in years", kind="age", tag="age", disclosure="never")] = None
    adcode: Annotated[str, P2("现住区划", "division of residence", kind="region_index", tag="location")] = ""
    # the policy has no word for an occupation; like a workplace it says where a person is by day
    occupation: Annotated[str, P2("职业", "occupation", kind="location", tag="occupation")] = ""
    hcw: Annotated[bool | None, P2("医务人员", "health-care worker", kind="location", tag="hcw")] = None
    workplace: Annotated[str, P4("工作单位", "workplace", kind="location")] = ""
    school: Annotated[str, P4("学校", "school", kind="location")] = ""
    household: Annotated[str, P4("家庭", "household (keyed)", kind="pseudonym")] = ""
    date_onset: Annotated[
        date | None, P4("发病日期", "date of onset", kind="symptom", tag="date_onset", disclosure="stat")
    ] = None
    date_visit: Annotated[date | None, P4("就诊日期", "date of first visit", kind="symptom")] = None
    date_admission: Annotated[
        date | None, P4("入院日期", "date of admission", kind="symptom", tag="date_admission")
    ] = None
    date_discharge: Annotated[
        date | None, P4("出院日期", "date of discharge", kind="symptom", tag="date_discharge")
    ] = None
    date_confirmed: Annotated[
        date | None,
        P4("确诊日期", "date of confirmation", kind="confirm_date", disclosure="public"),
    ] = None
    date_death: Annotated[
        date | None,
        P4("死亡日期", "date of death", kind="diagnosis", tag="date_death", disclosure="stat"),
    ] = None
    outcome: Annotated[str, P4("转归", "outcome", kind="diagnosis", tag="outcome", disclosure="stat")] = ""
    severity: Annotated[Severity, P4("临床严重程度", "severity", kind="diagnosis", disclosure="stat")] = (
        "unknown"
    )
    classification: Annotated[
        Classification, P4("病例分类", "classification", kind="diagnosis", disclosure="stat")
    ] = "not_classified"
    symptoms: Annotated[list[str], P4("症状", "symptoms", kind="symptom", disclosure="public")] = []
    unexplained: Annotated[
        bool, P4("不明原因", "unexplained pneumonia", kind="diagnosis", disclosure="stat")
    ] = False
    batch_id: Annotated[str, P0("批次", "import batch")] = ""


class CaseAttachment(Record):
    """Since which day a version of a card is under its event, and which subject it pointed to before.

    The former subject's identities are destroyed; its number alone says what the links of earlier days joined.
    """

    about: ClassVar[About] = About(
        "case_attachment",
        "病例归入事件",
        "attachment of a case",
        "store",
        ("case_id", "date_reporting"),
        _EPI,
    )
    case_id: CaseId
    date_reporting: Annotated[date, P2("报告日期", "date of report", kind="diagnosis")]
    event_id: EventId
    day: Annotated[date, P0("归入日", "day of the attachment", indexed=True)]
    subject_before: Annotated[str, P2("归入前主体编号", "subject before", kind="pseudonym", indexed=True)]


class CaseTransition(Record):
    """A change of a case's classification, by whom and why."""

    about: ClassVar[About] = About(
        "case_transition", "病例订正", "case transition", "store", ("case_id", "at"), _EPI
    )
    case_id: CaseId
    before: Annotated[Classification, P4("原分类", "classification before", kind="diagnosis")]
    after: Annotated[Classification, P4("新分类", "classification after", kind="diagnosis")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("操作人", "by account")]
    reason: Annotated[str, P0("原因", "reason")]


class ClinicalVisit(Record):
    """Onset and visits: one consultation of a person at a facility."""

    about: ClassVar[About] = About(
        "clinical_visit", "就诊", "clinical visit", "store", ("case_id", "visited_on", "facility"), _EPI
    )
    case_id: CaseId
    visited_on: Annotated[date, P4("就诊日期", "date of visit", kind="symptom")]
    facility: Annotated[str, P4("机构", "facility", kind="location")]
    visit_kind: Annotated[
        Literal["outpatient", "fever_clinic", "emergency", "admission"], P4("类别", "kind", kind="symptom")
    ] = "outpatient"
    temperature: Annotated[float | None, P4("体温", "temperature (degrees C)", kind="symptom")] = None


class Returnee(Record):
    """Registration of a person who came from an affected area (返回人员登记)."""

    about: ClassVar[About] = About(
        "returnee",
        "返回人员",
        "returnee",
        "store",
        ("subject_id", "registered_on"),
        frozenset({"returnee_registration", "situation_monitoring"}),
        importable=True,
    )
    event_id: Annotated[str, P0("事件", "event", indexed=True)] = ""
    registered_on: Annotated[
        date, P2("登记日期", "date of registration", kind="travel_history", indexed=True)
    ]
    name: Annotated[str, P3("姓名", "name", kind="name")]
    resident_id: Annotated[str | None, P3("证件号码", "ID number", kind="resident_id")] = None
    phone: Annotated[str | None, P3("联系电话", "phone", kind="mobile")] = None
    address: Annotated[str | None, P3("现住址", "home address", kind="home_address")] = None
    adcode: Annotated[str, P2("现住区划", "division of residence", kind="region_index")] = ""
    from_adcode: Annotated[str, P4("来自地区", "came from", kind="travel_history", disclosure="stat")] = ""
    returned_on: Annotated[date | None, P4("返回日期", "date of return", kind="travel_history")] = None
    symptoms: Annotated[list[str], P4("症状", "symptoms", kind="symptom", disclosure="stat")] = []
    batch_id: Annotated[str, P0("批次", "import batch")] = ""


class HouseholdSurvey(Record):
    """A household's door-to-door survey; members by number only, symptoms as counts."""

    about: ClassVar[About] = About(
        "household_survey",
        "入户调查",
        "household survey",
        "store",
        ("household", "surveyed_on"),
        frozenset({"epidemiological_investigation", "situation_monitoring"}),
    )
    event_id: EventId
    household: Annotated[str, P4("家庭", "household (keyed)", kind="pseudonym")]
    surveyed_on: Annotated[date, P2("调查日期", "date of survey", kind="symptom")]
    adcode: Annotated[str, P2("区划", "division", kind="region_index")] = ""
    members: Annotated[int, P2("人数", "members", kind="pseudonym")]
    febrile: Annotated[int, P4("发热人数", "members with fever", kind="symptom", disclosure="stat")] = 0
    from_area: Annotated[int, P4("来自疫区人数", "members from the affected area", kind="travel_history")] = 0
    surveyed_by: Annotated[str, P0("调查人", "by account")] = ""
