"""The pages and routes of gifts: the staff's forms, the public page, one's own gift by its code, the real accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from giftkit import DEPOT, DONOR, EAST, N95, PHONE, WEST, Desk, desk
from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.services import accounts, gifts, tour_gifts
from lianfang.services.installation import Installation, Who

CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){4}")


@pytest.fixture
def at(inst: Installation, staff: dict[str, Who], event_id: str) -> Desk:
    return desk(inst, staff, event_id)


@pytest.fixture
def client(at: Desk) -> Iterator[TestClient]:
    yield TestClient(create_app(at.inst), base_url="https://testserver", follow_redirects=False)


def enter(at: Desk, client: TestClient, role: str) -> str:
    client.cookies.clear()
    answer = client.post("/enter", data={"link": accounts.link(at.inst, at.staff[role].account)})
    assert answer.status_code == 303
    return form_token(client.cookies[COOKIE])


def post(client: TestClient, token: str, path: str, **fields: object) -> None:
    answer = client.post(path, data={"token": token, **fields})
    assert answer.status_code == 303, (path, answer.text[:2000])


def test_the_whole_way_by_the_pages(at: Desk, client: TestClient) -> None:
    token = enter(at, client, "supply_officer")
    fields = {"event_id": at.event_id, "item": N95, "quantity": 100, "directed_to": WEST, "name": DONOR,
              "phone": PHONE, "show": "1"}  # fmt: skip
    made = client.post("/gifts", data={"token": token, **fields})
    assert made.status_code == 200 and DONOR not in made.text
    code = CODE.search(made.text)[0]  # type: ignore[index]
    gift_id = gifts.listing(at.inst, at.supply)[0]["gift_id"]
    base = f"/gifts/{gift_id}"
    post(client, token, f"{base}/receive", place=DEPOT, quantity=100)
    token = enter(at, client, "laboratory")
    given = {"depot": DEPOT, "source": "received", "accepted": 100, "item": N95, "lot_no": "L7",
             "expires_on": at.expiry.isoformat()}  # fmt: skip
    wrong = client.post(f"{base}/inspect", data={"token": token, **given, "mark": "GB 2626-2019 KN95"})
    assert wrong.status_code == 422 and "NIOSH N95" in wrong.text
    post(client, token, f"{base}/inspect", mark="NIOSH N95", **given)
    lot = gifts.show(at.inst, at.supply, gift_id)["holdings"][0]["at"]
    token = enter(at, client, "supply_officer")
    post(client, token, f"{base}/lots/{lot}/store", quantity=100, shelf="A-3")
    token = enter(at, client, "manager")
    refused = {"token": token, "body_id": EAST, "quantity": 10, "reason": "urgent"}
    assert client.post(f"{base}/lots/{lot}/allocate", data=refused).status_code == 403  # it is directed
    post(client, token, f"{base}/lots/{lot}/allocate", body_id=WEST, quantity=60, reason="urgent")
    made_out = next(one for one in gifts.show(at.inst, at.supply, gift_id)["holdings"] if one["allocation"])[
        "at"
    ]
    out = f"{base}/allocations/{made_out}"
    token = enter(at, client, "supply_officer")
    post(client, token, f"{out}/dispatch", quantity=60)
    token = enter(at, client, "clinician")
    post(client, token, f"{out}/deliver", quantity=60)
    post(client, token, f"{out}/use", quantity=50, text="ICU")
    # the staff's page shows the steps, and the donor only when he is asked for
    token = enter(at, client, "supply_officer")
    assert DONOR not in client.get(base).text
    assert PHONE in client.post(f"{base}/donor", data={"token": token}).text
    last = gifts.steps(at.inst, at.supply, gift_id)[-1]["step_id"]
    post(client, token, f"{base}/steps/{last}/reverse", reason="the wrong ward")
    client.cookies.clear()
    for lang, words in (("zh", ("城西医院", "更正（冲正）")), ("en", ("West hospital", "correction"))):
        found = client.post("/public/gifts", data={"code": code}, headers={"accept-language": lang})
        assert found.status_code == 303
        seen = client.get(found.headers["location"], headers={"accept-language": lang}).text
        assert all(word in seen for word in (*words, DONOR, "NIOSH N95"))
        assert PHONE not in seen and "A-3" not in seen
        assert not any(who.account in seen for who in at.staff.values())
    assert DONOR in client.get("/public/gifts").text
    unnamed = client.post(f"{found.headers['location']}/unname")
    assert unnamed.status_code == 303 and DONOR not in client.get("/public/gifts").text


def test_what_is_no_code_goes_into_no_address(client: TestClient) -> None:
    for text in ("", "x", PHONE, "0000-0000-0000-0000-0000"):
        answer = client.post("/public/gifts", data={"code": text})
        if answer.status_code == 303:
            assert client.get(answer.headers["location"]).status_code == 404
        else:
            assert answer.status_code in (404, 422) and "location" not in answer.headers
    crossed = client.post(
        "/public/gifts", data={"code": "x"}, headers={"origin": "https://elsewhere.example"}
    )
    assert crossed.status_code == 403


def test_is_this_the_real_account_on_the_page(at: Desk, client: TestClient) -> None:
    at.account()
    for number, word in (
        ("4299000011112222", "verified account"),
        ("4299000011112223", "Warning"),
        ("1234567", "not in"),
    ):
        answer = client.post("/public/accounts", data={"number": number}, headers={"accept-language": "en"})
        assert answer.status_code == 200 and word in answer.text
    assert "4299 0000 1111 2222" in client.get("/public/accounts").text
    assert "4299 0000 1111 2222" not in client.get("/public/gifts").text
    for path in ("/api/v1/public/accounts", "/api/v1/public/gifts", "/api/v1/public/items"):
        assert client.get(path).status_code == 200
    told = client.post("/api/v1/public/accounts", json={"number": "4299000011112223"}).json()
    assert told["verdict"] == "lookalike"


def test_needs_and_proposal_on_the_page(at: Desk, client: TestClient) -> None:
    _, lot = at.stored(quantity=30)
    token = enter(at, client, "clinician")
    post(client, token, "/gifts/needs", event_id=at.event_id, body_id=WEST, item=N95, quantity=50, stock=5,
         daily_use=10, until=at.inst.today().isoformat())  # fmt: skip
    token = enter(at, client, "manager")
    page = client.get("/gifts/needs", headers={"accept-language": "en"}).text
    assert "stock for less than 1 day" in page and "lacks 50; 30 there for 50" in page
    need = gifts.needs(at.inst, at.supply)[0]["need_id"]
    gift_id = gifts.listing(at.inst, at.supply)[0]["gift_id"]
    post(client, token, f"/gifts/{gift_id}/lots/{lot}/allocate", body_id=WEST, quantity=30, need_id=need,
         reason="by need", back="needs")  # fmt: skip
    assert gifts.needs(at.inst, at.supply)[0]["missing"] == 20


def test_the_tours_gift_is_brought_once(at: Desk) -> None:
    one = tour_gifts.bring(at.inst, at.event_id)
    assert one["holds"] == {"used": tour_gifts.QUANTITY} and len(one["steps"]) == 8
    again = tour_gifts.bring(at.inst, at.event_id)
    assert again["gift_id"] == one["gift_id"] and len(again["steps"]) == 8
    assert gifts.audit(at.inst, at.supply)["valid"]
