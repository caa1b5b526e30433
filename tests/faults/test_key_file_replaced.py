"""A key file that is replaced, and its old bytes overwritten, between opening and reading it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lianfang.guard import files


def test_a_reader_who_opened_the_old_file_gets_the_new_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    path = folder / "ring.json"
    files.create(path, b"the old content")
    check, waiting = files._check, [b"the new content"]

    def replaced_meanwhile(at: Path, status: os.stat_result, *rest: Any) -> None:
        check(at, status, *rest)
        if at == path and waiting:
            files.replace(path, waiting.pop())

    monkeypatch.setattr(files, "_check", replaced_meanwhile)
    assert files.read(path) == b"the new content"
    assert not waiting
