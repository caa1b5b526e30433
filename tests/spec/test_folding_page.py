"""The folding page: who may, what is kept and for whom, its bounds, its files; nothing of a sequence on any disk."""

from __future__ import annotations

import gzip
import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.pages import folding as pages
from lianfang.api.security import COOKIE, form_token
from lianfang.foundation.errors import BadInput, NotFound, Refused, TooMany
from lianfang.services import accounts
from lianfang.services.folding import desk
from lianfang.services.gate import ACTS
from lianfang.services.installation import Installation, Who
from lianfang.treat import folding, genome

RNA = "GGGGGAAAACCCCCAUAUAUAUGGGGCAAAGCCCC"


@pytest.fixture
def client(inst: Installation) -> Iterator[TestClient]:
    made = TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)
    yield made
    made.app.state.folding.stop()  # type: ignore[attr-defined]


@pytest.fixture
def sign_in(inst: Installation, client: TestClient) -> Callable[[str], str]:
    def enter(role: str) -> str:
        name = next(name for name, _, held in accounts.DEMONSTRATION if held == role)
        client.cookies.clear()
        assert client.post("/enter", data={"link": accounts.link(inst, name)}).status_code == 303
        return form_token(client.cookies[COOKIE])

    return enter


def finished(client: TestClient, address: str) -> str:
    for _ in range(600):
        text = client.get(address, headers={"accept-language": "en"}).text
        if 'http-equiv="refresh"' not in text:
            return text
        time.sleep(0.1)
    raise AssertionError("not ready")


def fold(client: TestClient, token: str, sequence: str, **more: str) -> str:
    answer = client.post("/treat/folding", data={"token": token, "sequence": sequence, **more})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_a_sequence_becomes_structure_energy_picture_and_files(
    client: TestClient, sign_in: Callable[[str], str]
) -> None:
    token = sign_in("laboratory")
    where = fold(client, token, f">Zhang San ward 4\n{RNA[:20]}\n{RNA[20:].lower().replace('u', 't')}\n")
    shown = finished(client, where)
    expected = folding.fold(RNA)
    assert f"{expected.energy:.2f}" in shown and expected.structure in shown and RNA in shown
    assert "Zhang" not in shown and "ward 4" not in shown
    svg = re.search(r"<svg.*?</svg>", shown, re.S)
    assert svg is not None and ET.fromstring(svg[0]) is not None
    dot = client.get(f"{where}/files/dot-bracket")
    assert dot.text.splitlines()[1:] == [RNA, f"{expected.structure} ({expected.energy:.2f})"]
    assert dot.headers["content-disposition"].endswith('.dbn"') and "Zhang" not in dot.text
    assert client.get(f"{where}/files/ct").text.startswith(f"{len(RNA)} ENERGY = ")
    assert client.get(f"{where}/files/bpseq").text.startswith("# rna-")
    found = json.loads(client.get(f"{where}/files/json").text)
    assert (found["structure"], len(found["unpaired"])) == (expected.structure, len(RNA))
    picture = client.get(f"{where}/files/svg", params={"from": 5, "to": 30})
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert ET.fromstring(picture.text) is not None
    assert client.get(f"{where}/files/exe").status_code == 404
    sign = client.get("/treat/folding", headers={"accept-language": "zh"}).text
    assert "完成" in sign and where in sign


def test_kinds_and_uploads(client: TestClient, sign_in: Callable[[str], str]) -> None:
    token = sign_in("clinician")
    for kind, function in (("mea", folding.mea), ("centroid", folding.centroid)):
        shown = finished(client, fold(client, token, RNA, kind=kind, beam="200"))
        assert function(RNA, beam=200).structure in shown
    packed = gzip.compress(f">x\n{RNA}\n".encode())
    answer = client.post(
        "/treat/folding", data={"token": token, "sequence": ""}, files={"file": ("Zhang San.fa.gz", packed)}
    )
    assert answer.status_code == 303
    shown = finished(client, answer.headers["location"])
    assert folding.fold(RNA).structure in shown and "Zhang" not in shown


def test_oligos_stand_beside_the_open_sites(client: TestClient, sign_in: Callable[[str], str]) -> None:
    token = sign_in("laboratory")
    where = fold(client, token, genome.load().reference[28_600:29_200])
    assert "ChinaCDC_N_F" in finished(client, where)
    near = client.get(where, params={"from": 1, "to": 60}).text
    assert "ChinaCDC_N_F" not in near and "1–22" in near


def test_a_fold_that_ends_while_its_page_is_made_is_shown_as_it_was(
    client: TestClient, sign_in: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = fold(client, sign_in("laboratory"), "ACGU" * 100)
    finished(client, where)
    made, show = pages.page, desk.show

    def still_working(*asked: Any) -> desk.Held:
        held = show(*asked)
        whole, held.folded, held.state = held.folded, None, "working"

        def ended(*given: Any, **more: Any) -> Any:
            held.folded, held.state = whole, "done"
            return made(*given, **more)

        monkeypatch.setattr(pages, "page", ended)
        return held

    with monkeypatch.context() as patch:
        patch.setattr(desk, "show", still_working)
        text = client.get(where).text
    assert 'http-equiv="refresh"' in text
    assert 'http-equiv="refresh"' not in client.get(where).text


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({}, 1, 400), ({"from": 50}, 50, 400), ({"from": 399, "to": 400}, 381, 400), ({"from": 90, "to": 20}, 90, 109),
        ({"from": 35_000, "to": 35_000}, 381, 400), ({"to": 3}, 1, 20),
    ],
)  # fmt: skip
def test_any_region_asked_for_is_one_that_there_is(
    client: TestClient, sign_in: Callable[[str], str], query: dict[str, int], first: int, last: int
) -> None:
    where = fold(client, sign_in("laboratory"), "ACGU" * 100)
    finished(client, where)
    shown = client.get(where, params=query).text
    assert f'name="from" min="1" max="400" value="{first}"' in shown
    assert f'name="to" min="1" max="400" value="{last}"' in shown


