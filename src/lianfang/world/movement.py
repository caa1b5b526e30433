"""Where people go beyond home, work and school: markets, venues, trains, hotels.

Drawn once for all days and used by the epidemic (who meets whom), by check-ins and by positions, so that all
three tell one story.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lianfang.world import names
from lianfang.world.people import Town

SETTINGS = ("market", "shop", "venue", "train", "hotel")
MARKET, SHOP, VENUE, TRAIN, HOTEL = range(5)
OPEN, SHUT = 8 * 60 + 30, 17 * 60 + 30


@dataclass(frozen=True)
class Presences:
    """One row a presence: ``place`` row of places (-1 on a train), ``anchor`` its cell (-1: out of town)."""

    day: NDArray[np.int16]
    person: NDArray[np.int32]
    group: NDArray[np.int32]
    start: NDArray[np.int16]
    end: NDArray[np.int16]
    setting: NDArray[np.int8]
    place: NDArray[np.int32]
    anchor: NDArray[np.int32]
    row: NDArray[np.int16]  # of the train, or the hotel's floor
    column: NDArray[np.int16]  # of the train, or the number of the room
    train: NDArray[np.int32]  # number of the train, -1

    def where(self, keep: NDArray[np.bool_]) -> Presences:
        return Presences(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})


def presences(town: Town, days: int, rng: np.random.Generator) -> Presences:
    """All presences of all days, sorted by day and person."""
    parts: list[dict[str, Any]] = []
    for day in range(days):
        parts += [
            _sellers(town),
            _shoppers(town, rng),
            _evenings(town, rng),
            _trains(town, rng),
            _nights(town, rng),
        ]
        for part in parts[-5:]:
            part["day"] = np.full(part["person"].size, day, np.int16)
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in Presences.__annotations__.items():
        del kind
        filled = [np.asarray(part.get(name, np.full(part["person"].size, -1))) for part in parts]
        columns[name] = np.concatenate(filled)
    order = np.lexsort((columns["start"], columns["person"], columns["day"]))
    kinds = {
        "day": np.int16,
        "start": np.int16,
        "end": np.int16,
        "row": np.int16,
        "column": np.int16,
        "setting": np.int8,
    }
    return Presences(
        **{name: column[order].astype(kinds.get(name, np.int32)) for name, column in columns.items()}
    )


def _sellers(town: Town) -> dict[str, Any]:
    """Stallholders stand in their aisle all day, every day, and eat in the canteen in two shifts."""
    who = np.flatnonzero(town.hall >= 0).astype(np.int32)
    market = town.places.of("market")[0]
    aisle = town.team[who]
    lunch = np.where(aisle % 2 == 0, 660, 700)
    n = who.size
    same = {"setting": np.full(3 * n, MARKET), "place": np.full(3 * n, market)}
    own = town.aisles[aisle]
    return same | {
        "person": np.tile(who, 3),
        "start": np.concatenate([np.full(n, 480), lunch, lunch + 40]),
        "end": np.concatenate([lunch, lunch + 40, np.full(n, SHUT)]),
        "anchor": np.concatenate([own, np.full(n, town.canteen), own]),
        "group": np.concatenate([own, np.full(n, town.canteen), own]),
    }


def _some(chance: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int32]:
    return np.flatnonzero(rng.random(chance.size) < chance).astype(np.int32)


def _shoppers(town: Town, rng: np.random.Generator) -> dict[str, Any]:
    """4 % of those over 15 go to a market, mostly their district's; most pass by, some stay."""
    who = _some(np.where((town.age > 15) & (town.hall < 0), 0.04, 0.0), rng)
    markets = np.array(town.places.of("market"))
    elsewhere = rng.random(who.size) < 0.1
    choice = np.where(elsewhere, rng.integers(markets.size, size=who.size), town.district[who])
    aisles = [np.array(town.places.aisles[int(market)]) for market in markets]
    pick = rng.random(who.size)
    anchor = np.empty(who.size, np.int64)
    for at, cells in enumerate(aisles):
        mine = choice == at
        anchor[mine] = cells[(pick[mine] * cells.size).astype(int)]
    stays = rng.random(who.size) < 0.06
    minutes = np.where(stays, rng.integers(30, 60, size=who.size), rng.integers(4, 10, size=who.size))
    busy = ((town.team[who] >= 0) | (town.classroom[who] >= 0)).astype(int)
    start = np.where(
        busy == 1, rng.integers(480, 505, size=who.size), rng.integers(OPEN, SHUT - 60, size=who.size)
    )
    return {
        "person": who,
        "start": start,
        "end": start + np.where(busy == 1, np.minimum(minutes, 9), minutes),
        "setting": np.where(choice == 0, MARKET, SHOP),
        "place": markets[choice],
        "anchor": anchor,
        "group": anchor,
    }


def _evenings(town: Town, rng: np.random.Generator) -> dict[str, Any]:
    """3 % spend an hour or two of the evening at a venue of their district."""
    who = _some(np.where(town.age > 11, 0.03, 0.0), rng)
    venues = np.array(town.places.of("venue"))
    district = np.array(town.places.district)[venues]
    place = np.empty(who.size, np.int64)
    pick = rng.random(who.size)
    for d in range(len(names.DISTRICTS)):
        near, mine = venues[district == d], town.district[who] == d
        place[mine] = near[(pick[mine] * near.size).astype(int)]
    start = rng.integers(18 * 60 + 20, 20 * 60 + 30, size=who.size)
    anchor = np.array(town.places.anchor)[place]
    return {
        "person": who,
        "start": start,
        "end": start + rng.integers(50, 110, size=who.size),
        "setting": np.full(who.size, VENUE),
        "place": place,
        "anchor": anchor,
        "group": anchor,
    }


def _trains(town: Town, rng: np.random.Generator) -> dict[str, Any]:
    """2 in 1,000 take a train; those of one coach can meet."""
    who = _some(np.where(town.age > 17, 0.002, 0.0), rng)
    number = max(town.persons // 25_000, 1) * 2
    train = rng.integers(number, size=who.size)
    seat = np.arange(who.size)
    seat = (
        rng.permutation(number * 85)[:0]
        if who.size == 0
        else (rng.permutation(85 * (who.size // 85 + 1))[seat] % 85)
    )
    start = 9 * 60 + (train * 97) % 480
    return {
        "person": who,
        "start": start,
        "end": start + 70 + (train * 31) % 60,
        "setting": np.full(who.size, TRAIN),
        "group": 1_000_000_000 + train,
        "row": seat // 5 + 1,
        "column": seat % 5 + 1,
        "train": train,
    }


def _nights(town: Town, rng: np.random.Generator) -> dict[str, Any]:
    """1 in 1,000 spends the evening and night at a hotel of the city."""
    who = _some(np.where(town.age > 17, 0.001, 0.0), rng)
    hotels = np.array(town.places.of("hotel"))
    place = hotels[rng.integers(hotels.size, size=who.size)]
    anchor = np.array(town.places.anchor)[place]
    floor = rng.integers(2, 9, size=who.size)
    return {
        "person": who,
        "start": np.full(who.size, 20 * 60),
        "end": np.full(who.size, 23 * 60 + 50),
        "setting": np.full(who.size, HOTEL),
        "place": place,
        "anchor": anchor,
        "group": place * 10 + floor + 2_000_000_000 - 10**8,
        "row": floor,
        "column": rng.integers(1, 21, size=who.size),
    }
