"""The truth, which neither the centre nor the holder reads, and a simulator that answers from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, NotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lianfang.world.clinic import Card
    from lianfang.world.epidemic import Outbreak
    from lianfang.world.people import Town


@dataclass(frozen=True)
class Answer:
    """What a visit and a laboratory would find that day. ``simulated`` is always true."""

    infected: bool
    infectious: bool
    symptoms: tuple[str, ...]
    temperature: float
    test: str  # "positive" or "negative"
    simulated: bool = True
    notice: str = "Answered by the simulator of a fictional city. 由虚构城市的模拟器回答，并非真实检测。"


def answers(city: Path | str, who: str | int, day: date) -> Answer:
    """The simulator's answer about one person on one day, at 10:00 local time.

    ``who``: an ID number, or the number of a person in ``truth/persons.parquet``. A test finds an infected
    person from half a day before he is infectious to 20 days after infection, with sensitivity 0.93; its
    false positives are 2 in 1,000. The same question gets the same answer.
    """
    import polars as pl

    base = Path(city) / "truth"
    if not (base / "persons.parquet").is_file():
        raise BadInput(
            "This folder holds no truth of a demonstration city.", hint="Build one: lianfang world build."
        )
    column = "resident_id" if isinstance(who, str) else "person"
    found = pl.scan_parquet(base / "persons.parquet").filter(pl.col(column) == who).select("person").collect()
    if found.is_empty():
        raise NotFound("The demonstration city has no such person.")
    person = int(found["person"][0])
    rows = pl.scan_parquet(base / "infections.parquet").filter(pl.col("person") == person).collect()
    chance = _chances(Path(city), person, day)
    now = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    if rows.is_empty() or rows["time"][0] > now:
        return Answer(
            False,
            False,
            (),
            round(36.2 + 0.8 * chance[0], 1),
            "positive" if chance[1] < 0.002 else "negative",
        )
    one: dict[str, Any] = rows.row(0, named=True)
    infectious = bool(one["infectious_from"] <= now < one["infectious_to"])
    onset = one["symptom_onset"]
    ill = onset is not None and onset <= now < onset + timedelta(days=10)
    detectable = one["infectious_from"] - timedelta(hours=12) <= now < one["time"] + timedelta(days=20)
    positive = detectable and chance[1] < 0.93
    return Answer(
        infected=True,
        infectious=infectious,
        symptoms=("发热", "咳嗽") if ill else (),
        temperature=round(37.6 + 1.5 * chance[0], 1) if ill else round(36.2 + 0.8 * chance[0], 1),
        test="positive" if positive else "negative",
    )


def _chances(city: Path, person: int, day: date) -> tuple[float, float]:
    from lianfang.world.city import City

    seed = City.open(city).manifest["seed"]
    digest = hashlib.sha256(f"{seed}/{person}/{day.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48, int.from_bytes(digest[6:12], "big") / 2**48


def write_truth(
    folder: Path, town: Town, event: Outbreak, cards: list[Card], number: NDArray[np.int32], start: date
) -> None:
    """Writes persons and infections."""
    import numpy as np
    import pyarrow as pa

    from lianfang.world.holder import local_midnight, place_ids, write_parquet

    ids = np.append(place_ids(town), "")
    births = town.birth
    month, dom = births // 100 % 100, births % 100
    dates = (
        (births // 10000 - 1970).astype("datetime64[Y]").astype("datetime64[M]")
        + (month - 1).astype("timedelta64[M]")
    ).astype("datetime64[D]") + (dom - 1).astype("timedelta64[D]")
    persons = pa.table(
        {
            "person": np.arange(town.persons, dtype=np.int32),
            "name": town.name.tolist(),
            "resident_id": town.resident_id.tolist(),
            "phone": town.phone.tolist(),
            "address": town.address.tolist(),
            "adcode": town.adcode.tolist(),
            "sex": np.where(town.male, "male", "female").tolist(),
            "birth_date": pa.array(dates, pa.date32()),
            "household": town.household,
            "workplace": pa.array(ids[town.work_place].tolist(), mask=town.work_place < 0),
            "school": pa.array(ids[town.school_place].tolist(), mask=town.school_place < 0),
            "subscriber": pa.array(number, mask=number < 0),
        }
    )
    write_parquet(folder / "persons.parquet", persons)
    first_card: dict[int, str] = {}
    for card in cards:
        if card.outbreak:
            first_card.setdefault(card.person, card.values["报告卡编号"])
    frame = event.outcome.infections()
    origin = local_midnight(start)

    def moments(name: str) -> Any:
        values = frame[name].fill_null(float("nan")).to_numpy()
        missing = ~np.isfinite(values)
        seconds = origin + np.floor(np.where(missing, 0.0, values) * 86400).astype(np.int64)
        return pa.array(seconds, pa.timestamp("s", tz="UTC"), mask=missing)

    infector = frame["infector"].fill_null(-1).to_numpy().astype(np.int32)
    infections = pa.table(
        {
            "person": frame["person"].to_numpy(),
            "infector": pa.array(infector, mask=infector < 0),
            "time": moments("time"),
            "setting": frame["setting"].to_list(),
            "symptom_onset": moments("onset"),
            "infectious_from": moments("infectious_from"),
            "infectious_to": moments("infectious_to"),
            "report_card": pa.array([first_card.get(p) for p in frame["person"].to_list()], pa.string()),
        }
    )
    write_parquet(folder / "infections.parquet", infections)