def test_bad_queries_and_bodies_are_refused(client: TestClient, sign_in: Callable[[str], str]) -> None:
    token = sign_in("laboratory")
    where = fold(client, token, RNA)
    finished(client, where)
    for query in ({"from": -1}, {"to": 10**9}, {"length": 4}, {"length": 61}, {"from": "x"}):
        assert client.get(where, params=query).status_code == 422, query
    for sequence in ("", ">only a header\n", "ACGZ", ">a\nACGU\n>b\nACGU\n", "A" * (desk.MOST_BASES + 1)):
        answer = client.post("/treat/folding", data={"token": token, "sequence": sequence})
        assert answer.status_code == 422, sequence[:20]
    for more in ({"kind": "threshknot"}, {"beam": "2000"}, {"beam": "x"}, {"extra": "1"}):
        data = {"token": token, "sequence": RNA, **more}
        assert client.post("/treat/folding", data=data).status_code == 422, more
    long = {"token": token, "sequence": "ACGU" * 2001, "kind": "mea"}
    assert client.post("/treat/folding", data=long).status_code == 422
    bomb = gzip.compress(b"A" * (20 << 20))
    answer = client.post("/treat/folding", data={"token": token}, files={"file": ("a.gz", bomb)})
    assert answer.status_code == 422
    assert client.post("/treat/folding", data={"sequence": RNA}).status_code == 403


def test_only_ones_own_and_only_those_whose_role_it_is(
    client: TestClient, sign_in: Callable[[str], str]
) -> None:
    where = fold(client, sign_in("laboratory"), RNA)
    finished(client, where)
    token = sign_in("clinician")
    assert client.get(where).status_code == 404
    assert client.get(f"{where}/files/json").status_code == 404
    assert client.post(f"{where}/forget", data={"token": token}).status_code == 404
    assert where not in client.get("/treat/folding").text
    for role in sorted({held for _, _, held in accounts.DEMONSTRATION} - ACTS["treat.use"]):
        token = sign_in(role)
        assert client.get("/treat/folding").status_code == 403
        assert client.get(where).status_code == 403
        assert client.post("/treat/folding", data={"token": token, "sequence": RNA}).status_code == 403


def test_forgotten_is_gone_and_nothing_was_written(
    client: TestClient, sign_in: Callable[[str], str], inst: Installation
) -> None:
    token = sign_in("laboratory")
    rare = "GAUUACAGAUUACAGGCCAAUUGGCCAAGAUUACA"
    where = fold(client, token, rare)
    assert rare in finished(client, where)
    assert client.post(f"{where}/forget", data={"token": token}).status_code == 303
    assert client.get(where).status_code == 404
    for path in inst.home.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert rare.encode() not in raw and rare.replace("U", "T").encode() not in raw, path


def who(account: str, role: str = "laboratory") -> Who:
    return Who(account, role, "cdc")


def test_the_desk_is_bounded_and_forgets() -> None:
    now = [0.0]
    made = desk.Desk(clock=lambda: now[0])
    made._thread = type("Idle", (), {"submit": lambda *_: None, "shutdown": lambda *_, **__: None})()
    for _ in range(desk.MOST_EACH):
        desk.start(made, who("a"), RNA.encode())
    with pytest.raises(TooMany):
        desk.start(made, who("a"), RNA.encode())
    for k in range(desk.MOST_WAITING - desk.MOST_EACH):
        desk.start(made, who(f"b{k}"), RNA.encode())
    with pytest.raises(TooMany):
        desk.start(made, who("c"), RNA.encode())
    ids = [one.fold_id for one in desk.listing(made, who("a"))]
    for one in desk.listing(made, who("a")):
        one.state = "done"
    newest = desk.start(made, who("a"), RNA.encode())
    assert [one.fold_id for one in desk.listing(made, who("a"))] == [newest, *ids[:-1]]
    with pytest.raises(NotFound):
        desk.show(made, who("b0"), newest)
    for k in range(60):
        for account in (f"x{k}", "a"):
            for one in desk.listing(made, who(account)):
                one.state = "done"
        for held in made._held.values():
            held.state = "done"
        desk.start(made, who(f"x{k}"), RNA.encode())
    assert len(made._held) == desk.MOST_HELD
    now[0] = desk.LIFE + 1
    assert desk.listing(made, who("x59")) == [] and made._held == {}


def test_a_fold_that_fails_says_so_and_not_what_was_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = desk.Desk()

    def fails(*_: object, **__: object) -> None:
        raise ValueError(RNA)

    monkeypatch.setattr(desk, "folded", fails)
    held = made.take("a", RNA, "mfe", 100)
    while held.state in ("waiting", "working"):
        time.sleep(0.01)
    assert held.state == "failed" and held.error is not None
    assert str(held.error) == "Folding failed (ValueError)."
    made.stop()
    assert made.of("a") == []


def test_the_service_asks_for_the_right() -> None:
    made = desk.Desk()
    for call in (
        lambda: desk.start(made, who("a", "community_worker"), RNA.encode()),
        lambda: desk.listing(made, who("a", "community_worker")),
        lambda: desk.show(made, who("a", "community_worker"), "x"),
        lambda: desk.forget(made, who("a", "community_worker"), "x"),
    ):
        with pytest.raises(Refused):
            call()
    with pytest.raises(BadInput):
        desk.start(made, who("a"), RNA.encode(), kind="threshknot")
