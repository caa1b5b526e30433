"""One spelling of base64."""

from __future__ import annotations

import base64

import pytest

from lianfang.foundation.canonical import from_base64


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_what_the_encoder_writes_is_read(raw: bytes) -> None:
    assert from_base64(base64.b64encode(raw).decode()) == raw


@pytest.mark.parametrize(
    "text", ["YR==", "YWJ=", "YQ", "YQ=", "YQ==\n", " YQ==", "YQ==YQ==", "Y-==", "Y_==", "ｙQ=="]
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not|string|ASCII"):
        from_base64(text)
