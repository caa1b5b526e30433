"""Codes in words, in both languages: what the pages call a state, a role, a reason."""

from __future__ import annotations

LABELS: dict[str, dict[str, tuple[str, str]]] = {
    "status": {
        "open": ("进行中", "open"),
        "closed": ("已终止", "closed"),
        "proposed": ("拟启动", "proposed"),
        "dismissed": ("已排除", "dismissed"),
        "candidate": ("未识别", "unreadable"),
        "locked": ("已锁定", "locked"),
        "named": ("已交办", "named"),
        "reached": ("已联系", "reached"),
        "observed": ("观察中", "observed"),
        "released": ("已解除", "released"),
        "refused": ("拒绝", "refused"),
        "case": ("已确诊", "case"),
        "approved": ("已批准", "approved"),
        "withdrawn": ("已撤回", "withdrawn"),
        "expired": ("已过期", "expired"),
        "draft": ("待发送", "draft"),
        "sent": ("已发送", "sent"),
        "answered": ("已答复", "answered"),
        "ordered": ("待采样", "ordered"),
        "collected": ("已采样", "collected"),
        "tested": ("已检测", "tested"),
        "cancelled": ("已取消", "cancelled"),
        "active": ("观察中", "active"),
        "new": ("待处理", "to judge"),
        "superseded": ("已更新", "superseded"),
        "opened": ("已立案", "opened"),
    },
    "level": {"high": ("高", "high"), "medium": ("中", "medium"), "low": ("低", "low")},
    "classification": {
        "not_classified": ("待定", "not classified"),
        "suspect": ("疑似", "suspect"),
        "probable": ("临床诊断", "probable"),
        "confirmed": ("确诊", "confirmed"),
        "confirmed_no_symptoms": ("无症状感染", "confirmed, no symptoms"),
        "no_case": ("排除", "no case"),
    },
    "severity": {
        "mild": ("轻型", "mild"),
        "moderate": ("普通型", "moderate"),
        "severe": ("重型", "severe"),
        "critical": ("危重型", "critical"),
        "unknown": ("未知", "unknown"),
    },
    "sex": {"male": ("男", "male"), "female": ("女", "female"), "unknown": ("未知", "unknown")},
    "role": {
        "epidemiologist": ("流行病学调查员", "epidemiologist"),
        "manager": ("疫情管理人员", "manager"),
        "community_worker": ("基层工作人员", "community worker"),
        "clinician": ("临床医生", "clinician"),
        "laboratory": ("检验人员", "laboratory"),
        "supply_officer": ("物资管理员", "supply officer"),
        "data_protection_officer": ("个人信息保护负责人", "data-protection officer"),
        "security_officer": ("安全管理员", "security officer"),
        "auditor": ("审计员", "auditor"),
        "administrator": ("系统管理员", "administrator"),
        "holder": ("数据持有单位", "holder"),
        "system": ("系统", "system"),
    },
    "need": {
        "order": ("向持有方发出调取令", "Send an order to a holder"),
        "send": ("发送已拟好的调取令", "Send the order drawn up"),
        "lock": ("锁定高风险接触者", "Lock the contacts at high risk"),
        "approve": ("第二人审批", "Second approval"),
        "name": ("交办给责任人", "Have contacts named to the worker"),
        "visit": ("今日随访", "Visits due today"),
        "result": ("等待检测结果", "Test results awaited"),
        "release": ("到期解除观察", "Observation ends"),
        "publish": ("发布今日通报", "Publish today's bulletin"),
    },
    "attribute": {
        "workplace": ("工作单位", "workplace"),
        "school": ("学校", "school"),
        "household": ("家庭", "household"),
        "place": ("场所", "place"),
        "series": ("监测序列", "series"),
    },
    "symptom": {
        "fever": ("发热", "fever"),
        "cough": ("咳嗽", "cough"),
        "dyspnoea": ("呼吸困难", "shortness of breath"),
        "sore_throat": ("咽痛", "sore throat"),
        "fatigue": ("乏力", "fatigue"),
        "myalgia": ("肌肉酸痛", "muscle pain"),
        "headache": ("头痛", "headache"),
        "diarrhoea": ("腹泻", "diarrhoea"),
        "loss_of_smell": ("嗅觉减退", "loss of smell"),
        "pneumonia": ("肺炎", "pneumonia"),
        "pneumonia_unexplained": ("不明原因肺炎", "unexplained pneumonia"),
    },
    "result": {
        "positive": ("阳性", "positive"),
        "negative": ("阴性", "negative"),
        "pending": ("待定", "pending"),
        "invalid": ("无效", "invalid"),
    },
    "phase": {
        "collect": ("采集", "collect"),
        "use": ("使用", "use"),
        "read": ("查阅", "read"),
        "share": ("共享", "share"),
        "send": ("发送", "send"),
        "contact": ("联系", "contact"),
        "disclose": ("公开", "disclose"),
        "export": ("导出", "export"),
        "rectify": ("更正", "rectify"),
        "delete": ("删除", "delete"),
        "reidentify": ("重标识", "re-identify"),
        "link": ("关联", "link"),
    },
    "act": {
        "open": ("启动", "opened"),
        "level": ("调整级别", "level changed"),
        "close": ("终止", "closed"),
        "dismiss": ("排除", "dismissed"),
    },
    "table": {
        "figures": ("主要数字", "Main figures"),
        "by_district": ("按区县", "By district"),
        "confirmed": ("确诊病例", "Confirmed cases"),
    },
    "column": {
        "indicator": ("指标", "Indicator"),
        "district": ("区县", "District"),
        "sex": ("性别", "Sex"),
        "confirm_date": ("确诊日期", "Confirmed on"),
        "symptom": ("症状", "Symptoms"),
    },
    "indicator": {
        "cases": ("累计病例", "cases"),
        "confirmed": ("累计确诊", "confirmed"),
        "deaths": ("累计死亡", "deaths"),
        "contacts_identified": ("追踪到密切接触者", "close contacts traced"),
        "contacts_observed": ("医学观察中", "under observation"),
        "contacts_released": ("已解除观察", "released"),
    },
    "series": {
        "fever_clinics": ("发热门诊", "fever clinics"),
    },
}

