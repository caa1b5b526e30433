"""The five minutes: one outbreak played through the same services that the pages call.

Each step looks first at what is there, so a tour that was killed goes on where it stopped, and playing it again
changes nothing. The people are the demonstration's; the answers at the door and in the laboratory come from
``answers``, the simulator of the world outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from lianfang.foundation.clock import SetClock, day_bounds
from lianfang.foundation.errors import NotFound
from lianfang.services import (
    accounts,
    attaching,
    bulletin,
    closing,
    contacts,
    events,
    genomes_day,
    laboratory,
    orders,
    tour_gifts,
    visits,
)
from lianfang.services import attack as attacking
from lianfang.services import today as morning
from lianfang.services.installation import SYSTEM, Installation

if TYPE_CHECKING:
    from lianfang.store import Row

Say = Callable[[str, str, str], None]
#: Most contacts that the tour locks: those at high risk, the first twelve.
LOCKED = 12


class Answers(Protocol):
    """The world outside: what a worker finds at the door, what a laboratory measures."""

    def visit(self, phone: str) -> tuple[float, list[str]]:
        """Temperature and symptoms of the person with this phone today."""

    def sample(self, phone: str) -> str:
        """``positive`` or ``negative``."""


@dataclass
class Story:
    """What happened, by step: for the transcript, the report and the tests."""

    event_id: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[str, str, str]] = field(default_factory=list)


def play(inst: Installation, answers: Answers, *, say: Say, holder: str, upto: str = "publish") -> Story:
    """Play the steps in order and stop after ``upto`` (a name of :data:`STEPS`)."""
    story = Story()

    def told(step: str, zh: str, en: str) -> None:
        story.lines.append((step, zh, en))
        say(step, zh, en)

    for name, step in STEPS.items():
        step(inst, story, answers, told, holder)
        if name == upto:
            break
    return story


def _open(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    epi = accounts.person(inst, "wang.yi")
    opened = [row for row in events.listing(inst, epi) if row["status"] in ("open", "closed")]
    if opened:
        story.event_id = str(opened[0]["event_id"])
        if opened[0]["status"] == "open":
            attaching.settle(inst, epi, story.event_id)
        return
    found = morning.today(inst, epi)
    clusters = [alert for alert in found["alerts"] if alert["method"].startswith("cluster")]
    if not clusters:
        raise NotFound("There is no cluster alarm to open an event for.", hint="Run the daily cycle first.")
    alert = clusters[0]
    others = len(found["alerts"]) - len(clusters)
    cases = int(alert["observed"])
    say(
        "signal",
        f"{found['as_of']}：{cases} 例不明原因肺炎同在「{alert['value']}」工作；另有 {others} 项监测预警。",
        f"{found['as_of']}: {cases} unexplained pneumonias share {alert['value']}; {others} other signals.",
    )
    fields = events.propose(inst, epi, alert["alert_id"])
    story.event_id = events.open_event(inst, epi, fields)
    story.figures |= {"cases": cases, "alert": alert["alert_id"]}
    say(
        "open",
        f"王医师启动事件「{fields['title']}」：{fields['level']} 级响应，数据留存至 {fields['retention_until']}。",
        f"Event opened by a signed act: level {fields['level']}, data end on {fields['retention_until']}.",
    )


def _order(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    from lianfang.records import HolderOrder, OrderAnswer
    from lianfang.store import rows

    epi = accounts.person(inst, "wang.yi")
    with inst.store.read() as connection:
        drawn = rows(connection, HolderOrder, event_id=story.event_id)
        answered = rows(connection, OrderAnswer, event_id=story.event_id)
    if not answered:
        row = drawn[0] if drawn else orders.draft(inst, epi, story.event_id, holder=holder)
        say(
            "order",
            f"调取令 {row['order_id']}：{row['index_count']} 个指示病例的标记，期间 {row['period_start']:%m-%d} 至 "
            f"{row['period_end']:%m-%d}，最多返回 {row['row_cap']} 行。",
            f"Order {row['order_id']}: tokens of {row['index_count']} index cases, at most {row['row_cap']} rows back.",
        )
        answered = [orders.send(inst, epi, row["order_id"])]
    answer = answered[0]
    story.figures |= {"rows_searched": answer["rows_searched"], "candidates": answer["candidates"]}
    say(
        "answer",
        f"持有方在本地检索 {answer['rows_searched']:,} 行，返回 {answer['candidates']} 个标记；见到的姓名：0。",
        f"The holder searched {answer['rows_searched']:,} rows at home and returned {answer['candidates']} tokens; "
        "0 names seen.",
    )


def _lock(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    epi = accounts.person(inst, "wang.yi")
    found = contacts.ranked(inst, epi, story.event_id)
    if contacts.locks(inst, epi, story.event_id):
        return
    chosen = [row for row in found if row["level"] == "high"][:LOCKED] or found[:LOCKED]
    lock_id = contacts.lock(
        inst,
        epi,
        story.event_id,
        [row["contact_id"] for row in chosen],
        reason="高风险密切接触者，须当日联系",
        worker="li.she",
    )
    best = contacts.reasons_in_words(chosen[:1], "zh")[chosen[0]["contact_id"]]
    best_en = contacts.reasons_in_words(chosen[:1], "en")[chosen[0]["contact_id"]]
    story.figures |= {"locked": len(chosen), "lock_id": lock_id}
    say(
        "lock",
        f"锁定 {len(chosen)} 名高风险接触者。第一名的依据：{'；'.join(best)}",
        f"{len(chosen)} contacts at high risk locked. Evidence of the first: {'; '.join(best_en)}",
    )


def _name(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    epi, officer = accounts.person(inst, "wang.yi"), accounts.person(inst, "chen.ren")
    lock = contacts.locks(inst, epi, story.event_id)[0]
    if lock["status"] == "named":
        return
    if lock["status"] == "locked":
        contacts.approve(inst, officer, lock["lock_id"], note="演示")
        say(
            "approve",
            "陈专员（个人信息保护负责人）作为第二人批准（演示）。",
            "The data-protection officer approves as the second person (demonstration).",
        )
    named = contacts.name(inst, epi, lock["lock_id"])
    rest = len([row for row in contacts.ranked(inst, epi, story.event_id) if row["status"] == "candidate"])
    story.figures |= {"named": named, "unreadable": rest}
    say(
        "name",
        f"{named} 人已交办给社区工作者李；其余 {rest} 个标记仍不可读。",
        f"{named} persons named to worker Li; {rest} tokens remain unreadable.",
    )


def _visit(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    worker = accounts.person(inst, "li.she")
    ill = 0
    mine = visits.tasks(inst, worker)
    for task in mine:
        contact_id = task["contact_id"]
        if task["due"]:
            phone = _phone(inst, contact_id)
            temperature, symptoms = answers.visit(phone)
            visits.record_visit(
                inst, worker, contact_id, reached=True, temperature=temperature, symptoms=symptoms
            )
        seen = visits.task(inst, worker, contact_id)
        if any(visits.is_ill(row) for row in seen["follow_ups"]):
            ill += 1
            if not seen["samples"]:
                visits.order_sample(inst, worker, contact_id)
    story.figures["visited"] = len(mine)
    say(
        "visit",
        f"李走访 {len(mine)} 人，{ill} 人发热或有症状，已开具检测。",
        f"Li visits {len(mine)} persons; {ill} have a fever or symptoms and are tested.",
    )


def _phone(inst: Installation, contact_id: str) -> str:
    """How the simulator knows a person: by the phone that the worker reads, and that reading is logged."""
    shown = visits.particulars(inst, accounts.person(inst, "li.she"), contact_id, terminal="tour")
    return shown.get("phone", "")


def _result(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    lab = accounts.person(inst, "zhao.jian")
    positive = 0
    for sample in laboratory.waiting(inst, lab):
        if sample["status"] == "tested":
            positive += sample["result"] == "positive"
            continue
        found = answers.sample(_phone(inst, sample["contact_id"]))
        outcome = laboratory.report(inst, lab, sample["sample_no"], result=found)
        positive += outcome["result"] == "positive"
    story.figures["positive"] = positive
    say(
        "result",
        f"检测结果（由实验室模拟器给出）：阳性 {positive} 例，已转为确诊病例。",
        f"Results (from the laboratory's simulator): {positive} positive, now confirmed cases.",
    )


def _genomes(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    """What waited on the desk until its samples had an event is read now."""
    event = events.get(inst, story.event_id)
    if event["status"] != "open":
        return
    genomes_day.take(inst, inst.today())
    said = genomes_day.weighed(inst, event, inst.today())
    count, sizes = said["genomes"], said.get("clusters", [])
    story.figures["genomes"] = count
    if not count:
        return
    say(
        "genomes",
        f"样本基因组（模拟）{count} 条：{len(sizes)} 个聚类，最大 {max(sizes, default=0)} 条；"
        f"失配引物 {len(said['misfits'])} 处；序列只带样本编号。",
        f"{count} genomes of samples (simulated): {len(sizes)} clusters, the largest of {max(sizes, default=0)}; "
        f"{len(said['misfits'])} misfits of primers; a sequence bears a sample's number and nothing else.",
    )


def _gift(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    if events.get(inst, story.event_id)["status"] != "open":
        return
    one = tour_gifts.bring(inst, story.event_id)
    steps, last = len(one["steps"]), one["steps"][-1]["log_index"]
    used = one["holds"]["used"]
    story.figures |= {"gift_steps": steps, "gift_used": used}
    say(
        "gift",
        f"一批外科口罩 {used:,} 只（模拟捐赠）从捐赠人到呼吸内科：{steps} 步均已签名，末步为公开日志第 {last} 号。",
        f"A gift of {used:,} surgical masks (simulated) is traced from donor to ward: {steps} signed "
        f"steps, the last is entry {last} of the public log.",
    )


def _publish(inst: Installation, story: Story, answers: Answers, say: Say, holder: str) -> None:
    manager = accounts.person(inst, "zhou.zhuren")
    held = [row for row in bulletin.published(inst) if row["event_id"] == story.event_id]
    row = held[0] if held else bulletin.publish(inst, manager, story.event_id)
    proof = bulletin.document(inst, story.event_id, row["number"])
    found = bulletin.verify(proof, key=bulletin.verifier_key(inst))
    story.figures |= {"bulletin": row["number"], "log_index": found["log_index"], "verified": found["valid"]}
    withheld_zh, withheld_en = (bulletin.summary(row["withheld"], lang) or "–" for lang in ("zh", "en"))
    say("publish", row["content"]["texts"]["zh"], row["content"]["texts"]["en"])
    say("withheld", f"未公开：{withheld_zh}。", f"Withheld: {withheld_en}.")
    say(
        "verify",
        f"离线核验：有效，公开日志第 {found['log_index']} 号。",
        f"Verified offline: VALID, entry {found['log_index']} of the public log.",
    )
    report = attacking.attack(inst, manager, story.event_id)["report"]
    story.figures["recovered"] = report.recovered
    say(
        "attack",
        f"攻击检验：{report.releases} 份通报合并推算，可准确推算 {report.recovered} 项。",
        f"Attack on {report.releases} bulletin(s) together: {report.recovered} withheld items recovered.",
    )


STEPS = {
    "open": _open,
    "order": _order,
    "lock": _lock,
    "name": _name,
    "visit": _visit,
    "result": _result,
    "genomes": _genomes,
    "gift": _gift,
    "publish": _publish,
}


def end(inst: Installation, story: Story, *, say: Say) -> None:
    """Release, close, move the clock to the deadline, and end the data."""
    event = events.get(inst, story.event_id)
    if event["status"] == "open":
        epi, manager = accounts.person(inst, "wang.yi"), accounts.person(inst, "zhou.zhuren")
        for row in _observed(inst, story.event_id):
            visits.release(inst, epi, row["contact_id"], reason="事件终止")
        closing.close(inst, manager, story.event_id, "演示：28天无新发病例")
        say("close", "周主任签名终止事件。", "The manager closes the event by a signed act.")
    later = events.get(inst, story.event_id)["retention_until"]
    say(
        "kept",
        f"数据保留至 {later}；现在把时钟拨到这一天。",
        f"The data are kept until {later}; now the clock is set there.",
    )
    inst.clock = SetClock(day_bounds(later, inst.settings.zone)[0])
    content = closing.expire(inst, SYSTEM, story.event_id)
    gone = sum(content["deleted_rows"].values())
    story.figures["deleted"] = gone
    say(
        "certificate",
        f"密钥已销毁，删除 {gone} 行，持有方已清除；证书已签名并记入日志。",
        f"Keys destroyed, {gone} rows deleted, the holder purged; the certificate is signed and logged.",
    )


def _observed(inst: Installation, event_id: str) -> list[Row]:
    from lianfang.records import ObservationOrder
    from lianfang.store import rows

    with inst.store.read() as connection:
        return rows(connection, ObservationOrder, event_id=event_id, status="active")
