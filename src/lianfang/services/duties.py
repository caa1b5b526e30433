"""Who discharges each obligation that a decision carries, and how: one table, which the gate goes by.

An obligation is discharged in a *way*. Some ways are the gate's own and looked at for each decision (the session's
terminal, one person's row, the event's deadline); the others are a caller's, who names the way when he asks and
whose source has to reach the function that does it (a test reads that). A decision with an obligation that nobody
discharges is refused in :func:`lianfang.services.gate.ask`, before anything is read or done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lianfang.guard.policy import Decision
    from lianfang.services.installation import Who
    from lianfang.store import Row


@dataclass(frozen=True)
class Asked:
    """A question at the gate and what the policy decided, as the ways look at it."""

    who: Who
    decision: Decision
    phase: str
    purpose: str
    context: Mapping[str, Any]
    event: Row | None
    rows: int
    retention: Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """One way in which an obligation is discharged.

    ``holds``: the gate looks whether it does; None: a caller says that it goes this way. ``does``: bare name of the
    function that does it; the caller's source has to reach it. ``when``: before the data are given, or after.
    """

    duty: str
    zh: str
    en: str
    when: Literal["before", "after"]
    does: str
    holds: Callable[[Asked], bool] | None = None


def _own_session(asked: Asked) -> bool:
    # what is exported goes to the account that asked, over its own session (a cookie that travels over TLS only)
    return asked.phase == "export" and (asked.who.signed is None or asked.who.signed.factors > 1)


def _deadline(asked: Asked) -> bool:
    # without an event it is the standing surveillance, and a message between authorities: the pack's days
    held = asked.event
    if held is None or "retention_until" not in held:
        return bool(asked.retention)
    return held["retention_until"] is not None


def _bound(asked: Asked) -> bool:
    # who uses for another purpose what was collected for one says which that was (REQ-P-16)
    stated = bool(str(asked.context.get("source") or "").strip())
    return bool(asked.purpose) and (stated or asked.context.get("change_of_purpose") is not True)


#: Name of the way -> the way. A duty may be discharged in several ways; one that holds is enough.
WAYS: dict[str, Way] = {
    # ---- the gate's own
    "in_the_ledger": Way(
        "audit",
        "决定先入账本，再给出数据",
        "the decision is in the ledger before the data are given",
        "before",
        "record",
        lambda asked: bool(asked.who.account),
    ),
    "basis_recorded": Way(
        "record_legal_basis",
        "依据条款随决定入账",
        "the articles are recorded with the decision",
        "before",
        "record",
        lambda asked: bool(asked.decision.basis),
    ),
    "purpose_of_the_field": Way(
        "purpose_binding",
        "字段只为其登记的目的给出；改变目的的，原目的与新目的一并入账",
        "a field is given for the purposes of its declaration only; of a change both purposes are recorded",
        "before",
        "project",
        _bound,
    ),
    "named_account": Way(
        "named_person",
        "实名账号，不得共用",
        "a named account, shared with nobody",
        "before",
        "ask",
        lambda asked: bool(asked.who.account) and asked.context.get("shared_account") is not True,
    ),
    "registered_terminal": Way(
        "designated_terminal",
        "会话所在终端已登记；本机程序在本机运行",
        "the session's terminal is registered; the house's own machinery runs on its machine",
        "before",
        "session",
        lambda asked: asked.who.signed is None or asked.who.signed.terminal,
    ),
    "sealed_identities": Way(
        "encrypt_at_rest",
        "身份信息密封于保险库，备份加密",
        "identities are sealed in the vault, backups are encrypted",
        "before",
        "put_many",
        lambda asked: True,
    ),
    "one_row": Way(
        "single_subject",
        "一次一人",
        "one person at a time",
        "before",
        "ask",
        lambda asked: asked.rows <= 1,
    ),
    "justification_recorded": Way(
        "log_justification",
        "协调理由随决定入账",
        "the need to co-ordinate is recorded with the decision",
        "before",
        "record",
        lambda asked: bool(str(asked.context.get("justification") or "").strip()),
    ),
    "own_session": Way(
        "encrypt_in_transit",
        "仅经本人会话（TLS）下载",
        "downloaded over the account's own session, by TLS",
        "before",
        "session",
        _own_session,
    ),
    "own_account": Way(
        "verify_recipient",
        "接收人即申请人本人账号",
        "the recipient is the account that asked",
        "before",
        "session",
        _own_session,
    ),
    "deadline_set": Way(
        "purge_at_deadline",
        "事件或规则包已定销毁期限，到期由销毁程序执行",
        "the event, or the pack, has a deadline at which the retention job ends the data",
        "after",
        "expire",
        _deadline,
    ),
    # ---- a caller's
    "sealed_to_holder": Way(
        "encrypt_in_transit",
        "密封至持有方公钥，经 HTTPS 发送",
        "sealed to the holder's key and sent by https",
        "before",
        "to_holder",
    ),
    "registered_holder": Way(
        "verify_recipient",
        "接收方在持有方登记簿中",
        "the recipient is in the register of holders",
        "before",
        "entry",
    ),
    "kept_until_sent": Way(
        "encrypt_in_transit",
        "草稿留在本机构，发送时密封",
        "a draft stays in the house; it is sealed when it is sent",
        "before",
        "_keep",
    ),
    "sealed_to_centre": Way(
        "encrypt_in_transit",
        "持有方将答复密封至中心公钥",
        "the holder seals its answer to the centre's key",
        "before",
        "to_centre",
    ),
    "signed_by_centre": Way(
        "verify_recipient",
        "答复仅给签发调取令的已登记中心",
        "answered is the registered centre alone whose signature the order bears",
        "before",
        "order_problems",
    ),
    "order_answered": Way(
        "on_request_only",
        "持有方只答复签名有效、限定范围的调取令",
        "a holder answers only an order whose signature holds and whose scope is limited",
        "before",
        "order_problems",
    ),
    "order_on_record": Way(
        "on_request_only",
        "有记录、限定范围的调取令",
        "an order on record, of limited scope",
        "before",
        "parse",
    ),
    "locked_list": Way(
        "single_subject",
        "恰为锁定且经两人批准的名单，逐一处理",
        "exactly the locked persons, approved by two, one by one",
        "before",
        "reveal",
    ),
    "sealed_to_peer": Way(
        "encrypt_in_transit",
        "密封至各接收机关公钥",
        "sealed to each receiving authority's key",
        "before",
        "queue",
    ),
    "registered_peer": Way(
        "verify_recipient",
        "接收机关已登记且为所涉机关",
        "the receiving authority is registered and concerned",
        "before",
        "choose",
    ),
    "to_all_peers": Way(
        "verify_recipient",
        "只投递给已登记的机关",
        "it is queued for registered authorities alone",
        "before",
        "queue",
    ),
    "kept_here": Way(
        "encrypt_in_transit",
        "经本人会话（TLS）送入本机构",
        "it comes into this house over the account's own session, by TLS",
        "before",
        "put",
    ),
    "this_house": Way(
        "verify_recipient",
        "接收方即本机构",
        "the recipient is this house itself",
        "before",
        "put",
    ),
    "marked_rows": Way(
        "list_watermark",
        "每行带接收人水印",
        "each row bears its recipient's watermark",
        "before",
        "marked",
    ),
    "disclosure_rules": Way(
        "sdc_check",
        "发布前经统计披露控制",
        "checked by the rules of disclosure before it leaves",
        "before",
        "bulletin",
    ),
    "noise": Way(
        "sdc_check",
        "加噪并计入隐私预算",
        "noise is added and counted against the budget",
        "before",
        "noisy",
    ),
    "counts_only": Way(
        "sdc_check",
        "文本经个人信息扫描，不含任何个人信息",
        "the text was scanned and holds nothing of a person",
        "before",
        "kinds_in",
    ),
    "area_of_the_pack": Way(
        "coarse_area_only",
        "地名不细于规则包所定级别",
        "no area finer than the pack's level",
        "before",
        "bulletin",
    ),
    "numbered_sheets": Way(
        "custody_log",
        "编号表单，逐张登记发放、回收、销毁",
        "numbered sheets, each issue, return and destruction entered",
        "before",
        "_enter",
    ),
    "notice_no_copy": Way(
        "no_copy",
        "表上载明不得复印，违规申请被拒",
        "the sheet forbids copies and the policy refuses them",
        "before",
        "_enter",
    ),
    "notice_no_photo": Way(
        "no_photo",
        "表上载明不得拍照，违规申请被拒",
        "the sheet forbids photographs and the policy refuses them",
        "before",
        "_enter",
    ),
    "called_back": Way(
        "unified_return",
        "定有回收期限，逾期督办",
        "a time for the return is set, and what is overdue called back",
        "after",
        "_enter",
    ),
    "letters_to_recipients": Way(
        "notify_recipients",
        "向每个持有副本的机关投递更正或删除",
        "a letter to every authority that has a copy",
        "after",
        "queue",
    ),
    "recipients_named": Way(
        "notify_recipients",
        "答复列明须告知的接收方",
        "the answer names the recipients who have to be told",
        "after",
        "_holders",
    ),
    "certificate": Way(
        "purge_certificate",
        "签发销毁证书并入账",
        "a certificate of destruction is signed and logged",
        "after",
        "sign",
    ),
    "erasure_entry": Way(
        "purge_certificate",
        "删除入账，账目为证",
        "the erasure is an entry of the ledger, which proves it",
        "after",
        "record",
    ),
}


def left(asked: Asked, going: Collection[str] = ()) -> list[str]:
    """Obligations of the decision that nobody discharges, sorted; ``going``: the ways that the caller goes."""
    met = {
        way.duty for name, way in WAYS.items() if (name in going if way.holds is None else way.holds(asked))
    }
    return sorted(asked.decision.obligations - met)
