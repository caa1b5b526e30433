"""Our check digit against python-stdnum's, on every row of up to four digits and on long ones."""

from __future__ import annotations

import itertools
import random

import pytest

from lianfang.guard.custody import check_digit

damm = pytest.importorskip("stdnum.damm", reason="the peer python-stdnum is not installed")


def test_the_same_digit_as_stdnum() -> None:
    rows = ["".join(one) for n in range(1, 5) for one in itertools.product("0123456789", repeat=n)]
    chance = random.Random(48)
    rows += ["".join(chance.choices("0123456789", k=13)) for _ in range(2000)]
    assert len(rows) == 13_110
    assert all(check_digit(one) == damm.calc_check_digit(one) for one in rows)
