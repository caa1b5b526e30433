"""A person of the demonstration before the pages."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.services import accounts
from lianfang.services.installation import Installation


class Desk:
    """A person of the demonstration before the pages."""

    def __init__(self, inst: Installation, account: str) -> None:
        self.client = TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)
        assert self.client.post("/enter", data={"link": accounts.link(inst, account)}).status_code == 303
        self.token = form_token(self.client.cookies[COOKIE])

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(path, data={"token": self.token, **fields})
