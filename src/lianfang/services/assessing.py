"""An impact assessment as a text to read and sign, in Chinese or English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lianfang.foundation import words
from lianfang.foundation.words.terms import TERMS

_HEADS = {
    "title": ("个人信息保护影响评估", "Impact assessment on the protection of personal information"),
    "records": ("一、处理的信息", "1. What is processed"),
    "purposes": ("二、目的、主体与依据", "2. Purposes, bodies and articles"),
    "recipients": ("三、接收方与数据持有方", "3. Recipients and holders"),
    "duties": ("四、职责", "4. Duties and their owners"),
    "measures": ("五、措施现状", "5. Measures as found"),
    "findings": ("六、检查发现", "6. Findings"),
    "necessity": ("七、必要性与合法性（由负责人填写）", "7. Necessity and lawfulness (the officer's)"),
    "risks": (
        "八、对个人权益的影响与风险（由负责人填写）",
        "8. Effects and risks for persons (the officer's)",
    ),
    "residual": ("九、剩余风险（由负责人填写）", "9. Residual risks (the officer's)"),
    "conclusion": ("十、结论（由负责人填写）", "10. Conclusion (the officer's)"),
}
_JOINT = ("与其他机关共同控制的数据集", "Data sets controlled jointly with other authorities")
_OPEN = ("＿＿＿＿（待填写）", "____ (to be filled in)")
_RETENTION = {
    "event": ("随事件销毁", "ends with its event"),
    "pack": ("按规则包期限", "the policy pack's days"),
    "keep": ("留存（无个人信息或为证明）", "kept (no personal data, or proof)"),
    "coarsen": ("事件结束时移除", "removed when the event ends"),
}
_DUTIES = {
    "inform": ("告知", "inform"),
    "access": ("提供查阅", "give access"),
    "rectify": ("更正", "rectify"),
    "erase": ("删除", "erase"),
    "minimise": ("最小必要", "minimise"),
    "secure": ("安全保护", "secure"),
    "notify_breach": ("泄露告知", "notify of breaches"),
    "search_at_home": ("数据不出门检索", "search at home, data stay"),
    "answer_orders_only": ("仅按令答复", "answer orders only"),
}
_OWNERS = {"controller": ("本机构", "this authority"), "holder": ("数据持有方", "the holder")}
_MEASURES = {
    "ledger_as_written": ("账本与写入时一致", "ledger as it was written"),
    "identities_sealed": ("密封的身份数", "identities sealed in the vault"),
    "key_files_closed": ("密钥文件仅所有者可读", "key files closed to others"),
    "permitted": ("30 天内允许的请求", "requests permitted within 30 days"),
    "refused": ("30 天内拒绝的请求", "requests refused within 30 days"),
    "readings": ("30 天内身份查阅", "readings of identities within 30 days"),
    "readings_without_lock": ("其中无有效锁定", "of them without a lock"),
    "last_data_backup": ("最近数据备份", "last backup of the data"),
    "last_drill_passed": ("最近通过的恢复演练", "last restore drill passed"),
    "certificates": ("已签发销毁证书", "certificates of destruction"),
}

#: Words of the policy and of declarations: Chinese, English.
_TERMS: dict[str, tuple[str, str]] = {
    **TERMS["actor"],
    **TERMS["phase"],
    **TERMS["purpose"],
    "never": ("不公开", "never"),
    "stat": ("仅统计", "statistics only"),
    "public": ("可公开", "public"),
    "pings": ("手机信令定位", "positions of phones"),
    "lodging": ("住宿", "lodging"),
    "trips": ("乘车", "trips"),
    "visits": ("场所登记", "visits to venues"),
    "payments": ("支付", "payments"),
    "identifies the person; fraud, harassment, discrimination": (
        "可识别个人：诈骗、骚扰、歧视",
        "identifies the person; fraud, harassment, discrimination",
    ),
    "reveals health or whereabouts; discrimination, fear, harm in the community": (
        "暴露健康或行踪：歧视、恐慌、社区伤害",
        "reveals health or whereabouts; discrimination, fear, harm in the community",
    ),
}


def _cell(text: object) -> str:
    """Text that cannot leave its cell or become markup."""
    said = " ".join(str(text).split())
    for mark in ("\\", "|", "<", ">", "[", "]", "`", "*"):
        said = said.replace(mark, f"\\{mark}")
    return said


def _table(head: Iterable[str], lines: Iterable[Iterable[object]]) -> list[str]:
    names = list(head)
    return [
        "| " + " | ".join(names) + " |",
        "|" + " --- |" * len(names),
        *("| " + " | ".join(_cell(one) for one in line) + " |" for line in lines),
        "",
    ]


def markdown(content: Mapping[str, Any], lang: str) -> str:
    """The assessment's text; ``content`` as :func:`lianfang.services.assessment.assessment` gives it."""
    at = 0 if lang == "zh" else 1
    joint = "、" if at == 0 else ", "

    def code(text: str) -> str:
        return _TERMS[text][at] if text in _TERMS else words.code(text, lang) or text

    def listed(texts: Iterable[str]) -> str:
        return joint.join(code(one) for one in texts)

    def value(found: object) -> object:
        if isinstance(found, bool):
            return (("否", "是"), ("no", "yes"))[at][found]
        return "–" if found is None else found

    who, event, pack = content["controller"], content["event"], content["pack"]
    lines = [
        f"# {_HEADS['title'][at]}",
        "",
        f"{_cell(who[lang])} · {content['made_at'][:10]} · {content['made_by']}",
        "",
    ]
    if event:
        lines += [
            f"{('事件', 'Event')[at]} {event['event_id']}, "
            f"{('数据最迟于', 'data end by')[at]} {event['retention_until']}",
            "",
        ]
    lines += [
        f"{_cell(pack[lang])} ({pack['id']}, SHA-256 {pack['sha256']})",
        "",
        f"## {_HEADS['records'][at]}",
        "",
    ]
    head: tuple[str, ...] = (
        ("字段", "类别", "保险库", "公开", "泄露危害"),
        ("field", "class", "vault", "disclosure", "harm of a leak"),
    )[at]
    for record in content["records"]:
        lines += [f"### {_cell(record[lang])}", ""]
        lines += [f"{_RETENTION[record['retention']][at]}; {listed(record['purposes'])}", ""]
        lines += _table(
            head,
            (
                (f[lang], f["class"], value(f["in_vault"]), code(f["disclosure"]), code(f["harm"]))
                for f in record["fields"]
            ),
        )
    lines += [f"## {_HEADS['purposes'][at]}", ""]
    head = (("主体", "环节", "依据"), ("body", "phases", "articles"))[at]
    for one in content["purposes"]:
        lines += [f"### {code(one['purpose'])}", ""]
        lines += _table(
            head,
            (
                (
                    code(b["actor"]),
                    listed(b["phases"]),
                    "; ".join(words.article(a, lang) for a in b["articles"]),
                )
                for b in one["bodies"]
            ),
        )
    lines += [f"## {_HEADS['recipients'][at]}", ""]
    head = (("名称", "类别", "数据源"), ("name", "kind", "sources"))[at]
    lines += _table(
        head, ((r[f"name_{lang}"], code(r["kind"]), listed(r["sources"])) for r in content["recipients"])
    )
    lines += ["", f"### {_JOINT[at]}", ""]
    head = (
        ("数据集", "控制者", "共同控制者", "处理者", "保存天数"),
        ("data set", "controller", "joint controllers", "processor", "days kept"),
    )[at]
    lines += _table(
        head,
        (
            (
                code(j["data_set"]),
                j["controller"],
                listed(j["joint_controllers"]),
                j["processor"],
                str(j["retention_days"]),
            )
            for j in content["joint_control"]
        ),
    )
    lines += [f"## {_HEADS['duties'][at]}", ""]
    head = (("职责", "责任方"), ("duty", "owner"))[at]
    lines += _table(head, ((_DUTIES[d["duty"]][at], _OWNERS[d["owner"]][at]) for d in content["duties"]))
    lines += [f"## {_HEADS['measures'][at]}", ""]
    head = (("措施", "现状"), ("measure", "as found"))[at]
    lines += _table(
        head, ((_MEASURES[name][at], value(found)) for name, found in content["measures"].items())
    )
    lines += [f"## {_HEADS['findings'][at]}", ""]
    lines += [f"- {_cell(one[lang])} {_cell(one['where'])}".rstrip() for one in content["findings"]] or ["–"]
    for name, text in content["judged"].items():
        lines += ["", f"## {_HEADS[name][at]}", "", text or _OPEN[at]]
    return "\n".join(lines) + "\n"
