"""Who lives in the city, with whom, where they work, learn and travel, and where each of these places lies.

Every place where people stay together (a household, a work team, a school class, a market's aisle) has a cell
of its own on a grid of 62 m: people of one cell are within a few metres, of different cells more than 50 m
apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lianfang.world import names
from lianfang.world.identity import phones, resident_ids

CELL = 62.0
LAT0, LON0 = 30.0, 114.9
METRES_A_DEGREE = 6371008.8 * np.pi / 180


@dataclass
class Places:
    """Everything but households: one row a place; ``anchor`` is the cell of its door."""

    kind: list[str] = field(default_factory=list)
    zh: list[str] = field(default_factory=list)
    en: list[str] = field(default_factory=list)
    district: list[int] = field(default_factory=list)
    anchor: list[int] = field(default_factory=list)
    aisles: dict[int, list[int]] = field(default_factory=dict)  # market -> anchors of its aisles

    def add(self, kind: str, zh: str, en: str, district: int, anchor: int) -> int:
        self.kind.append(kind)
        self.zh.append(zh)
        self.en.append(en)
        self.district.append(district)
        self.anchor.append(anchor)
        return len(self.kind) - 1

    def of(self, kind: str) -> list[int]:
        return [at for at, one in enumerate(self.kind) if one == kind]


@dataclass
class Town:
    """The people (arrays by person) and the anchors (cells) they use."""

    persons: int
    age: NDArray[np.int16]
    male: NDArray[np.bool_]
    birth: NDArray[np.int64]  # yyyymmdd
    district: NDArray[np.int8]
    household: NDArray[np.int32]
    home: NDArray[np.int32]  # anchor
    team: NDArray[np.int32]  # work team, -1
    classroom: NDArray[np.int32]  # school class, -1
    ride: NDArray[np.int32]  # group of a bus commute, -1
    hall: NDArray[np.int32]  # 0: works at the market of the outbreak, -1
    work_place: NDArray[np.int32]  # row of places, -1
    school_place: NDArray[np.int32]
    team_anchor: NDArray[np.int32]
    class_anchor: NDArray[np.int32]
    canteen: int
    aisles: NDArray[np.int32]  # anchors of the market's aisles
    seller_team: NDArray[np.int32]  # teams that are aisles
    places: Places
    x: NDArray[np.float64]  # metres by anchor
    y: NDArray[np.float64]
    name: NDArray[Any]
    resident_id: NDArray[Any]
    phone: NDArray[Any]
    address: NDArray[Any]
    occupation: NDArray[np.int8]

    @property
    def adcode(self) -> NDArray[Any]:
        return np.array([row[0] for row in names.DISTRICTS])[self.district]

    def degrees(self, anchor: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitude and longitude of anchors."""
        return to_degrees(self.x[anchor], self.y[anchor])