#: What is said after an act, by the name in ``?done=``.
NOTICES: dict[str, tuple[str, str]] = {
    "opened": ("事件已启动，签名已记录。", "The event is open; the act is signed and recorded."),
    "dismissed": ("预警已排除。", "The alert was dismissed."),
    "level": ("响应级别已调整。", "The response level was changed."),
    "drawn": ("调取令已拟好，以下即为将发送的内容。", "The order is drawn up: this is what will be sent."),
    "answered": ("持有方已答复。未取得任何姓名。", "The holder has answered. No name was seen."),
    "locked": (
        "已锁定，等待另一角色的第二人审批。",
        "Locked. A second person in another role has to approve.",
    ),
    "approved": ("已批准。", "Approved."),
    "refused": ("已拒绝，接触者恢复为未识别。", "Refused; the contacts are free again."),
    "named": ("已交办给责任人。其余仍不可识别。", "Named to the one worker. All others remain unreadable."),
    "visited": ("随访结果已保存。", "The visit is saved."),
    "advised": ("已保存。体温或症状提示：建议检测。", "Saved. Temperature or symptoms: a test is advised."),
    "ordered": ("检测已开单。", "The test is ordered."),
    "resulted": ("结果已登记。", "The result is recorded."),
    "published": ("通报已签名、记录并发布。", "The bulletin is signed, logged and published."),
    "released": ("观察已解除。", "Observation has ended."),
    "closed": ("事件已终止。", "The event is closed."),
    "expired": ("数据已销毁，证书已签发。", "The data have ended; the certificate is issued."),
    "switched": ("已切换演示身份。", "You now act as another person of the demonstration."),
}


def label(kind: str, value: object, lang: str) -> str:
    """The word for a code; an unknown code is shown as it is."""
    text = "" if value is None else str(value)
    if kind == "series" and text.startswith("search:"):
        return ("搜索：" if lang == "zh" else "searches: ") + text.removeprefix("search:")
    if kind == "withheld":
        from lianfang.guard.disclosure.columns import KINDS

        known = KINDS.get(text)
        return (known[2] if lang == "zh" else known[1]) if known else text
    if kind == "symptom" and "、" in text:
        return ("、" if lang == "zh" else ", ").join(label(kind, part, lang) for part in text.split("、"))
    pair = LABELS.get(kind, {}).get(text)
    return pair[0 if lang == "zh" else 1] if pair else text


def notice(name: str, lang: str) -> str:
    """The notice of that name, or nothing: the name comes from the address."""
    pair = NOTICES.get(name)
    return pair[0 if lang == "zh" else 1] if pair else ""
