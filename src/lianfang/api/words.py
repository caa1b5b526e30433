"""Codes in words, in both languages: what the pages call a state, a role, a reason."""

from __future__ import annotations

import re

from lianfang.api import gift_words
from lianfang.foundation.words.terms import TERMS

LABELS: dict[str, dict[str, tuple[str, str]]] = {
    **TERMS,
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
        "asked": ("待批准", "waits"),
        "registered": ("已登记", "registered"),
        "revoked": ("已撤销", "revoked"),
        "held": ("有效", "held"),
        "blocked": ("已封锁", "blocked"),
        "erased": ("已删除", "erased"),
        "purged": ("已清除", "purged"),
        "queued": ("排队中", "queued"),
        "delivered": ("已送达", "delivered"),
        "undeliverable": ("无法送达", "undeliverable"),
        "told": ("已告知", "told"),
        "void": ("作废", "void"),
    },
    "factor": {
        "password": ("密码", "password"),
        "link": ("一次性链接", "one-time link"),
        "totp": ("动态口令", "one-time password"),
        "passkey": ("通行密钥", "passkey"),
        "recovery": ("恢复代码", "recovery code"),
        "demonstration": ("演示链接", "demonstration link"),
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
        "overdue": ("调取令逾期未答，须督办", "Orders that no holder answered in time"),
        "paper_overdue": ("纸质表逾期未回收（张）", "Paper sheets to call back"),
        "paper_lost": ("纸质表遗失（张）", "Paper sheets lost"),
        "paper_witness": ("销毁待监销", "Destructions to witness"),
        "task": ("预案任务逾期", "Tasks of the plan overdue"),
        "incident": ("安全事件通知时限已过", "Incidents: time to notify is over"),
    },
    "fold_kind": {
        "mfe": ("最小自由能", "least energy"),
        "centroid": ("可能性过半的配对", "pairs likelier than not"),
        "mea": ("最大期望准确度", "most expected accuracy"),
    },
    "fold_state": {
        "waiting": ("排队中", "waiting"),
        "working": ("计算中", "being computed"),
        "done": ("完成", "done"),
        "failed": ("失败", "failed"),
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
    "form": {
        "returnee": ("返乡人员登记表", "Registration of returnees"),
        "case_report": ("病例个案调查表", "Case investigation form"),
    },
    "sheet": {
        "issued": ("在外", "out"),
        "returned": ("已回收", "returned"),
        "destroyed": ("已销毁", "destroyed"),
        "lost": ("遗失", "lost"),
        "print": ("打印", "printed"),
        "return": ("回收", "returned"),
        "destroy": ("销毁", "destroyed"),
        "mislaid": ("遗失", "mislaid"),
        "stolen": ("被盗", "stolen"),
        "damaged": ("损毁", "damaged"),
    },
    "fact": {
        "cases": ("病例数", "cases"),
        "confirmed": ("确诊病例数", "confirmed cases"),
        "cases_in_7_days": ("近7天新病例", "cases within 7 days"),
        "days_since_last_case": ("距最近病例天数", "days since the last case"),
        "observed": ("医学观察人数", "persons under observation"),
    },
    "act": {
        "open": ("启动", "opened"),
        "level": ("调整级别", "level changed"),
        "plan": ("更换预案", "plan changed"),
        "definition": ("更换病例定义", "case definition changed"),
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
    "basis": {
        "Law on Prevention and Treatment of Infectious Diseases (2013) art. 12": (
            "《传染病防治法》（2013）第十二条",
            "Law on Prevention and Treatment of Infectious Diseases (2013) art. 12",
        ),
        "Law on Prevention and Treatment of Infectious Diseases (2013) arts 39-41": (
            "《传染病防治法》（2013）第三十九至四十一条",
            "Law on Prevention and Treatment of Infectious Diseases (2013) arts 39-41",
        ),
        "Regulation on Public Health Emergencies (2003) arts 10-11": (
            "《突发公共卫生事件应急条例》（2003）第十至十一条",
            "Regulation on Public Health Emergencies (2003) arts 10-11",
        ),
        "Regulation on Public Health Emergencies (2003) arts 21, 44": (
            "《突发公共卫生事件应急条例》（2003）第二十一、四十四条",
            "Regulation on Public Health Emergencies (2003) arts 21, 44",
        ),
    },
    "letter": {
        "alert": ("警报", "alert"),
        "post": ("通报", "general message"),
        "message": ("选择性消息", "selective message"),
        "correction": ("更正", "correction"),
        "erasure": ("删除", "erasure"),
        "unlawful": ("违法通报", "report of unlawful processing"),
        "grant": ("协调访问", "co-ordination access"),
    },
    "exchange_act": {
        "sent": ("发送", "sent"),
        "received": ("收到", "received"),
        "corrected": ("更正", "corrected"),
        "erased": ("删除", "erased"),
        "unlawful": ("通报违法", "reported as unlawful"),
        "purged": ("清除", "purged"),
    },
    "exchange_reason": {
        "inaccurate": ("不准确", "inaccurate"),
        "outdated": ("过时", "outdated"),
        "unnecessary": ("不必要", "unnecessary"),
        "unlawful": ("违法", "unlawful"),
        "event_ended": ("事件已结束", "the event has ended"),
        "deadline": ("到期", "deadline"),
    },
    "request": {
        "access": ("查阅", "access"),
        "rectification": ("更正", "rectification"),
        "erasure": ("删除", "erasure"),
    },
    "outcome": {
        "disclosed": ("已告知", "disclosed"),
        "corrected": ("已更正", "corrected"),
        "erased": ("已删除", "erased"),
        "nothing_held": ("未持有", "nothing held"),
        "noted": ("已记录", "noted"),
        "refused": ("拒绝", "refused"),
    },
    "ground": {
        "inaccurate": ("不准确", "inaccurate"),
        "outdated": ("已过时", "outdated"),
        "unnecessary": ("不再必要", "unnecessary"),
        "unlawful": ("违法处理", "unlawful"),
    },
    "recipient": {
        "authority": ("其他机关", "another authority"),
        "holder": ("数据持有单位", "holder"),
        "worker": ("责任人", "worker"),
    },
    "member": {
        "eu_competent_authority": ("主管机关", "competent authority"),
        "eu_commission": ("委员会（协调）", "Commission (co-ordinates)"),
        "ecdc": ("ECDC（处理者）", "ECDC (processor)"),
    },
    "power": {
        "collect": ("采集", "collect"),
        "read": ("查阅", "read"),
        "contact": ("联系", "contact"),
    },
    "source": {
        "pings": ("手机信令定位", "positions of phones"),
        "lodging": ("住宿", "lodging"),
        "trips": ("乘车", "trips"),
        "visits": ("场所登记", "visits to venues"),
        "payments": ("支付", "payments"),
    },
    "rule": {
        "minutes": ("至少同处（分钟）", "minutes together, at least"),
        "order": ("接触层级", "order of contact"),
        "radius_m": ("距离上限（米）", "metres apart, at most"),
        "seat_rows": ("前后排数", "rows of seats"),
        "slot_seconds": ("时间片（秒）", "seconds to a time slot"),
    },
    "medium": {"visit": ("上门", "visit"), "call": ("电话", "call")},
    "observation_place": {
        "home": ("居家", "home"),
        "centre": ("集中观察点", "centre"),
        "hospital": ("医院", "hospital"),
    },
    "sample_source": {
        "human": ("人", "human"),
        "environment": ("环境", "environment"),
        "animal": ("动物", "animal"),
    },
    "incident_step": {
        "reported": ("报告", "reported"),
        "found": ("发现植入记录", "planted records found"),
        "note": ("记录", "noted"),
        "contained": ("已控制", "contained"),
        "notified_authority": ("已通知主管部门", "authority notified"),
        "notified_persons": ("已通知本人", "persons notified"),
        "no_notice": ("无须通知（说明理由）", "no notice needed (say why)"),
        "closed": ("结束", "closed"),
    },
    "incident_source": {
        "person": ("工作人员", "staff"),
        "canary": ("植入记录检索", "search for planted records"),
        "paper": ("终止事件时未收回纸质表", "paper not back at a closing"),
    },
    "series": {
        "fever_clinics": ("发热门诊", "fever clinics"),
    },
    **gift_words.LABELS,
}

#: What is said after an act, by the name in ``?done=``.
NOTICES: dict[str, tuple[str, str]] = {
    "opened": ("事件已启动，签名已记录。", "The event is open; the act is signed and recorded."),
    "dismissed": ("预警已排除。", "The alert was dismissed."),
    "level": ("响应级别已调整。", "The response level was changed."),
    "definition": ("病例定义已更换，曲线上已标记。", "The case definition was changed; the curve is marked."),
    "ticked": ("任务已完成并记录。", "The task is done and recorded."),
    "planned": ("预案已更换，签名已记录。", "The plan was changed; the act is signed and recorded."),
    "drawn": ("调取令已拟好，以下即为将发送的内容。", "The order is drawn up: this is what will be sent."),
    "answered": ("持有方已答复。未取得任何姓名。", "The holder has answered. No name was seen."),
    "locked": (
        "已锁定，等待另一角色的第二人审批。",
        "Locked. A second person in another role has to approve.",
    ),
    "approved": ("已批准。", "Approved."),
    "refused": ("已拒绝，接触者恢复为未识别。", "Refused; the contacts are free again."),
    "withdrawn": ("锁定已撤回，接触者恢复为未识别。", "The lock is withdrawn; the contacts are free again."),
    "named": ("已交办给责任人。其余仍不可识别。", "Named to the one worker. All others remain unreadable."),
    "widened": ("警报范围已扩大，各机关将获知。", "The alert was widened; all authorities are told."),
    "noticed": ("答复已保存。", "The answer is saved."),
    "told": ("已通知可达的接收方。", "Recipients that can be reached were told."),
    "visited": ("随访结果已保存。", "The visit is saved."),
    "advised": ("已保存。体温或症状提示：建议检测。", "Saved. Temperature or symptoms: a test is advised."),
    "ordered": ("检测已开单。", "The test is ordered."),
    "resulted": ("结果已登记。", "The result is recorded."),
    "published": ("通报已签名、记录并发布。", "The bulletin is signed, logged and published."),
    "released": ("观察已解除。", "Observation has ended."),
    "closed": ("事件已终止。", "The event is closed."),
    "expired": ("数据已销毁，证书已签发。", "The data have ended; the certificate is issued."),
    "password": ("密码已更改，请重新登录。", "The password is changed: sign in again."),
    "factor_removed": ("已移除。", "Removed."),
    "session_ended": ("会话已结束。", "Ended."),
    "terminal_asked": ("已申请登记，等待他人批准。", "Asked for: another person has to approve it."),
    "terminal_approved": ("终端已登记。", "The terminal is registered."),
    "terminal_revoked": ("终端已撤销，即刻生效。", "The terminal is revoked, at once."),
    "role": ("已换角色。", "You now act in another of your roles."),
    "role_given": ("角色已授予。", "The role is given."),
    "role_taken": ("角色已收回，即刻生效。", "The role is taken back, at once."),
    "disabled": ("账户已停用，即刻生效。", "The account is disabled, at once."),
    "enabled": ("账户已恢复。", "The account is enabled again."),
    "trained": ("培训期限已登记。", "The training is noted."),
    "reset": (
        "第二因素已清除：须以密码加新的一次性链接重新登记。",
        "The second factors are gone: enrolling anew takes the password and a new one-time link.",
    ),
    "reported": (
        "已报告。个人信息保护负责人已可见，时限开始计算。",
        "Reported. The data-protection officer sees it; the clocks run.",
    ),
    "stepped": ("步骤已记录。", "The step is noted."),
    "settled": ("安全事件已结束。", "The incident is closed."),
    "peer": ("机关已登记。", "The authority is entered."),
    "posted": ("已在普通渠道发布。", "Posted on the general channel."),
    "alerted": ("警报已发布。", "The alert is raised."),
    "message": ("选择性消息已密封并交付投递。", "The selective message is sealed and on its way."),
    "corrected": ("更正已保存，正送达各副本。", "The correction is kept and goes to every copy."),
    "erased": ("已删除，正送达各副本。", "Erased; it goes to every copy."),
    "blocked": ("已封锁并通知各机关。", "Blocked; every authority that has it is told."),
    "granted": ("限时协调访问已记录。", "Access for co-ordination is recorded; it ends by itself."),
    "requested": ("请求已受理，已通知所涉各机关。", "The request is open; all concerned are told."),
    "answered_case": ("答复已送达所涉各机关。", "The answer goes to all concerned."),
    "issued": ("纸质表已发放。", "The paper is issued."),
    "back": ("已回收。", "The sheets are back."),
    "missing": ("已报失。", "The sheets are reported lost."),
    "destroying": ("待第二人监销。", "A second person has to witness it."),
    "destroyed": ("已监销。", "The destruction is witnessed."),
    "folding_forgotten": ("序列及其结果已清除。", "The sequence and what was made of it are gone."),
    "switched": ("已切换演示身份。", "You now act as another person of the demonstration."),
    **gift_words.NOTICES,
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
    if kind == "method":
        return ", ".join(_method(part, lang) for part in text.split("+"))
    if kind == "condition" and lang == "zh":
        return _condition(text)
    pair = LABELS.get(kind, {}).get(text)
    return pair[0 if lang == "zh" else 1] if pair else text


def _method(name: str, lang: str) -> str:
    if name == "cluster":
        return "聚集性预警" if lang == "zh" else "cluster"
    return name.replace("ears_c", "EARS C").replace("_", " ")


_CLUSTER = re.compile(r"(\d+) unexplained cases sharing (\w+) within (\d+) days")
_QUIET = "28 days without a new confirmed case and all observation orders released"


def _condition(text: str) -> str:
    """A start or stop condition of a plan in Chinese, where it is one that the house itself proposed."""
    if text == _QUIET:
        return "连续28天无新增确诊病例，且医学观察全部解除"
    if found := _CLUSTER.fullmatch(text):
        shared = LABELS["attribute"].get(found[2], (found[2], ""))[0]
        return f"{found[3]}天内{found[1]}例不明原因病例有共同{shared}"
    return text


def notice(name: str, lang: str) -> str:
    """The notice of that name, or nothing: the name comes from the address."""
    pair = NOTICES.get(name)
    return pair[0 if lang == "zh" else 1] if pair else ""
