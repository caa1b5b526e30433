"""Rt equals EpiEstim 2.2.4 (R 4.2.2) on its own data sets."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from lianfang.predict import reproduction
from shared import shared_data

# what the peer was given: mean and standard deviation of each data set's serial interval
PARAMETRIC = {"Flu2009": (2.6, 1.5), "SARS2003": (8.4, 3.8), "Measles1861": (14.9, 3.9)}
UNCERTAIN = {
    "mean": 2.6,
    "sd_mean": 1.0,
    "min_mean": 1.0,
    "max_mean": 4.2,
    "sd": 1.5,
    "sd_sd": 0.5,
    "min_sd": 0.5,
    "max_sd": 2.5,
}


def reference() -> pl.DataFrame:
    return pl.read_csv(shared_data("predict", "rt", "epiestim_reference.csv.gz"), infer_schema_length=None)


def incidence(dataset: str) -> np.ndarray:
    table = pl.read_csv(shared_data("predict", "rt", "incidence.csv.gz"), infer_schema_length=None)
    return table.filter(dataset=dataset).sort("t")["I"].cast(pl.Float64).to_numpy()


def weights(dataset: str) -> np.ndarray:
    table = pl.read_csv(shared_data("predict", "rt", "si_distr.csv.gz"))
    return table.filter(dataset=dataset).sort("k")["w"].to_numpy()


def figures(frame: pl.DataFrame) -> np.ndarray:
    return frame.select(pl.exclude("t_start", "t_end")).to_numpy()


def peers(frame: pl.DataFrame) -> np.ndarray:
    names = [name for name in frame.columns if name.endswith("R.")]
    return frame.select(pl.col(names).cast(pl.Float64, strict=False)).to_numpy()


@pytest.mark.parametrize("method", ["non_parametric_si", "parametric_si"])
def test_every_stored_run_is_equal(method: str) -> None:
    runs = 0
    for (dataset, config), peer in reference().filter(method=method).group_by("dataset", "config"):
        given = weights(dataset) if method == "non_parametric_si" else PARAMETRIC[dataset]
        window = int(re.search(r"win=(\d+)", config)[1])
        ours = reproduction.estimate(incidence(dataset), serial_interval=given, window=window)
        peer = peer.sort("t_start")
        assert ours["t_start"].to_list() == peer["t_start"].to_list()
        assert ours["t_end"].to_list() == peer["t_end"].to_list()
        np.testing.assert_allclose(figures(ours), peers(peer), rtol=1e-9, err_msg=f"{dataset} {config}")
        runs += 1
    assert runs == 6


def test_uncertain_serial_interval_within_the_error_of_drawing() -> None:
    peer = reference().filter(method="uncertain_si").sort("t_start")
    cases = incidence("Flu2009")
    runs = [
        figures(
            reproduction.estimate(cases, serial_interval=reproduction.UncertainSI(**UNCERTAIN, seed=seed))
        )
        for seed in range(20)
    ]
    ours, spread = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1)
    # one run of the peer against the mean of twenty: z beyond 5 would be a different distribution
    z = (peers(peer) - ours) / spread
    assert np.abs(z).max() < 5
    assert np.abs(z).mean() < 1.5
