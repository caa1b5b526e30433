"""The access report in words, as tables that a page shows and a terminal prints alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from lianfang.api.words import label
from lianfang.foundation.words import article, reason
from lianfang.records import REGISTRY
from lianfang.services.contacts import reasons_in_words

_IDENTIFIERS = {
    "name": ("姓名", "name"),
    "resident_id": ("证件号码", "ID number"),
    "phone": ("电话", "phone"),
    "address": ("住址", "address"),
}
#: Fields whose codes have words of their own.
_KINDS = {
    "gender": "sex",
    "severity": "severity",
    "classification": "classification",
    "status": "status",
    "result": "result",
    "level": "level",
    "before": "classification",
    "after": "classification",
    "medium": "medium",
    "place": "observation_place",
    "source": "sample_source",
}


@dataclass(frozen=True)
class Table:
    """A titled table; every cell is text. ``note`` stands under it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class _Words:
    def __init__(self, lang: str, zone: str) -> None:
        self.lang, self.zone = lang, ZoneInfo(zone)

    def z(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def moment(self, value: Any) -> str:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return str(aware.astimezone(self.zone).strftime("%Y-%m-%d %H:%M"))

    def listed(self, kind: str, values: Any) -> str:
        return self.z("、", ", ").join(label(kind, one, self.lang) for one in values)

    def basis(self, values: Any) -> str:
        return self.z("；", "; ").join(article(one, self.lang) for one in values)

    def reasons(self, values: Any) -> str:
        return self.z("", " ").join(reason(one, self.lang) for one in values)

    def permit(self, value: bool) -> str:
        return self.z("允许", "permitted") if value else self.z("拒绝", "denied")

    def value(self, column: str, value: Any) -> str:
        if isinstance(value, bool):
            return self.z("是", "yes") if value else self.z("否", "no")
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, date):
            return value.isoformat()
        if column == "reasons":
            told = reasons_in_words([{"contact_id": "", "reasons": value}], self.lang)
            return self.z("；", "; ").join(told[""])
        if column == "symptoms":
            return self.listed("symptom", value)
        if isinstance(value, list):
            return self.z("、", ", ").join(map(str, value))
        return label(_KINDS.get(column, ""), value, self.lang)


def tables(report: dict[str, Any], lang: str, zone: str) -> list[Table]:
    """The report's tables in ``zh`` or ``en``; moments in the time zone."""
    words = _Words(lang, zone)
    made: list[Table] = []
    for event in report["events"]:
        made += _event(event, words)
    return [
        *made,
        *_decisions(report, words),
        _readings(report, words),
        _orders(report, words),
        _messages(report, words),
        _remedies(report, words),
    ]


def _event(event: dict[str, Any], words: _Words) -> list[Table]:
    z = words.z
    name = event["title"] or z("日常监测", "standing surveillance")
    until = (
        event["until"].isoformat() if event["until"] else z("随疫情监测需要", "while surveillance needs them")
    )
    identifiers = tuple(
        (z(*_IDENTIFIERS.get(field, (field, field))), value, words.moment(one["since"]))
        for one in event["identifiers"]
        for field, value in one["fields"].items()
    )
    sets = tuple(
        (z(one["zh"], one["en"]), str(one["count"]), words.listed("purpose", one["purposes"]), until)
        for one in event["data_sets"]
    )
    recipients = tuple(
        (
            one["recipient"],
            z("数据持有单位", "holder") if one["kind"] == "holder" else z("责任人", "assigned worker"),
        )
        for one in event["recipients"]
    )
    basis = words.z("；", "; ").join(label("basis", one, words.lang) for one in event["legal_basis"])
    found = [
        Table(
            f"{name}: {z('身份信息', 'identifiers')}",
            (z("项目", "Field"), z("内容", "Held"), z("自", "Since")),
            identifiers,
        ),
        Table(
            f"{name}: {z('数据集', 'data sets')}",
            (z("数据集", "Data set"), z("条数", "Rows"), z("目的", "Purposes"), z("保存至", "Kept until")),
            sets,
            basis,
        ),
    ]
    found += [_rows(name, one, words) for one in event["data_sets"]]
    found.append(
        Table(
            f"{name}: {z('接收方', 'recipients')}",
            (z("接收方", "Recipient"), z("类别", "Kind")),
            recipients,
        )
    )
    return found


