"""What an inspection may find, in both languages, and how grave it is."""

from __future__ import annotations

from typing import Any

#: Gravest first.
SEVERITIES = ("error", "warning", "info")

#: code -> severity, Chinese, English, what it rests on.
TEXTS: dict[str, tuple[str, str, str, str]] = {
    "ledger_changed": (
        "error", "账本或保险库与写入时不符：{n} 处", "The ledger or the vault is not as it was written: {n} places",
        "REQ-P-50",
    ),
    "not_readable": (
        "error", "密钥、保险库或账本无法读取（{code}）", "Keys, vault or ledger cannot be read ({code})",
        "REQ-P-66",
    ),
    "reading_without_lock": (
        "error", "身份查阅没有有效的锁定与两人审批：{n} 次",
        "Identities were read without a lock and two approvals: {n} readings", "REQ-P-60, 64",
    ),
    "lock_without_two": (
        "error", "锁定未经两个角色的两人审批", "A lock was opened without two people in two roles", "REQ-P-64",
    ),
    "event_due": (
        "error", "事件已终止且到期，数据尚未销毁", "A closed event's data are due and have not ended", "REQ-P-54",
    ),
    "key_left": (
        "error", "销毁证书已签发，但事件密钥仍在", "A certificate was issued, but the event's keys are still there",
        "REQ-P-44",
    ),
    "certificate_bad": (
        "error", "销毁证书的签名与内容不符", "A certificate's signature does not fit its content", "REQ-P-67",
    ),
    "key_open": (
        "error", "密钥文件或目录可被他人读取（权限 {mode}）", "A key file or folder is open to others (mode {mode})",
        "GB/T 22239 8.1.4",
    ),
    "shared_name": ("error", "账户名为多人共用", "An account bears a name that people share", "REQ-P-37"),
    "drill_failed": ("error", "最近一次恢复演练失败", "The last restore drill failed", "REQ-P-66"),
    "pack_not_valid": (
        "error", "所用规则包今日无效", "The policy pack in force is no law today", "REQ-P-32",
    ),
    "listening": (
        "warning", "服务在回环地址之外监听：{address}", "A service listens beyond loopback: {address}", "REQ-P-71",
    ),
    "home_open": (
        "warning", "安装目录中有文件或目录权限过宽（{mode}）",
        "A file or folder of the installation has a mode that is too wide ({mode})", "REQ-P-66",
    ),
    "no_second_factor": (
        "warning", "{role}：{n} 个账户没有第二因素", "{role}: {n} accounts without a second factor", "REQ-P-69",
    ),
    "no_officer": (
        "warning", "没有在任的个人信息保护负责人", "Nobody holds the role of data-protection officer", "PIPL 52",
    ),
    "role_unused": (
        "warning", "角色 {role} 已超过 {days} 天未使用", "The role {role} was not used for {days} days", "REQ-P-71",
    ),
    "order_overdue": (
        "warning", "调取令逾期未答", "An order was not answered in time", "REQ-P-13",
    ),
    "paper_lost": ("warning", "纸质表遗失：{n} 张", "Paper forms are lost: {n} sheets", "REQ-P-48"),
    "paper_overdue": (
        "warning", "纸质表逾期未回收：{n} 张", "Paper forms were not returned in time: {n} sheets", "REQ-P-48",
    ),
    "task_overdue": ("warning", "预案任务逾期：{n} 项", "Tasks of the plan are overdue: {n}", "REQ-P-25"),
    "job_failed": ("warning", "任务失败：{n} 个（{kind}）", "Jobs failed: {n} ({kind})", ""),
    "no_data_backup": (
        "warning", "{days} 天内没有数据备份", "No backup of the data within {days} days", "REQ-P-66",
    ),
    "no_key_backup": (
        "warning", "{days} 天内没有密钥备份", "No backup of the keys within {days} days", "REQ-P-66",
    ),
    "no_drill": (
        "warning", "{days} 天内没有通过的恢复演练", "No restore drill was passed within {days} days", "REQ-P-66",
    ),
    "leftover": (
        "warning", "目录中有 {n} 个超过 {days} 天的文件", "A folder holds {n} files older than {days} days",
        "REQ-P-33, 54",
    ),
    "role_ends": ("info", "角色 {role} 于 {day} 到期", "The role {role} ends on {day}", "REQ-P-71"),
    "role_ended": ("info", "角色 {role} 已于 {day} 到期", "The role {role} ended on {day}", "REQ-P-71"),
    "pack_superseded": (
        "info", "所用规则包已有后继：{by}", "The policy pack in force has a successor: {by}", "",
    ),
    "demonstration": (
        "info", "演示模式：单人审批与一次性链接登录", "Demonstration mode: one-person approvals, links to sign in", "",
    ),
    "clock_shifted": ("info", "时钟已拨动：{offset}", "The clock is shifted: {offset}", ""),
}  # fmt: skip


def finding(code: str, where: str = "", /, **values: Any) -> dict[str, str]:
    """A finding in both languages. ``where``: an id, an account or a folder, never what somebody typed."""
    severity, zh, en, basis = TEXTS[code]
    return {
        "code": code,
        "severity": severity,
        "where": where,
        "zh": zh.format(**values),
        "en": en.format(**values),
        "basis": basis,
    }


def ordered(found: list[dict[str, str]]) -> list[dict[str, str]]:
    """The gravest first, each kind together."""
    kinds = list(TEXTS)
    return sorted(found, key=lambda one: (kinds.index(one["code"]), one["where"]))
