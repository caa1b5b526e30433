"""The verifier as a reader meets it: on the site under its policy, and as a file from the disk without a network.

``LIANFANG_SHOTS=FOLDER`` keeps pictures at 1440 and 390 pixels in both languages.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from browser.audit import problems
from lianfang.api import verifier
from lianfang.services import bulletin, receipts
from lianfang.services.installation import Installation, Who
from receiptkit import Logbook, cosign
from securitykit import served

pytestmark = pytest.mark.browser


@dataclass
class Site:
    inst: Installation
    event_id: str
    index: int
    url: str
    policy: str


@pytest.fixture
def site(inst: Installation, event_id: str, staff: dict[str, Who]) -> Iterator[Site]:
    row = bulletin.publish(inst, staff["manager"], event_id)
    policy = cosign(inst).text()
    with served(inst) as port:
        yield Site(inst, event_id, int(row["log_index"]), f"http://localhost:{port}", policy)


def _shot(page: Any, name: str) -> None:
    if folder := os.environ.get("LIANFANG_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def _file(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def _watched(page: Any) -> list[str]:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def _verdicts(page: Any, count: int) -> list[str]:
    page.wait_for_function(
        "n => document.querySelectorAll('#verify-results [data-verdict]').length === n", arg=count
    )
    return [one.get_attribute("data-verdict") for one in page.locator("[data-verdict]").all()]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_reader_goes_from_the_bulletin_to_its_proof_and_checks_both(
    browser: Any, site: Site, lang: str, tmp_path: Path
) -> None:
    locale = {"zh": "zh-CN", "en": "en-US"}[lang]
    for width in (1440, 390):
        context = browser.new_context(locale=locale, viewport={"width": width, "height": 900})
        page = context.new_page()
        said = _watched(page)
        page.goto(f"{site.url}/public/{site.event_id}/1")
        assert problems(page, lang) == []
        _shot(page, f"bulletin-{lang}-{width}")
        files = []
        for link in (f"a[href='/public/{site.event_id}/1/proof']", "a[href$='/proof'][href^='/r/']"):
            with page.expect_download() as got:
                page.locator(link).click()
            files.append(tmp_path / got.value.suggested_filename)
            got.value.save_as(files[-1])
        page.goto(f"{site.url}/r/{receipts.receipt_of(site.inst, site.index).code}")
        assert problems(page, lang) == []
        _shot(page, f"receipt-{lang}-{width}")
        page.locator("a[href='/verify'] >> nth=0").click()
        page.locator("#verify h1").wait_for()
        page.locator("#verify-files").set_input_files([str(one) for one in files])
        assert _verdicts(page, 2) == ["good", "good"]
        assert problems(page, lang) == []
        _shot(page, f"verify-{lang}-{width}")
        assert said == []
        context.close()


def test_the_file_from_the_disk_checks_without_a_network_and_by_keyboard_alone(
    browser: Any, site: Site, tmp_path: Path
) -> None:
    file = tmp_path / verifier.NAME
    file.write_text(verifier.of(site.inst), encoding="utf-8")
    document = bulletin.document(site.inst, site.event_id, 1)
    context = browser.new_context(offline=True, locale="zh-CN", viewport={"width": 390, "height": 844})
    page = context.new_page()
    said = _watched(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert problems(page, "zh") == []
    page.locator("#verify-paste").focus()
    page.keyboard.insert_text(document.rstrip("\n"))  # what is copied from a page loses its last newline
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "verify-trust"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert _verdicts(page, 1) == ["good"]
    assert "不说明所写为真" in page.locator("#verify-results").inner_text()
    _shot(page, "file-zh-390")
    page.locator("#verify-language").press("Enter")
    assert "not that it was right" in page.locator("#verify-results").inner_text()
    assert problems(page, "en") == []
    page.locator("#verify-paste").fill(document.replace('"number": 1', '"number": 2'))
    page.locator("button.go").press("Enter")
    assert _verdicts(page, 1) == ["bad"]
    assert "changed after it was signed" in page.locator("#verify-results").inner_text()
    _shot(page, "file-altered-en-390")
    page.locator("#verify-trust").fill("")
    page.locator("#verify-paste").fill(document)
    page.locator("button.go").click()
    assert _verdicts(page, 1) == ["self"]
    page.locator("#verify-trust").fill("not a key")
    page.locator("button.go").click()
    page.locator("#verify-results .bad").wait_for()
    assert "copied whole" in page.locator("#verify-results").inner_text()
    # its own policy lets nothing out
    told = page.evaluate("fetch('https://example.org/').then(() => 'sent', (error) => String(error))")
    assert "Failed to fetch" in told and asked == [file.as_uri()]
    assert [one for one in said if "Content Security Policy" not in one and "Fetch API" not in one] == []
    context.close()


def test_what_a_file_says_stays_text_and_a_correction_is_named(
    browser: Any, site: Site, tmp_path: Path
) -> None:
    log = Logbook()
    evil = "<img src=x onerror='window.ran=1'><script>window.ran=1</script>"
    first, second = log.bulletin(1, event=evil, figure=evil), log.bulletin(2, corrects=1, event=evil)
    context = browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    said = _watched(page)
    page.goto(f"{site.url}/verify")
    page.locator("#verify-trust").fill(log.key)
    files = [_file(f"{evil}.json", first.file()), _file("2.json", second.file()), _file("junk", b"\xff\x00")]
    page.locator("#verify-files").set_input_files(files)
    assert _verdicts(page, 3) == ["corrected", "good", "bad"]
    assert "corrected by No. 2" in page.locator("#verify-results").inner_text()
    _shot(page, "verify-chain-en-1440")
    assert page.evaluate("window.ran") is None and said == []
    # dropped, as with a mouse
    page.evaluate(
        """(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "dropped.json"));
          document.querySelector(".drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
        }""",
        second.file().decode(),
    )
    assert _verdicts(page, 1) == ["good"]
    big = _file("big", b"{" + b" " * (5 << 20))
    page.locator("#verify-files").set_input_files([big])
    page.locator("#verify-results .bad").wait_for()
    assert "too large" in page.locator("#verify-results").inner_text()
    context.close()


def test_a_browser_without_ed25519_is_told_so_and_gets_no_verdict(browser: Any, site: Site) -> None:
    for harm, words in (
        (
            "crypto.subtle.importKey = () => Promise.reject(new Error('NotSupportedError'))",
            "cannot check Ed25519",
        ),
        ("crypto.subtle.verify = () => Promise.resolve(true)", "cannot check Ed25519"),
        (
            "Object.defineProperty(crypto, 'subtle', {value: undefined})",
            "may not use the browser's cryptography",
        ),
        ("delete String.prototype.isWellFormed", "too old"),
    ):
        context = browser.new_context(locale="en-US")
        context.add_init_script(harm)
        page = context.new_page()
        page.goto(f"{site.url}/verify")
        page.locator("#verify-files").set_input_files([_file("b", b"{}")])
        page.locator("#verify-results .bad").wait_for()
        assert words in page.locator("#verify-results").inner_text()
        assert page.locator("[data-verdict]").count() == 0
        context.close()


def test_the_slip_is_one_sheet_of_a6(browser: Any, site: Site, tmp_path: Path) -> None:
    code = receipts.receipt_of(site.inst, site.index).code
    context = browser.new_context(locale="zh-CN", viewport={"width": 520, "height": 700})
    page = context.new_page()
    page.goto(f"{site.url}/r/{code}/slip")
    _shot(page, "slip")
    barcodes = pytest.importorskip("zxingcpp", reason="needs zxing-cpp, which reads QR codes")
    image = pytest.importorskip("PIL.Image", reason="needs Pillow, which reads PNG")
    for path in (
        f"/r/{code}/slip",
        f"/r/{code}",
        f"/public/{site.event_id}/1",
    ):  # whole, and large enough to be read
        page.goto(site.url + path)
        (read,) = barcodes.read_barcodes(image.open(io.BytesIO(page.screenshot(full_page=True))))
        assert read.text == receipts.receipt_of(site.inst, site.index).link, path
    page.goto(f"{site.url}/r/{code}/slip")
    pdf = page.pdf(prefer_css_page_size=True, path=str(tmp_path / "slip.pdf"))
    assert pdf.count(b"/Type /Page\n") == 1
    (width, height) = re.search(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", pdf).groups()
    # 105 x 148 mm in points
    assert abs(float(width) - 297.6) < 1 and abs(float(height) - 419.5) < 1
    context.close()
