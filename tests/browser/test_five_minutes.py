"""The five minutes by real clicks: a process for the centre, a process for the holder's node, Chromium before them.

The tour runs twice: in Chinese on a desk's screen, and in English on a phone with JavaScript off. Every page on the
way is examined (``audit``): no name but on the worker's page, no error in the console, nothing the policy blocked.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from browser.audit import problems

Run = Callable[..., "subprocess.CompletedProcess[str]"]
pytestmark = pytest.mark.browser
SHOTS = os.environ.get("LIANFANG_SHOTS", "")
#: An invented person's phone; tokens are hexadecimal and may hold its first digits.
PHONE = re.compile(r"(?<![0-9a-f])154\d{8}(?![0-9a-f])")
WORDS = {
    "zh": {
        "enter": "进入",
        "judge": "判断：启动事件或排除",
        "open": "确认启动（签名行为）",
        "draw": "拟写调取令",
        "signed text": "签名文本",
        "send": "签名并发送",
        "ranking": "查看排序",
        "lock": "锁定",
        "withdraw": "撤回锁定",
        "demonstration": re.compile("演示按钮"),
        "name": re.compile("^交办"),
        "switch": "切换",
        "particulars": "显示联系方式（将被记录）",
        "temperature": "体温 °C",
        "cough": "咳嗽",
        "save": "保存",
        "test": "开具核酸检测",
        "positive": "阳性",
        "prepare": "拟写今日通报",
        "publish": "签名并发布",
        "valid": "签名有效",
        "download": "下载通报文件",
        "log": "查阅记录",
        "release": "解除观察",
        "reason": "理由",
        "close": "签名终止",
        "closed": "已终止",
        "evidence": re.compile(r"定位记录|同一场所|同车|同住|接触"),
        "chart": "图（SVG）",
        "table": "表（CSV）",
        "list": "导出已批准的名单（CSV，仅标记）",
    },
    "en": {
        "enter": "Enter",
        "judge": "Judge: open an event or dismiss",
        "open": "Confirm: open (a signed act)",
        "draw": "Draw up an order",
        "signed text": "Signed text",
        "send": "Sign and send",
        "ranking": "See the ranking",
        "lock": "Lock",
        "withdraw": "Withdraw the lock",
        "demonstration": re.compile("^Demonstration button"),
        "name": re.compile("^Name them"),
        "switch": "Switch",
        "particulars": "Show how to reach the person (this is recorded)",
        "temperature": "Temperature °C",
        "cough": "cough",
        "save": "Save",
        "test": "Order a PCR test",
        "positive": "Positive",
        "prepare": "Prepare today's bulletin",
        "publish": "Sign and publish",
        "valid": "Signature valid",
        "download": "Download the bulletin's file",
        "log": "Who looked",
        "release": "End observation",
        "reason": "Reason",
        "close": "Sign and close",
        "closed": "closed",
        "evidence": re.compile(r"positions|same place|together|met "),
        "chart": "Chart (SVG)",
        "table": "Table (CSV)",
        "list": "Export the approved list (CSV, tokens only)",
    },
}


@dataclass
class Tour:
    """A person before the browser: clicks, looks at each page, remembers what was seen."""

    page: Any
    lang: str
    wide: int
    texts: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.noise.append(f"page error: {error}"))
        self.page.on("requestfailed", self._failed)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.noise.append(f"{message.type}: {message.text}")

    def _failed(self, request: Any) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # a download, or a page left before it had ended
            self.noise.append(f"failed: {request.url} {request.failure}")

    def word(self, name: str) -> Any:
        return WORDS[self.lang][name]

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=self.word(name), exact=isinstance(self.word(name), str))

    def link(self, name: str) -> Any:
        return self.page.get_by_role("link", name=self.word(name), exact=isinstance(self.word(name), str))

    def look(self, name: str) -> str:
        """Examine the page as it stands and keep its whole text."""
        self.texts[name] = self.page.content()
        self.wrong += [f"{name}: {one}" for one in problems(self.page, self.lang)]
        if SHOTS:
            self._picture(name)
        return self.texts[name]

    def _picture(self, name: str) -> None:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        for scheme in ("dark", "light"):
            self.page.emulate_media(color_scheme=scheme)
            self.page.screenshot(
                path=f"{SHOTS}/{self.lang}-{len(self.texts):02d}-{name}-{scheme}.png", full_page=True
            )

    def act_as(self, account: str) -> None:
        self.page.locator("select[name=account]").select_option(account)
        self.button("switch").click()

    def save(self, link: Any) -> Path:
        with self.page.expect_download() as caught:
            link.click()
        return Path(caught.value.path())


@pytest.fixture(params=[("zh", "zh-CN", 1440, True), ("en", "en-US", 390, False)], ids=["zh-1440", "en-390"])
def tour(request: pytest.FixtureRequest, browser: Any) -> Iterator[Tour]:
    lang, locale, wide, script = request.param
    context = browser.new_context(
        locale=locale,
        viewport={"width": wide, "height": 844 if wide < 500 else 900},
        has_touch=wide < 500,
        java_script_enabled=script,
        accept_downloads=True,
    )
    context.set_default_timeout(60_000)
    yield Tour(context.new_page(), lang, wide)
    context.close()


def test_the_five_minutes(tour: Tour, started: str, people: list[str], lianfang: Run, tmp_path: Path) -> None:
    event = _signal_to_names(tour, started)
    person = _visit(tour)
    _result(tour)
    file = _publish(tour, event)
    _verify(lianfang, file, tmp_path)
    _who_looked(tour)
    _release_and_close(tour, event)
    assert tour.wrong == []
    assert tour.noise == []
    for name, text in tour.texts.items():
        if name != "particulars":
            assert not PHONE.search(text), name
            assert person not in text, name
            assert [one for one in people if one in text] == [], name


def _signal_to_names(tour: Tour, started: str) -> str:
    page = tour.page
    page.goto(started)
    tour.look("enter")
    tour.button("enter").click()
    page.wait_for_url("**/today*")
    tour.look("today")
    _focus_is_seen(page)
    page.locator(".card.hot").first.get_by_role("link", name=tour.word("judge")).click()
    page.wait_for_url("**/alerts/*")
    tour.look("alert")
    tour.button("open").click()
    page.wait_for_url("**/events/*done=opened")
    event = re.search(r"/events/([^/?]+)", page.url).group(1)  # type: ignore[union-attr]
    tour.look("event-opened")
    tour.button("draw").click()
    page.wait_for_url("**done=drawn")
    page.get_by_text(tour.word("signed text")).click()
    shown = json.loads(page.locator("pre").inner_text())
    assert event in json.dumps(shown)
    tour.look("order-drawn")
    tour.button("send").click()
    page.wait_for_url(re.compile(r"/orders/[^?]+$"))
    tour.link("ranking").wait_for()  # the page comes again by itself until the holder has answered
    tour.look("order-answered")
    tour.link("ranking").click()
    page.wait_for_url("**/contacts")
    text = tour.look("contacts")
    assert tour.word("evidence").search(page.locator("table.contacts tbody").inner_text())
    assert not PHONE.search(text)
    return event


def _focus_is_seen(page: Any) -> None:
    """Whoever goes by the keyboard sees where: each stop has an outline and lies within the window."""
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        where = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
            return [e.outerHTML.slice(0, 80), s.outlineStyle, parseFloat(s.outlineWidth),
            r.right > 0 && r.bottom > 0]; }"""
        )
        assert where[1] != "none" and where[2] >= 2 and where[3], where
        seen.add(where[0])
    assert len(seen) >= 8


