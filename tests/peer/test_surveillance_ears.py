"""EARS C1-C3 equal R's surveillance 1.20.3 on its own series."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lianfang.predict import detection
from shared import shared_data


@pytest.mark.parametrize("name", ["C1", "C2", "C3"])
def test_every_stored_bound_and_alarm_is_equal(name: str) -> None:
    peers = pl.read_parquet(shared_data("predict", "detection", "r_surveillance_reference.parquet"))
    series = pl.read_parquet(shared_data("predict", "detection", "series.parquet"))
    points = 0
    for (dataset,), peer in peers.filter(method=f"ears{name}").group_by("dataset"):
        peer = peer.sort("t")
        counts = series.filter(dataset=dataset).sort("t")["observed"]
        ours = detection.detect(counts, method=f"ears_{name.lower()}", points=peer["t"])
        np.testing.assert_allclose(
            ours["bound"].to_numpy(), peer["upperbound"].to_numpy(), rtol=1e-9, atol=1e-9, err_msg=dataset
        )
        assert ours["alarm"].to_list() == peer["alarm"].fill_null(0).cast(pl.Boolean).to_list(), dataset
        points += peer.height
    assert points == 572