def _rows(name: str, one: dict[str, Any], words: _Words) -> Table:
    """The rows of a data set, one field a line."""
    z = words.z
    fields = REGISTRY[one["record"]].fields
    lines = tuple(
        (str(at), z(fields[column].declared.zh, fields[column].declared.en), words.value(column, value))
        for at, row in enumerate(one["rows"], 1)
        for column, value in row.items()
    )
    more = (
        z(f"另有 {one['left_out']} 条未列出", f"{one['left_out']} more rows are not listed")
        if one["left_out"]
        else ""
    )
    title = f"{name}: {z(one['zh'], one['en'])}"
    return Table(title, (z("序号", "No."), z("项目", "Field"), z("内容", "Held")), lines, more)


def _decisions(report: dict[str, Any], words: _Words) -> list[Table]:
    z, lang = words.z, words.lang
    own = tuple(
        (
            words.moment(one["at"]),
            one["account"],
            label("actor", one["actor"], lang),
            f"{label('phase', one['phase'], lang)} · {label('purpose', one['purpose'], lang)}",
            words.permit(one["permit"]),
            words.basis(one["basis"]) if one["permit"] else words.reasons(one["reasons"]),
        )
        for one in report["decisions"]
    )
    shared = tuple(
        (
            words.moment(one["first"]),
            words.moment(one["last"]),
            one["account"],
            label("actor", one["actor"], lang),
            f"{label('phase', one['phase'], lang)} · {label('purpose', one['purpose'], lang)}",
            f"{one['times']} × {words.permit(one['permit'])}",
            words.basis(one["basis"]),
        )
        for one in report["shared_decisions"]
    )
    head = (
        z("账户", "Account"),
        z("主体", "Actor"),
        z("环节与目的", "Phase and purpose"),
        z("结果", "Outcome"),
        z("依据", "Basis"),
    )
    among = z("涉及包括您在内多人的决定", "Decisions about several persons, you among them")
    return [
        Table(z("针对您本人的决定", "Decisions about you"), (z("时间", "Time"), *head), own),
        Table(among, (z("首次", "First"), z("末次", "Last"), *head), shared),
    ]


def _readings(report: dict[str, Any], words: _Words) -> Table:
    z = words.z
    lines = tuple(
        (words.moment(one["at"]), one["account"], words.listed("data", one["fields_read"]))
        for one in report["readings"]
    )
    return Table(
        z("谁查阅过您的身份", "Who read who you are"),
        (z("时间", "Time"), z("账户", "Account"), z("字段", "Fields")),
        lines,
    )


def _orders(report: dict[str, Any], words: _Words) -> Table:
    z = words.z
    lines = tuple(
        (
            words.moment(one["issued_at"]),
            one["holder"],
            z("指示病例", "index case") if one["as"] == "index_case" else z("接触者", "contact"),
            words.listed("source", one["sources"]),
            label("status", one["status"], words.lang),
            words.z("；", "; ").join(label("basis", basis, words.lang) for basis in one["basis"]),
        )
        for one in report["orders"]
    )
    head = (
        z("签发", "Issued"),
        z("持有方", "Holder"),
        z("您是", "You are"),
        z("数据源", "Sources"),
        z("状态", "Status"),
        z("依据", "Basis"),
    )
    return Table(z("涉及您的调取令", "Orders to holders that concern you"), head, lines)


def _messages(report: dict[str, Any], words: _Words) -> Table:
    z = words.z
    lines = tuple((one["message_id"], z("、", ", ").join(one["authorities"])) for one in report["messages"])
    title = z("发给其他机关、涉及您的消息", "Messages to other authorities in which you are")
    return Table(title, (z("消息", "Message"), z("机关", "Authorities")), lines)


def _remedies(report: dict[str, Any], words: _Words) -> Table:
    z = words.z
    lines = tuple(
        (
            z(one["zh"], one["en"]),
            z("本单位", "here") if one["own"] else z("依法另行提出", "elsewhere, as the law says"),
            article(one["article"], words.lang),
        )
        for one in report["remedies"]
    )
    return Table(
        z("您可以采取的救济", "What you can do"),
        (z("救济", "Remedy"), z("何处", "Where"), z("依据", "Basis")),
        lines,
    )


def text(report: dict[str, Any], lang: str, zone: str) -> str:
    """The report as plain text."""
    words = _Words(lang, zone)
    lines = [
        words.z("个人信息查阅答复", "Report to a person on what is held about him"),
        f"{report['authority'][lang]}  {words.moment(report['made_at'])}  {report['request_id']}",
    ]
    if not report["found"]:
        lines.append(words.z("未保存您的任何信息。", "Nothing is held about you."))
    for table in tables(report, lang, zone):
        lines += ["", f"== {table.title} =="]
        lines += ["  ".join(cell or "-" for cell in row) for row in table.rows] or [words.z("无", "none")]
        if table.note:
            lines.append(table.note)
    return "\n".join(lines)
