"""Accounts by real clicks on an installation that is no demonstration: enrolling, passkeys, both widths, no script.

Chromium's own virtual authenticator makes and shows the passkey, so the page's script and the server are judged by
an implementation of WebAuthn that is not ours.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from accountkit import BOSS, PASSWORD, make, move
from browser.audit import problems
from lianfang.api.app import create_app
from lianfang.guard.accounts import factors
from lianfang.services import accounts
from lianfang.services.installation import Installation
from ports import free_port

pytestmark = pytest.mark.browser


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Installation, str]]:
    port = free_port()
    url = f"http://localhost:{port}"
    with make(tmp_path / "home", public_url=url) as inst:
        server = uvicorn.Server(uvicorn.Config(create_app(inst), port=port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield inst, url
        server.should_exit = True
        thread.join(20)


def _page(browser: Any, lang: str, wide: int, *, script: bool = True) -> Any:
    context = browser.new_context(
        locale={"zh": "zh-CN", "en": "en-US"}[lang],
        viewport={"width": wide, "height": 844},
        java_script_enabled=script,
    )
    context.set_default_timeout(30_000)
    return context.new_page()


def _sign_in(page: Any, url: str, name: str) -> None:
    page.goto(f"{url}/signin")
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button.go").click()


def _code(inst: Installation, seed: str) -> str:
    move(inst, seconds=factors.STEP)  # no code counts twice
    return factors.code_at(seed, int(inst.now().timestamp()) // factors.STEP)


@pytest.mark.parametrize(("lang", "wide"), [("zh", 390), ("en", 1440)])
def test_enrolling_and_administering_without_any_script(
    browser: Any, served: tuple[Installation, str], lang: str, wide: int
) -> None:
    inst, url = served
    page = _page(browser, lang, wide, script=False)
    _sign_in(page, url, BOSS)
    page.wait_for_url("**/account")
    wrong = []

    def look(name: str) -> None:
        wrong.extend(f"{name}: {one}" for one in problems(page, lang))

    look("account with one factor")
    page.locator("form[action='/account/totp'] button").click()
    page.locator("p.seed").wait_for()
    look("enrolling")
    seed = page.locator("p.seed").inner_text().strip()
    page.locator("input[name=code]").fill(_code(inst, seed))
    page.locator("form[action='/account/totp/confirm'] button").click()
    page.locator("ul.codes").wait_for()
    look("recovery codes")
    page.goto(f"{url}/accounts")
    page.locator("summary").first.click()
    for one in page.locator("article summary").all():
        one.click()
    look("accounts")
    page.locator("form[action='/accounts/li.she/link'] button").click()
    page.locator("pre").wait_for()
    look("accounts with a link")
    page.goto(f"{url}/terminals")
    look("terminals")
    page.goto(f"{url}/second")
    look("again")
    page.locator("form[action='/signout'] button").click()
    page.wait_for_url("**/signin")
    look("sign in")
    _sign_in(page, url, BOSS)
    page.wait_for_url("**/second")
    look("second factor")
    page.locator("input[name=code]").fill(_code(inst, seed))
    page.locator("form[action='/second'] button").click()
    page.wait_for_url("**/accounts")
    assert wrong == []
    page.context.close()


def test_a_passkey_of_chromiums_own_authenticator(browser: Any, served: tuple[Installation, str]) -> None:
    _, url = served
    page = _page(browser, "en", 1440)
    noise: list[str] = []
    page.on("console", lambda said: noise.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    devtools.send(
        "WebAuthn.addVirtualAuthenticator", {"options": {**options, "automaticPresenceSimulation": True}}
    )
    _sign_in(page, url, "zhou.zhuren")
    page.wait_for_url("**/account")
    page.get_by_label("Name of the passkey").fill("blue key")
    page.get_by_role("button", name="Enrol a passkey").click()
    page.get_by_text("blue key").wait_for()
    assert problems(page, "en") == []
    page.goto(f"{url}/today")
    assert page.url.endswith("/today")
    page.get_by_role("button", name="Sign out").click()
    _sign_in(page, url, "zhou.zhuren")
    page.wait_for_url("**/second")
    assert problems(page, "en") == []
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile("/today$"))
    assert noise == []
    page.context.close()


def test_one_of_ones_own_roles_is_chosen_on_a_phone(browser: Any, served: tuple[Installation, str]) -> None:
    from lianfang.services import staff

    inst, url = served
    boss = accounts.person(inst, BOSS)
    staff.give_role(inst, boss, "wang.yi", role="laboratory", days=9)
    page = _page(browser, "zh", 390, script=False)
    _sign_in(page, url, "wang.yi")
    page.locator("form[action='/account/totp'] button").click()
    seed = page.locator("p.seed").inner_text().strip()
    page.locator("input[name=code]").fill(_code(inst, seed))
    page.locator("form[action='/account/totp/confirm'] button").click()
    page.locator("ul.codes").wait_for()
    assert problems(page, "zh") == []
    page.locator("select[name=role]").select_option("laboratory")
    page.get_by_role("button", name="换角色").click()
    page.wait_for_url("**/laboratory*")
    assert problems(page, "zh") == []
    page.context.close()
