"""An installation that is no demonstration, its people with passwords, and a browser before its pages."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.foundation.clock import SetClock
from lianfang.guard.accounts import factors
from lianfang.services import accounts
from lianfang.services.installation import Installation, create
from loop import MORNING

PASSWORD = "seven herons over the river"
BOSS = "sun.li"
URL = "https://testserver"


def make(home: Path, **settings: Any) -> Installation:
    """The installation with its administrator and one account for each of the demonstration's names."""
    values = {"adcode": "429900", "authority_id": "linjiang-cdc", "public_url": URL, **settings}
    inst = create(home, settings=values, clock=SetClock(MORNING))
    accounts.add(inst, None, BOSS, role="administrator", password=PASSWORD)
    boss = accounts.person(inst, BOSS)
    trained = inst.today() + timedelta(days=200)
    for name, display, role in accounts.DEMONSTRATION:
        accounts.add(inst, boss, name, role=role, display=display, password=PASSWORD, trained_until=trained)
    return inst


def move(inst: Installation, **span: float) -> None:
    """Move the installation's clock on."""
    assert isinstance(inst.clock, SetClock)
    inst.clock.move(timedelta(**span))


class Browser:
    """One device: it keeps its cookies, puts the form's token into what it posts, and knows its seed."""

    def __init__(self, inst: Installation, name: str, seed: str = "", app: Any = None) -> None:
        self.inst, self.name, self.seed = inst, name, seed
        self.client = TestClient(app or create_app(inst), base_url=URL, follow_redirects=False)

    @property
    def token(self) -> str:
        return form_token(self.client.cookies.get(COOKIE, ""))

    def get(self, path: str, lang: str = "en") -> httpx.Response:
        return self.client.get(path, headers={"accept-language": lang})

    def post(self, path: str, **fields: Any) -> httpx.Response:
        return self.client.post(path, data={"token": self.token, **fields}, headers={"accept-language": "en"})

    def json(self, path: str, *, method: str = "POST", **body: Any) -> httpx.Response:
        headers = {"x-lianfang-token": self.token}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        """The first factor: name and password."""
        self.client.cookies.delete(COOKIE) if COOKIE in self.client.cookies else None
        return self.client.post("/signin", data={"name": self.name, "password": password})

    def code(self) -> str:
        """The next code: the clock moves on by a step, as no code counts twice."""
        move(self.inst, seconds=30)
        return factors.code_at(self.seed, int(self.inst.now().timestamp()) // factors.STEP)

    def second(self, **fields: Any) -> httpx.Response:
        return self.post("/second", **(fields or {"code": self.code()}))

    def enrol(self) -> list[str]:
        """One-time passwords by the account's page; gives the recovery codes that it shows."""
        assert self.post("/account/totp").status_code == 303
        page = self.get("/account").text
        self.seed = re.search(r'class="seed"><code>([A-Z2-7]+)</code>', page).group(1)  # type: ignore[union-attr]
        answer = self.post("/account/totp/confirm", code=self.code())
        assert answer.status_code == 200, answer.text
        return re.findall(r"<li><code>([A-Z2-9-]{29})</code>", answer.text)

    def come(self) -> Browser:
        """Sign in with both factors, enrolling the second when there is none."""
        assert self.sign_in().status_code == 303
        if self.seed:
            assert self.second().status_code == 303
        else:
            assert len(self.enrol()) == 10
        return self

    def register(self, approver: Browser, label: str = "工作手机") -> str:
        """Have this device registered by another person; gives the terminal's id."""
        made = self.json("/account/terminals", label=label)
        assert made.status_code == 201, made.text
        terminal = str(made.json()["terminal_id"])
        assert approver.post(f"/terminals/{terminal}/approve").status_code == 303
        return terminal