def _visit(tour: Tour) -> str:
    page = tour.page
    contacts = page.url
    chosen = page.locator("input[name=contact]:checked").count()
    assert chosen > 0
    tour.button("lock").click()
    page.wait_for_url("**done=locked")
    tour.look("locked")
    tour.button("withdraw").click()
    page.wait_for_url("**done=withdrawn")
    page.goto(contacts)
    assert page.locator("input[name=contact]:checked").count() == chosen
    tour.button("lock").click()
    page.wait_for_url("**done=locked")
    tour.button("demonstration").click()
    page.wait_for_url("**done=approved")
    tour.look("approved")
    tour.button("name").click()
    page.wait_for_url("**done=named")
    tour.look("named")
    tour.act_as("li.she")
    page.wait_for_url("**/my*")
    tour.look("my")
    assert page.locator("a.task").count() == chosen
    my = page.url.partition("?")[0]
    page.locator("a.task").first.click()
    page.wait_for_url("**/my/*")
    tour.look("visit")
    tour.button("particulars").click()
    page.locator("dl.person").wait_for()
    tour.look("particulars")
    name, phone = (page.locator("dl.person dd").nth(n).inner_text().strip() for n in (0, 1))
    assert len(name) >= 2 and re.fullmatch(r"154\d{8}", phone)
    page.get_by_label(tour.word("temperature")).fill("38.1")
    page.get_by_label(tour.word("cough")).check()
    tour.button("save").click()
    page.wait_for_url("**done=advised*")
    assert name not in tour.look("visited")
    tour.button("test").click()
    page.wait_for_url("**done=ordered*")
    tour.look("test-ordered")
    page.goto(my)
    page.locator("a.task.due").first.click()
    page.wait_for_url(re.compile(r"/my/[^?]+$"))
    page.get_by_label(tour.word("temperature")).fill("36.6")
    tour.button("save").click()
    page.wait_for_url("**done=visited*")
    tour.look("well")
    return str(name)


