"""What an epidemic gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Outcome:
    """Course of every agent; times in days since the start, NaN where the thing did not happen.

    ``infector``: agent who infected (-1: from outside, or never infected); ``setting``: index into
    ``settings`` (-1: from outside). ``home_from``: from then on at home; ``admitted``: from then on in
    hospital, meets nobody.
    """

    days: int
    settings: tuple[str, ...]
    infector: NDArray[np.int32]
    setting: NDArray[np.int8]
    infected: NDArray[np.float64]
    onset: NDArray[np.float64]
    infectious_from: NDArray[np.float64]
    infectious_to: NDArray[np.float64]
    home_from: NDArray[np.float64]
    admitted: NDArray[np.float64]
    diagnosed: NDArray[np.float64]
    tests: NDArray[np.int64]

    @property
    def ever_infected(self) -> int:
        """Number of agents infected, seeds included."""
        return int(np.isfinite(self.infected).sum())

    def infections(self) -> pl.DataFrame:
        """One row an infection, by time: person, infector (null: from outside), time, setting, onset, ..."""
        import polars as pl

        who = np.flatnonzero(np.isfinite(self.infected))
        who = who[np.argsort(self.infected[who], kind="stable")]
        names = ("outside", *self.settings)
        return pl.DataFrame(
            {
                "person": who.astype(np.int32),
                "infector": self.infector[who],
                "time": self.infected[who],
                "setting": [names[code + 1] for code in self.setting[who].tolist()],
                "onset": self.onset[who],
                "infectious_from": self.infectious_from[who],
                "infectious_to": self.infectious_to[who],
                "home_from": self.home_from[who],
                "admitted": self.admitted[who],
                "diagnosed": self.diagnosed[who],
            }
        ).with_columns(
            pl.when(pl.col("infector") >= 0).then("infector").alias("infector"),
            pl.col("onset", "home_from", "admitted", "diagnosed").fill_nan(None),
        )

    def daily(self) -> pl.DataFrame:
        """By day: new infections, onsets, admissions, diagnoses; tests taken of infected and traced."""
        import polars as pl

        def count(times: NDArray[np.float64]) -> NDArray[np.int64]:
            known = times[np.isfinite(times)]
            inside = known[(known >= 0) & (known < self.days)]
            return np.bincount(inside.astype(np.int64), minlength=self.days)

        return pl.DataFrame(
            {
                "day": np.arange(self.days, dtype=np.int32),
                "infections": count(self.infected),
                "onsets": count(self.onset),
                "admissions": count(self.admitted),
                "diagnoses": count(self.diagnosed),
                "tests": self.tests,
            }
        )
