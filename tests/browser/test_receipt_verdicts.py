"""The verifier in Chromium says of every file what ``lianfang receipt verify`` says, with no network at all."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import lianfang.api
from lianfang.foundation.errors import BadInput
from lianfang.guard.signing import sign
from lianfang.services import receipts
from lianfang.services.bulletin import FORMAT
from receiptkit import Logbook, mutants, packed

pytestmark = pytest.mark.browser

CORE = Path(lianfang.api.__file__).parent / "static" / "verify-core.js"
#: Of every group of files: the verdicts, by the page's own functions.
RUN = """async (groups) => {
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const said = [];
  for (const [trust, files] of groups) {
    try {
      said.push(await LianfangVerify.check(files.map(bytes), await LianfangVerify.parseTrust(trust)));
    } catch (error) { said.push(error.code || String(error)); }
  }
  return JSON.stringify(said);
}"""
SAME = ("valid", "kind", "code", "trusted", "origin", "root", "paper", "entry", "bulletin", "corrected_by")

Groups = Sequence[tuple[str, Sequence[bytes]]]


@pytest.fixture(scope="module")
def core(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page from the disk that holds the verifier's functions and nothing else, in a browser that is offline."""
    file = tmp_path_factory.mktemp("core") / "core.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><script>{CORE.read_text('utf-8')}</script>", "utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.evaluate("LianfangVerify.lacking()") == ""
    yield page
    context.close()


def _python(trust: str, files: Sequence[bytes]) -> Any:
    try:
        return receipts.check(files, receipts.Trust.parse(trust))
    except BadInput as error:
        return error.code


def _agree(core: Any, groups: Groups) -> list[Any]:
    """The verdicts of both, which are the same."""
    ours = [_python(trust, files) for trust, files in groups]
    theirs = json.loads(core.evaluate(RUN, [[trust, packed(files)] for trust, files in groups]))
    for (trust, files), own, other in zip(groups, ours, theirs, strict=True):
        if isinstance(own, str):
            assert own == other, trust
            continue
        for raw, mine, his in zip(files, own, other, strict=True):
            said = asdict(mine)
            names = SAME if mine.valid else ("valid", "kind", "code")
            assert {name: his[name] for name in names} == {name: said[name] for name in names}, raw
            if mine.valid:
                assert [his["size"], his["index"]] == [
                    str(mine.size),
                    None if mine.index is None else str(mine.index),
                ]
                assert [tuple(one) for one in his["witnesses"]] == list(mine.witnesses)
    return ours


def _grown(entries: int) -> Logbook:
    log = Logbook()
    for number in range(entries):
        log.entry({"n": number}, what="gift_deliver")
    return log


def test_genuine_files_of_every_size_of_log(core: Any) -> None:
    """Proofs of every entry of logs of 1 to 20 entries, and bulletins whose figures are written in odd ways."""
    groups: list[tuple[str, list[bytes]]] = []
    for size in range(1, 21):
        log = _grown(size)
        files = [log.proof(at).text().encode() for at in range(size)]
        groups += [(log.policy().text(), files), (log.key, files), ("# nobody\n", files[:1])]
        groups.append((log.key, [log.proof(0).checkpoint.encode()]))
    log = _grown(5)
    odd: list[Any] = [
        0.1,
        1e-5,
        1.5e-7,
        5e-324,
        1e21,
        1.7976931348623157e308,
        1e-4,
        2**53 - 1,
        -1e-6,
        100.0,
        0,
        1e16 + 2,
    ]
    for value in odd[:-1]:
        log.bulletin(len(log.entries), figure=value)
    texts = ["\u2028", "\x7f", "😀", "\x1f\b", '"\\/', "é", "\ufeff"]
    for text in texts:
        log.bulletin(
            len(log.entries),
            figure={text: text, "\uffff": 1, "😀": 2, "__proto__": 3, "10": 4, "9": [[], {}]},
        )
    drafts = [one.file() for one in log.drafts]
    groups += [(log.key, [one]) for one in drafts] + [("", [one]) for one in drafts]
    groups.append((log.policy().text(), drafts))
    said = _agree(core, groups)
    good = [one.valid for group in said for one in group if one.code != "no_key"]
    assert all(good) and len(good) > 450
    assert [one.trusted for one in said[-2]] == [False]