def to_degrees(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lat = LAT0 + y / METRES_A_DEGREE
    lon = LON0 + x / (METRES_A_DEGREE * np.cos(np.radians(LAT0)))
    return np.round(lat, 5), np.round(lon, 5)


class Grid:
    """Cells by district, handed out one at a time or many."""

    def __init__(self, wanted: NDArray[np.int64], rng: np.random.Generator) -> None:
        side = max(int(np.ceil(np.sqrt(wanted.sum() * 1.22))), 96)
        at = np.arange(side * side)
        u, v = (at % side + 0.5) / side, (at // side + 0.5) / side
        self.x = (u - 0.5) * side * CELL
        self.y = (v - 0.5) * side * CELL
        centres = np.array([(row[4], row[5]) for row in names.DISTRICTS])
        distance = np.hypot(u[:, None] - centres[None, :, 0], v[:, None] - centres[None, :, 1])
        # districts take the cells nearest to them until each has what it wants
        taken = np.full(at.size, -1, np.int8)
        reach = distance / np.sqrt(wanted / wanted.sum())[None, :]
        best = np.argsort(reach, axis=1, kind="stable")
        room = (wanted * 1.2).astype(np.int64) + 8
        for choice in range(len(names.DISTRICTS)):
            for d in range(len(names.DISTRICTS)):
                open_cells = np.flatnonzero((taken < 0) & (best[:, choice] == d))
                nearest = open_cells[np.argsort(reach[open_cells, d], kind="stable")]
                some = nearest[: max(room[d] - int((taken == d).sum()), 0)]
                taken[some] = d
        self._side = side
        self._free = taken  # the district to which a cell still belongs, -1 once handed out
        self._turn = np.zeros(at.size, np.int32)  # a cell's place in its district's order
        self._order: list[NDArray[np.int64]] = []
        self._next = [0] * len(names.DISTRICTS)  # all before it in the order are handed out
        for d in range(len(names.DISTRICTS)):
            order = rng.permutation(np.flatnonzero(taken == d))
            self._turn[order] = np.arange(order.size)
            self._order.append(order)

    def take(self, district: int, number: int) -> NDArray[np.int32]:
        """Scattered cells."""
        cells = self._first(district, number)
        self._free[cells] = -1
        return cells.astype(np.int32)

    def _first(self, district: int, number: int) -> NDArray[np.int64]:
        """The first free cells of a district's order; fewer where it has no more."""
        order, begin = self._order[district], self._next[district]
        while begin < order.size and self._free[order[begin]] != district:
            begin += 1
        self._next[district] = begin
        ahead = max(2 * number, 16)
        while True:
            some = order[begin : begin + ahead]
            free: NDArray[np.int64] = some[self._free[some] == district]
            if free.size >= number or begin + ahead >= order.size:
                return free[:number]
            ahead *= 2

    def block(self, district: int, number: int) -> NDArray[np.int32]:
        """Cells near each other: the buildings of one site.

        The nearest free ones to the district's next cell; only a square about it is looked at, as large as
        it must be for no cell outside to be nearer.
        """
        middle = int(self._first(district, 1)[0])
        row, column = divmod(middle, self._side)
        reach = int(np.ceil(np.sqrt(number))) + 1
        while True:
            rows = np.arange(max(row - reach, 0), min(row + reach + 1, self._side))
            columns = np.arange(max(column - reach, 0), min(column + reach + 1, self._side))
            cells = (rows[:, None] * self._side + columns[None, :]).ravel()
            cells = cells[self._free[cells] == district]
            distance = np.hypot(self.x[cells] - self.x[middle], self.y[cells] - self.y[middle])
            # what lies outside the square is at least one cell further than its half side
            if reach >= self._side or (distance < (reach + 0.5) * CELL).sum() >= number:
                break
            reach *= 2
        chosen: NDArray[np.int32] = cells[np.lexsort((self._turn[cells], distance))[:number]].astype(np.int32)
        self._free[chosen] = -1
        return chosen


def settle(persons: int, start: date, rng: np.random.Generator) -> Town:
    """The city's people and places."""
    districts = len(names.DISTRICTS)
    sizes = rng.choice(np.arange(1, 7), size=persons, p=[0.22, 0.32, 0.24, 0.13, 0.07, 0.02])
    households = int(np.searchsorted(np.cumsum(sizes), persons)) + 1
    household = np.repeat(np.arange(households, dtype=np.int32), sizes[:households])[:persons]
    seat = np.arange(persons) - np.searchsorted(household, household)
    share = np.array([row[3] for row in names.DISTRICTS])
    of_household = rng.choice(districts, size=households, p=share / share.sum()).astype(np.int8)
    district = of_household[household]
    age, male = _ages(household, seat, households, rng)
    since = (age * 365.2425 + rng.integers(1, 366, size=persons)).astype("timedelta64[D]")
    birth = _compact(np.datetime64(start, "D") - since)
    per_district = (
        np.bincount(of_household, minlength=districts) + np.bincount(district, minlength=districts) // 8 + 60
    )
    grid = Grid(per_district.astype(np.int64), rng)
    places = Places()
    school_place, classroom, class_anchor = _schools(age, district, grid, places, rng)
    work_place, team, team_anchor, aisles, seller_team, canteen, hall = _work(
        persons, age, district, grid, places, rng
    )
    _other_places(persons, grid, places)
    home_of = np.empty(households, np.int32)
    for d in range(districts):
        mine = np.flatnonzero(of_household == d)
        home_of[mine] = grid.take(d, mine.size)
    ride = _rides(team, hall, district, rng)
    adcodes = np.array([int(row[0]) for row in names.DISTRICTS], np.int64)[district]
    return Town(
        persons=persons,
        age=age,
        male=male,
        birth=birth,
        district=district,
        household=household,
        home=home_of[household],
        team=team,
        classroom=classroom,
        ride=ride,
        hall=hall,
        work_place=work_place,
        school_place=school_place,
        team_anchor=team_anchor,
        class_anchor=class_anchor,
        canteen=canteen,
        aisles=aisles,
        seller_team=seller_team,
        places=places,
        x=grid.x,
        y=grid.y,
        name=_person_names(household, households, seat, male, rng),
        resident_id=resident_ids(adcodes, birth, male),
        phone=phones(np.arange(persons, dtype=np.int64), int(rng.integers(10**8))),
        address=_addresses(household, of_household, rng),
        occupation=_occupations(age, team, classroom, hall, work_place, places, rng),
    )


def _compact(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    year = days.astype("datetime64[Y]").astype(np.int64) + 1970
    month = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    first = days.astype("datetime64[M]").astype("datetime64[D]")
    stamp: NDArray[np.int64] = (
        year * 10000 + month * 100 + (days.astype("datetime64[D]") - first).astype(np.int64) + 1
    )
    return stamp


def _ages(
    household: NDArray[np.int32], seat: NDArray[np.int64], households: int, rng: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Head of household 22-88; partner near in age; children, or an old parent, after them."""
    head = np.clip(rng.gamma(6.0, 8.0, households) + 3, 22, 88)[household]
    n = household.size
    partner = np.clip(head + rng.normal(0, 3.5, n), 20, 90)
    child = np.clip(head - rng.uniform(22, 36, n), 0, 45)
    parent = np.clip(head + rng.uniform(22, 32, n), 45, 95)
    other = np.where(rng.random(n) < np.where(head < 55, 0.8, 0.9), child, parent)
    age = np.select([seat == 0, seat == 1], [head, partner], other).astype(np.int16)
    sex_of_head = (rng.random(household[-1] + 1) < 0.55)[household]
    male = np.select([seat == 0, seat == 1], [sex_of_head, ~sex_of_head], rng.random(n) < 0.51)
    return age, male


def _schools(
    age: NDArray[np.int16], district: NDArray[np.int8], grid: Grid, places: Places, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    school = np.full(age.size, -1, np.int32)
    room = np.full(age.size, -1, np.int32)
    anchors: list[int] = []
    grades = (
        (3, 5, "幼儿园", "Kindergarten"),
        (6, 11, "小学", "Primary School"),
        (12, 14, "初级中学", "Middle School"),
        (15, 17, "高级中学", "High School"),
    )
    for d, row in enumerate(names.DISTRICTS):
        for low, high, zh, en in grades:
            pupils = np.flatnonzero((age >= low) & (age <= high) & (district == d))
            if low == 3:
                pupils = pupils[rng.random(pupils.size) < 0.6]
            rooms: list[NDArray[np.int64]] = []
            for year in range(low, high + 1):
                of_year = rng.permutation(pupils[age[pupils] == year])
                rooms += np.array_split(of_year, max(round(of_year.size / 36), 1)) if of_year.size else []
            for number, first in enumerate(range(0, len(rooms), 18), start=1):
                site = rooms[first : first + 18]
                cells = grid.block(d, len(site))
                street = names.STREETS[d][(number * 3 + low) % 8][:-1]
                place = places.add(
                    "school", f"{row[1]}{street}{zh}", f"{row[2]} {en} {number}", d, int(cells[0])
                )
                for members, cell in zip(site, cells.tolist(), strict=True):
                    school[members] = place
                    room[members] = len(anchors)
                    anchors.append(cell)
    return school, room, np.array(anchors or [0], np.int32)


def _work(
    persons: int,
    age: NDArray[np.int16],
    district: NDArray[np.int8],
    grid: Grid,
    places: Places,
    rng: np.random.Generator,
) -> tuple[Any, ...]:
    """Workplaces of 1 to 20 teams of about 9; the market's sellers first; hospitals next."""
    work = np.full(persons, -1, np.int32)
    team = np.full(persons, -1, np.int32)
    hall = np.full(persons, -1, np.int32)
    anchors: list[int] = []
    able = np.flatnonzero((age >= 20) & (age < 62))
    pool = rng.permutation(able[rng.random(able.size) < 0.8])

    def staff(place: int, cells: NDArray[np.int32], sizes: list[int], people: NDArray[np.int64]) -> int:
        """Fills the teams in turn and returns how many people that took."""
        begin = 0
        for size, cell in zip(sizes, cells.tolist(), strict=True):
            members = people[begin : begin + size]
            begin += members.size
            team[members] = len(anchors)
            work[members] = place
            anchors.append(cell)
        return begin

    stalls = min(max(round(persons / 900), 48), 160)
    local = pool[(district[pool] == 0) & (age[pool] >= 26)][: stalls + 2]
    pool = pool[~np.isin(pool, local)]
    sizes = [part.size for part in np.array_split(local, max(local.size // 12, 1))]
    cells = grid.block(0, len(sizes) + 1)
    canteen = int(cells[-1])
    place = places.add("market", names.MARKETS[0], names.MARKETS_EN[0], 0, int(cells[0]))
    places.aisles[place] = cells[:-1].tolist()
    hall[local] = 0
    staff(place, cells[:-1], sizes, local)
    seller_team = np.arange(len(sizes), dtype=np.int32)
    hired = 0
    for zh, en, d in names.HOSPITALS:
        number = max(persons // 25_000, 1) * (3 if d == 0 else 2)
        cells = grid.block(d, number)
        place = places.add("hospital", zh, en, d, int(cells[0]))
        hired += staff(place, cells, [10] * number, pool[hired:])
    serial = 0
    while hired < pool.size:
        d = int(rng.choice(len(names.DISTRICTS), p=[row[3] for row in names.DISTRICTS]))
        number = min(int(rng.pareto(1.3)) + 1, 20)
        sizes = np.clip(rng.poisson(9, number), 3, 16).tolist()
        cells = grid.block(d, number)
        head = (
            names.FIRM_HEADS[serial % len(names.FIRM_HEADS)]
            + names.FIRM_HEADS[(serial * 7 + 3) % len(names.FIRM_HEADS)]
        )
        firm = names.FIRMS[(serial // 3) % len(names.FIRMS)]
        place = places.add(
            "workplace", f"{head}{firm}{serial + 1:04d}公司", f"Firm {serial + 1:04d}", d, int(cells[0])
        )
        hired += staff(place, cells, sizes, pool[hired:])
        serial += 1
    return (
        work,
        team,
        np.array(anchors, np.int32),
        np.array(anchors, np.int32)[seller_team],
        seller_team,
        canteen,
        hall,
    )


def _other_places(persons: int, grid: Grid, places: Places) -> None:
    for d in range(1, len(names.MARKETS)):
        cells = grid.block(d, max(int(persons * names.DISTRICTS[d][3] / 2500), 2))
        place = places.add("market", names.MARKETS[d], names.MARKETS_EN[d], d, int(cells[0]))
        places.aisles[place] = cells.tolist()
    for d, row in enumerate(names.DISTRICTS):
        for number in range(1, 3):
            zh = f"{row[1]}第{'一二'[number - 1]}社区卫生服务中心"
            places.add("clinic", zh, f"{row[2]} Clinic {number}", d, int(grid.take(d, 1)[0]))
        for number in range(max(int(persons * row[3] / 400), 3)):
            street = names.STREETS[d][number % 8][:-1]
            zh = f"{street}{names.VENUES[(number // 8 + number) % 8]}{number + 1}"
            places.add("venue", zh, f"{row[2]} Venue {number + 1}", d, int(grid.take(d, 1)[0]))
    for zh, en, d in names.STATIONS:
        places.add("station", zh, en, d, int(grid.take(d, 1)[0]))
    for number, zh in enumerate(names.HOTELS):
        d = number % len(names.DISTRICTS)
        places.add("hotel", zh, f"Hotel {number + 1}", d, int(grid.take(d, 1)[0]))


def _rides(
    team: NDArray[np.int32], hall: NDArray[np.int32], district: NDArray[np.int8], rng: np.random.Generator
) -> NDArray[np.int32]:
    """A quarter of the workers share a bus of their district with about fourteen others."""
    ride = np.full(team.size, -1, np.int32)
    number = 0
    for d in range(len(names.DISTRICTS)):
        riders = np.flatnonzero((team >= 0) & (hall < 0) & (district == d) & (rng.random(team.size) < 0.25))
        groups = max(riders.size // 14, 1)
        ride[rng.permutation(riders)] = number + np.arange(riders.size) % groups
        number += groups
    return ride


def _person_names(
    household: NDArray[np.int32],
    households: int,
    seat: NDArray[np.int64],
    male: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[Any]:
    surnames = np.array(list(names.SURNAMES))
    weight = 1.0 / (np.arange(surnames.size) + 6.0)
    family = rng.choice(surnames.size, size=households, p=weight / weight.sum())[household]
    own = rng.choice(surnames.size, size=household.size, p=weight / weight.sum())
    surname = surnames[np.where(seat == 1, own, family)]
    given = []
    for _ in range(2):
        men = np.array(list(names.GIVEN_MALE))
        women = np.array(list(names.GIVEN_FEMALE))
        given.append(
            np.where(
                male,
                men[rng.integers(men.size, size=male.size)],
                women[rng.integers(women.size, size=male.size)],
            )
        )
    second = np.where(rng.random(male.size) < 0.18, "", given[1])
    return np.char.add(np.char.add(surname, given[0]), second)


def _addresses(
    household: NDArray[np.int32], of_household: NDArray[np.int8], rng: np.random.Generator
) -> NDArray[Any]:
    streets = np.array(names.STREETS)
    zh = np.array([row[1] for row in names.DISTRICTS])
    n = of_household.size
    street = streets[of_household, rng.integers(8, size=n)]
    text = np.char.add(np.char.add("临江市", zh[of_household]), street)
    for low, high, unit in ((1, 399, "号"), (1, 20, "栋"), (1, 4, "单元")):
        text = np.char.add(np.char.add(text, rng.integers(low, high, size=n).astype(str)), unit)
    door = rng.integers(1, 12, size=n) * 100 + rng.integers(1, 5, size=n)
    return np.char.add(np.char.add(text, door.astype(str)), "室")[household]


def _occupations(
    age: NDArray[np.int16],
    team: NDArray[np.int32],
    classroom: NDArray[np.int32],
    hall: NDArray[np.int32],
    work_place: NDArray[np.int32],
    places: Places,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    kind = np.array([*places.kind, ""])[work_place]
    job = rng.integers(0, 4, size=age.size)
    conditions = [hall >= 0, kind == "hospital", team >= 0, classroom >= 0, age < 7, age >= 60]
    school = np.where(age < 6, 10, 9)
    return np.select(conditions, [1, 4, job, school, 11, 8], 7).astype(np.int8)