def _result(tour: Tour) -> None:
    tour.act_as("zhao.jian")
    tour.page.wait_for_url("**/laboratory*")
    tour.look("laboratory")
    tour.button("positive").click()
    tour.page.wait_for_url("**done=resulted*")
    tour.look("laboratory-done")


def _publish(tour: Tour, event: str) -> Path:
    page = tour.page
    tour.act_as("zhou.zhuren")
    page.wait_for_url("**/today*")
    tour.look("today-manager")
    page.locator(f"a[href='/events/{event}']").first.click()
    page.wait_for_url(f"**/events/{event}")
    tour.look("event-manager")
    tour.link("prepare").click()
    page.wait_for_url("**/bulletin")
    tour.look("bulletin-draft")
    tour.button("publish").click()
    page.wait_for_url("**/public/**")
    page.get_by_text(tour.word("valid")).wait_for()
    tour.look("bulletin")
    return tour.save(tour.link("download"))


def _verify(lianfang: Run, file: Path, tmp_path: Path) -> None:
    """The file verifies with the command line alone; with one figure changed it is refused."""
    good = tmp_path / "bulletin.lianfang.json"
    text = file.read_text(encoding="utf-8")
    good.write_text(text, encoding="utf-8")
    done = lianfang("verify", str(good), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    changed = re.sub(r"(\d)(?=例)", lambda m: str((int(m.group(1)) + 1) % 10), text, count=1)
    assert changed != text
    bad = tmp_path / "tampered.lianfang.json"
    bad.write_text(changed, encoding="utf-8")
    refused = lianfang("verify", str(bad))
    assert refused.returncode in (3, 4), refused.stdout + refused.stderr


def _who_looked(tour: Tour) -> None:
    tour.link("log").click()
    tour.page.wait_for_url("**/log")
    tour.look("log")
    assert "li.she" in tour.page.locator("table").first.inner_text()


def _release_and_close(tour: Tour, event: str) -> None:
    page = tour.page
    tour.act_as("wang.yi")
    page.wait_for_url("**/today*")
    page.locator(f"a[href='/events/{event}']").first.click()
    page.wait_for_url(f"**/events/{event}")
    tour.look("event-after")
    _files(tour)
    page.locator(f"a[href='/events/{event}/contacts']").click()
    page.wait_for_url("**/contacts")
    tour.look("contacts-after")
    _list(tour)
    row = page.locator("form[action$='/release']").first
    row.get_by_label(tour.word("reason")).fill("复核为非密切接触者 / not a contact after all")
    row.get_by_role("button", name=tour.word("release")).click()
    page.wait_for_url("**done=released")
    tour.look("released")
    tour.act_as("zhou.zhuren")
    page.wait_for_url("**/today*")
    page.locator(f"a[href='/events/{event}']").first.click()
    page.wait_for_url(f"**/events/{event}")
    close = page.locator(f"form[action='/events/{event}/close']")
    close.get_by_label(tour.word("reason")).fill("演示结束 / end of the demonstration")
    close.get_by_role("button", name=tour.word("close")).click()
    page.wait_for_url("**done=closed*")
    tour.look("event-closed")
    assert page.locator("h1 .s-closed").inner_text() == tour.word("closed")


def _files(tour: Tour) -> None:
    """The curve leaves as a table and as a chart of its own."""
    table = tour.save(tour.link("table")).read_text(encoding="utf-8-sig").splitlines()
    cases = int(tour.page.locator(".figures dd").first.inner_text())
    assert len(table) > 3 and sum(int(line.split(",")[1]) for line in table[1:]) == cases >= 4
    chart = tour.save(tour.link("chart")).read_text(encoding="utf-8")
    assert chart.startswith("<?xml") and "<script" not in chart


def _list(tour: Tour) -> None:
    """The approved contacts leave as tokens with a watermark."""
    lines = tour.save(tour.link("list")).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("rank,token,") and "wang.yi" in lines[1] and len(lines) > 2
    tour.texts["list.csv"] = "\n".join(lines)