def test_200_random_changes_are_refused_as_python_refuses_them(
    core: Any, count: Callable[[int, int], int]
) -> None:
    dice = random.Random(20260129)
    log = _grown(9)
    draft = log.bulletin(1, figure=1.5e-7, place="临江市")
    for number in range(20):
        log.entry({"n": number})
    many = count(200, 3000)
    bulletin, proof = draft.file(), log.proof(draft.index).text().encode()
    head = log.proof(0).checkpoint.encode()
    bad = {
        "bulletin": mutants(bulletin, many, dice),
        "proof": mutants(proof, many, dice),
        "head": mutants(head, many // 2, dice),
    }
    said = _agree(
        core,
        [
            *((log.key, [one]) for one in bad["bulletin"]),
            *(("", [one]) for one in bad["bulletin"]),
            *((log.policy(4).text(), [one]) for one in bad["proof"]),
            *((log.policy(2).text(), [one]) for one in bad["proof"]),
            *((log.key, [one]) for one in bad["head"]),
        ],
    )
    assert not any(one[0].valid for one in said[: 2 * many])
    # a proof whose four witnesses all have to stand: no byte but those of no meaning may change
    strict = said[2 * many : 3 * many]
    assert sum(one[0].valid for one in strict) <= many // 20
    assert {one[0].code for one in strict} >= {
        "malformed_proof",
        "malformed_note",
        "bad_signature",
        "not_included",
    }


def test_keys_and_policies_are_read_alike(core: Any, count: Callable[[int, int], int]) -> None:
    dice = random.Random(7)
    log, other = _grown(4), _grown(4)
    file = log.proof(2).text().encode()
    policy = log.policy(2).text()
    nested = policy.replace("quorum some", "group all2 any some\nquorum all2")
    texts = [
        policy,
        nested,
        policy.replace("\n", "\r\n"),
        f"# ours\n\n  {log.key} \n{other.key}",
        other.key,
        other.policy().text(),
        "quorum none\n",
        f"log {log.key} https://linjiang.example/ledger\nquorum none",
        f"log {log.key}\nlog {log.key}\nquorum none",
        log.policy(4).text().replace("w3 ", "w9 ", 1),
        log.key[:-1],
        log.key + "\u3000",
        str(log.witnesses[0].cosigner),
        *(one.decode("utf-8", "replace") for one in mutants(policy.encode(), count(150, 1500), dice)),
    ]
    said = _agree(core, [(text, [file, log.proof(1, cosigned=1).text().encode()]) for text in texts])
    assert (
        "tlog_policy" in said and "bad_input" in said and said[0][0].valid and said[0][1].code == "no_quorum"
    )


def test_files_beside_each_other(core: Any) -> None:
    """A chain of corrections, two faces of one log, two bulletins of one number."""
    log = _grown(3)
    first, second = log.bulletin(1), log.bulletin(2, corrects=1)
    third, foreign = log.bulletin(3, corrects=2), log.bulletin(2, corrects=1, event="e2")
    twin = log.bulletin(3, corrects=2, figure=1)
    early = log.bulletin(6, corrects=7)
    late = log.bulletin(7)
    lying = Logbook(own=log.own, witnesses=log.witnesses, entries=[*log.entries[:-1], b"{}"])
    files = [one.file() for one in (first, second, third, foreign)]
    groups = [
        (log.key, files),
        (log.key, files[::-1]),
        (log.key, [files[0], files[2]]),
        (log.key, [*files, twin.file()]),
        (log.key, [early.file(), late.file()]),
        (log.key, [log.proof(0).text().encode(), lying.proof(0).text().encode(), files[0]]),
        (log.key, [b"", b"{", b"{}", b"[]", b"\xff", b"\x00", b"x" * 2_000_001, b"{" + b" " * (2 << 20)]),
    ]
    said = _agree(core, groups)
    assert [one.corrected_by for one in said[0]] == [2, 3, None, None]
    assert [one.code for one in said[3]] == ["", "", "two_versions", "", "two_versions"]
    assert [one.code for one in said[4]] == ["broken_chain", ""]
    assert [one.code for one in said[5]] == ["split_view"] * 3
    assert not any(one.valid for one in said[6])
    many = [files[0]] * (receipts.MOST_FILES + 1)
    assert json.loads(core.evaluate(RUN, [[log.key, packed(many)]])) == ["too_many"]


def test_handmade_shapes_that_javascript_would_take_for_another_are_refused(core: Any) -> None:
    log = _grown(2)
    draft = log.bulletin(1)
    proof, signed = log.proof(draft.index, 0).text(), sign(log.own, draft.body)
    opening = draft.opening
    files = [
        draft.file(proof=[proof]),
        draft.file(key=[log.key]),
        draft.file(key=log.key + " "),
        draft.file(signed=signed | {"signature": [signed["signature"]]}),
        draft.file(signed=signed | {"signer": [log.own.name]}),
        draft.file(signed=[signed]),
        draft.file(opening=opening | {"salt": [opening["salt"]]}),
        draft.file(opening=opening | {"salt": opening["salt"].upper()}),
        draft.file(opening=["payload", "salt"]),
        draft.file(format=[FORMAT]),
        draft.file(proof=log.proof(draft.index, 4).text()),
        draft.file().replace(b'"number"', b'"number": 1,\n   "number"', 1),
        draft.file(more=1),
    ]
    said = _agree(core, [(trust, [one]) for one in files for trust in (log.key, "")])
    assert not any(one[0].valid for one in said)
