"""G12 and journey B: a record's receipt is small, its code is the record's, and it is checked without us."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from giftkit import DONOR, N95, PHONE, Desk, desk
from lianfang.api import verifier
from lianfang.api.app import create_app
from lianfang.cli.receipt import receipt as command
from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.guard import ledger
from lianfang.guard.ledger import tables
from lianfang.services import bulletin, gifts, receipts
from lianfang.services.installation import Installation, Who
from lianfang.services.ledger import heads
from lianfang.services.receipts.making import MOST_VERSION
from receiptkit import WITNESSES, Logbook, cosign


@pytest.fixture
def client(inst: Installation) -> Iterator[TestClient]:
    yield TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)


@pytest.fixture
def at(inst: Installation, staff: dict[str, Who], event_id: str) -> Desk:
    return desk(inst, staff, event_id)


@pytest.fixture
def published(inst: Installation, event_id: str, staff: dict[str, Who]) -> int:
    """Index of the entry of a bulletin."""
    return int(bulletin.publish(inst, staff["manager"], event_id)["log_index"])


def test_the_proof_with_four_witnesses_is_at_most_2_kb_and_meets_the_policy(
    inst: Installation, published: int
) -> None:
    policy = cosign(inst)
    made = receipts.receipt_of(inst, published)
    assert set(made.witnesses) == set(WITNESSES) and len(made.proof.encode()) <= 2048
    assert receipts.policy_text(inst) == policy.text()
    (found,) = receipts.check([made.proof.encode()], receipts.Trust.parse(policy.text()))
    assert found.valid and found.index == published and found.paper == made.code
    assert sorted(name for name, _ in found.witnesses) == sorted(WITNESSES)


@pytest.mark.parametrize("entries", [10_000, 1_000_000])
def test_the_proof_of_a_large_log_is_at_most_2_kb_with_four_witnesses(entries: int) -> None:
    """The path is as long as in a log of that size; its hashes are of any bytes, which changes no length."""
    log = Logbook()
    draft = log.bulletin(12)
    depth = (entries - 1).bit_length()
    proof = replace(
        log.proof(draft.index), path=tuple(bytes([n]) * 32 for n in range(depth)), index=entries - 1
    )
    text = proof.text().replace(f"{log.own.name}\n1\n", f"{log.own.name}\n{entries}\n")
    assert text.count("—") == 5
    assert len(text.encode()) <= 2048


def test_a_bulletin_stays_valid_when_witnesses_sign_its_head(
    inst: Installation, event_id: str, published: int
) -> None:
    cosign(inst)
    file = bulletin.document(inst, event_id, 1)
    assert bulletin.verify(file, key=bulletin.verifier_key(inst))["valid"]
    assert bulletin.show(inst, event_id, 1, "en")["valid"]


def test_the_code_on_paper_is_the_entry_and_nothing_else(inst: Installation, published: int) -> None:
    made = receipts.receipt_of(inst, published)
    assert receipts.by_code(inst, made.code) == made
    assert made.link == f"{inst.settings.public_url}/r/{made.code}"
    flipped = made.code[:-2] + ("A" if made.code[-2] != "A" else "B") + made.code[-1]
    for code in (
        "",
        "x",
        str(published),
        flipped,
        f"0{made.code}",
        f"9{made.code}",
        made.code + "=",
        made.code.upper(),
    ):
        with pytest.raises(NotFound):
            receipts.by_code(inst, code)
    with inst.store.begin() as connection:  # the house exchanges what it logged
        connection.execute(update(tables.entry).where(tables.entry.c.idx == published).values(data=b"{}"))
    with pytest.raises(NotFound, match="keep the paper"):
        receipts.by_code(inst, made.code)


def test_the_qr_code_is_version_10_at_most_and_says_the_link(inst: Installation, published: int) -> None:
    zxing = pytest.importorskip("zxingcpp", reason="needs zxing-cpp, which reads QR codes")
    image = pytest.importorskip("PIL.Image", reason="needs Pillow, which reads PNG")
    import io

    import segno

    for url in (
        "http://localhost:8000",
        "https://jk.linjiang.example.gov.cn",
        "https://" + "a" * 140 + ".example",
    ):
        inst.settings = inst.settings.model_copy(update={"public_url": url})
        made = receipts.receipt_of(inst, published)
        assert segno.make(made.link, error="m", micro=False).version <= MOST_VERSION
        (read,) = zxing.read_barcodes(image.open(io.BytesIO(made.png)))
        assert read.text == made.link and made.svg.startswith("<svg")
    inst.settings = inst.settings.model_copy(update={"public_url": "https://" + "a" * 200 + ".example"})
    with pytest.raises(BadInput, match="too long"):
        receipts.receipt_of(inst, published)


def test_the_short_link_leads_to_the_record_its_proof_and_its_slip(
    client: TestClient, inst: Installation, event_id: str, published: int
) -> None:
    made = receipts.receipt_of(inst, published)
    for lang, said in (("zh", "通报"), ("en", "Receipt of a record")):
        client.cookies.set("__Host-lianfang-lang", lang)
        answer = client.get(f"/r/{made.code}")
        assert answer.status_code == 200 and said in answer.text
        assert f'href="/public/{event_id}/1"' in answer.text and f"/r/{made.code}/proof" in answer.text
    answer = client.get(f"/r/{made.code}/proof")
    assert answer.text == made.proof and made.name in answer.headers["content-disposition"]
    slip = client.get(f"/r/{made.code}/slip").text
    assert made.link in slip and "bulletin no. 1" in slip and "不证明记录为真" in slip
    page = client.get(f"/public/{event_id}/1").text
    assert f"/r/{made.code}/proof" in page and "/verify" in page and made.svg in page
    for code in ("x", f"0-{'A' * 43}", "%2e", "%00", f"{'9' * 40}-{'A' * 43}"):
        assert client.get(f"/r/{code}").status_code in (404, 422)


def test_an_entry_that_no_head_covers_yet_says_so(
    client: TestClient, inst: Installation, published: int
) -> None:
    with inst.store.begin() as connection:
        index = ledger.record(
            connection,
            type="gift_deliver",
            time=inst.now(),
            actor="a",
            purpose="donation",
            ref="g",
            payload={},
        )
    made = receipts.receipt_of(inst, index)
    assert made.proof == "" and "请十秒后再试" in client.get(f"/r/{made.code}").text
    assert client.get(f"/r/{made.code}/proof").status_code == 409
    heads.sign(inst)
    assert client.get(f"/r/{made.code}/proof").status_code == 200


@pytest.mark.parametrize("table, column", [("entry", "data"), ("checkpoint", "note")])
def test_a_bulletin_whose_log_was_tampered_with_is_shown_as_not_valid(
    client: TestClient, inst: Installation, event_id: str, published: int, table: str, column: str
) -> None:
    into = getattr(tables, table)
    with inst.store.begin() as connection:
        kept = connection.execute(select(into.c[column])).scalars().first()
        harm = b"no entry" if isinstance(kept, bytes) else kept.replace("\n— ", "\n— x", 1)
        connection.execute(update(into).values({column: harm}))
    answer = client.get(f"/public/{event_id}/1", headers={"accept-language": "en"})
    assert answer.status_code == 200 and "NOT valid" in answer.text


def test_the_verifier_runs_nothing_but_its_own_scripts(client: TestClient, inst: Installation) -> None:
    page = client.get("/verify").text
    named = re.findall(r'<script src="/static/([\w-]+\.js)" integrity="sha256-([^"]+)"', page)
    assert [name for name, _ in named] == list(verifier.SCRIPTS) and page.count("<script") == len(named)
    for name, told in named:
        raw = client.get(f"/static/{name}").content
        assert base64.b64encode(hashlib.sha256(raw).digest()).decode() == told
    answer = client.get(f"/verify/{verifier.NAME}")
    assert "attachment" in answer.headers["content-disposition"]
    text = answer.text
    assert text == verifier.of(inst) and ledger.Verifier.of(inst.signer.public).name in text
    assert not re.search(
        r"(src|href)=|https?://|@import|url\(", re.sub(r"(?s)<script>.*?</script>", "", text)
    )
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (body,) = re.findall(rf"(?s)<{tag}>(.*?)</{tag}>", text)
        hashed = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{rule} 'sha256-{hashed}'" in text.replace("&#39;", "'")


def test_typed_keys_stay_text_in_the_single_file() -> None:
    text = verifier.single_file("</textarea><script>alert(1)</script>\"'")
    assert "<script>alert" not in text


def test_the_command_line_makes_shows_and_verifies(
    inst: Installation, event_id: str, published: int, tmp_path: Path
) -> None:
    policy = cosign(inst)
    home = ["--home", str(inst.home)]
    out = tmp_path / "out"
    made = CliRunner().invoke(command, ["make", f"{event_id}/1", "--out", str(out), "--json", *home])
    assert made.exit_code == 0, made.output
    told = json.loads(made.output)
    assert sorted(one.suffix for one in out.iterdir()) == [".json", ".png", ".svg", ".tlog-proof"]
    shown = CliRunner().invoke(command, ["show", str(published), *home])
    assert told["link"] in shown.output and "█" in shown.output
    files = sorted(str(one) for one in out.iterdir() if one.suffix in (".json", ".tlog-proof"))
    rules = tmp_path / "policy"
    rules.write_text(policy.text())
    done = CliRunner().invoke(command, ["verify", *files, "--policy", str(rules), "--json"])
    assert done.exit_code == 0 and [one["valid"] for one in json.loads(done.output)] == [True, True]
    assert [one["paper"] for one in json.loads(done.output)] == [told["code"]] * 2
    done = CliRunner().invoke(command, ["verify", *files])
    assert isinstance(done.exception, Refused) and "公钥取自文件自身" in done.output
    done = CliRunner().invoke(command, ["verify", *files, "--key", "nobody"])
    assert isinstance(done.exception, BadInput)
    page = tmp_path / "page.html"
    assert CliRunner().invoke(command, ["page", str(page), "--policy", str(rules)]).exit_code == 0
    assert page.read_text("utf-8") == verifier.single_file(policy.text())
    for entry in ("-1", "x", f"{event_id}/99", "999999", "１"):
        assert CliRunner().invoke(command, ["make", "--out", str(out), *home, "--", entry]).exit_code != 0


def test_a_donor_finds_the_receipt_of_every_step(client: TestClient, at: Desk) -> None:
    """The links of the donor's page lead to the entries, and no entry's page says whose gift it is."""
    made = gifts.pledge(
        at.inst, at.supply, at.event_id, [{"item": N95, "quantity": 100}], name=DONOR, phone=PHONE
    )
    gift_id = str(made["gifts"][0])
    at.receive(gift_id, 100)
    at.inspect(gift_id, N95, 100)
    page = client.get(f"/public/gifts/{made['code']}").text
    links = re.findall(r'href="(/r/[^"]+)"', page)
    steps = gifts.follow(at.inst, made["code"])["gifts"][0]["steps"]
    assert len(links) == len(steps) == 3
    heads.sign(at.inst)
    for link, step in zip(links, steps, strict=True):
        shown = client.get(link).text
        assert f"{step['log_index']}" in shown and DONOR not in shown and gift_id not in shown
        (found,) = receipts.check(
            [client.get(f"{link}/proof").content], receipts.Trust.parse(receipts.policy_text(at.inst))
        )
        assert found.valid and found.index == step["log_index"] and found.entry["ref"] == "-"
