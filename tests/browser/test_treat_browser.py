"""The desk of engines by real clicks: a case classified, a genome read, an RNA folded and zoomed, both widths."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import genomekit
from browser.audit import problems
from lianfang.api.app import create_app
from lianfang.services import accounts
from lianfang.services.installation import Installation
from ports import free_port

pytestmark = pytest.mark.browser
CHANGES = ("C241T", "C3037T", "C14408T", "A23403G", "G28881A", "G28882A", "G28883C")


@pytest.fixture
def served(inst: Installation) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(inst), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://localhost:{port}"
    server.should_exit = True
    thread.join(20)


def enter(browser: Any, inst: Installation, url: str, lang: str, wide: int, account: str) -> Any:
    context = browser.new_context(
        locale={"zh": "zh-CN", "en": "en-US"}[lang], viewport={"width": wide, "height": 900}
    )
    context.set_default_timeout(120_000)  # engines are compiled at their first use
    page = context.new_page()
    page.goto(f"{url}/enter?link={accounts.link(inst, account)}")
    page.locator("form[action='/enter'] button").click()
    page.wait_for_url(re.compile(rf"{url}/(?!enter).*"))
    return page


def keep(page: Any, name: str) -> None:
    if folder := os.environ.get("LIANFANG_SHOTS"):
        Path(folder).mkdir(exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize(("lang", "wide"), [("zh", 390), ("en", 1440)])
def test_a_case_a_genome_and_a_fold(
    browser: Any, inst: Installation, served: str, lang: str, wide: int
) -> None:
    page = enter(browser, inst, served, lang, wide, "zhao.jian")
    wrong: list[str] = []

    def seen(name: str) -> None:
        wrong.extend(f"{name}: {one}" for one in problems(page, lang))
        keep(page, f"{name}-{lang}-{wide}")

    page.goto(f"{served}/treat?edition=cn-7")
    seen("treat")
    for finding in ("contact_positive", "fever", "pneumonia_imaging", "pcr_positive"):
        page.locator(f"input[name=yes][value={finding}]").check()
    page.locator("form[action='/treat/casedef'] button.go").click()
    told = page.locator("[role=status] h3").first.inner_text()
    assert {"zh": "确诊", "en": "onfirmed"}[lang] in told
    seen("case")
    page.locator("textarea[name=sequence]").fill(genomekit.with_changes(genomekit.reference(), *CHANGES))
    page.locator("form[action='/treat/genome'] button").click()
    page.get_by_text("20B").wait_for()
    assert (
        "G28881A" in page.locator("main").inner_text() and "ChinaCDC_N_F" in page.locator("main").inner_text()
    )
    seen("genome")

    page.goto(f"{served}/treat/folding")
    seen("folding")
    page.locator("textarea[name=sequence]").fill(genomekit.reference()[:1_200])
    page.locator("form[action='/treat/folding'] button.go").click()
    page.locator("figure.chart svg").wait_for()
    seen("folded")
    # zoomed until the letters show; then towards 3'
    nav = page.locator("main nav a.button")
    while not page.locator("main pre").count():
        nav.nth(0).click()
        page.locator("figure.chart svg").wait_for()
    first = int(page.locator("input[name=from]").input_value())
    letters = page.locator("main pre").inner_text().split()
    assert letters[0] == str(first) and genomekit.reference()[first - 1 :].replace("T", "U").startswith(
        letters[1]
    )
    nav.nth(3).click()
    page.locator("figure.chart svg").wait_for()
    assert int(page.locator("input[name=from]").input_value()) > first
    seen("zoomed")
    with page.expect_download() as got:
        page.get_by_role("link", name="CT", exact=True).click()
    assert Path(got.value.path()).read_text().split()[0] == "1200"
    page.locator("form[action$='/forget'] button").click()
    page.wait_for_url("**/treat/folding**")
    assert not page.locator("main table").count(), "nothing of it is left"
    assert wrong == []
