"""``build`` a city and ``City.open`` one."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from lianfang.foundation.errors import BadInput, Conflict
from lianfang.foundation.progress import Progress, silent

FORMAT = "lianfang-city/1"
FEWEST, MOST = 1_500, 5_000_000


@dataclass(frozen=True)
class City:
    """A built city: its folder and its manifest."""

    path: Path
    manifest: dict[str, Any]

    @staticmethod
    def open(path: Path | str) -> City:
        """Reads the manifest of a built city; raises ``BadInput`` if the folder is none."""
        folder = Path(path)
        try:
            manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise BadInput(
                f"{folder} is no demonstration city.", hint="Build one: lianfang world build --out DIR."
            ) from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise BadInput(
                f"{folder} is not in the format {FORMAT}.", hint="Build it again with this version."
            )
        return City(folder, manifest)

    @property
    def start(self) -> date:
        return date.fromisoformat(self.manifest["start"])

    @property
    def alarm(self) -> date | None:
        """The morning on which the cluster alarm should sound, if the outbreak reached it."""
        text = self.manifest["story"]["alarm"]
        return date.fromisoformat(text) if text else None

    def inbox(self, day: date) -> Path:
        """What arrived at the centre's desk on ``day``."""
        return self.path / "centre" / day.isoformat()

    @property
    def holder(self) -> Path:
        return self.path / "holders" / "linjiang"

    def describe(self) -> dict[str, Any]:
        """The city in a few facts."""
        names = list(self.manifest["files"])
        return {
            "folder": str(self.path),
            "name": f"{self.manifest['name']['zh']} {self.manifest['name']['en']}",
            "persons": self.manifest["persons"],
            "days": self.manifest["days"],
            "start": self.manifest["start"],
            "seed": self.manifest["seed"],
            "alarm": self.manifest["story"]["alarm"],
            "districts": " ".join(row["zh"] for row in self.manifest["districts"]),
            "hospitals": len(self.manifest["hospitals"]),
            "card_files": sum("病例报告_" in name for name in names),
            "files": len(names),
            "megabytes": round(sum((self.path / name).stat().st_size for name in names) / 1e6, 1),
        }

    def damaged(self) -> list[str]:
        """Files that are missing or not as written."""
        return [
            name
            for name, digest in self.manifest["files"].items()
            if not (self.path / name).is_file() or _sha256(self.path / name) != digest
        ]


def build(
    out: Path | str,
    *,
    persons: int = 100_000,
    days: int = 60,
    seed: int = 24,
    start: date = date(2026, 1, 5),
    progress: Progress | None = None,
) -> City:
    """Writes the demonstration city below ``out``, which must be empty or absent.

    The folder appears only when it is complete: everything is written beside it and renamed. The same
    arguments give the same bytes. Raises ``BadInput`` for arguments out of range, ``Conflict`` for a
    folder in use.
    """
    target = Path(out)
    if not FEWEST <= persons <= MOST:
        raise BadInput(f"A city has {FEWEST:,} to {MOST:,} persons, not {persons:,}.")
    if not 1 <= days <= 365:
        raise BadInput(f"A city is built for 1 to 365 days, not {days}.")
    if not 0 <= seed < 2**31:
        raise BadInput("The seed is a whole number from 0 to 2147483647.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Conflict(f"{target} is not empty.", hint="Name a new folder, or remove this one first.")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part-{os.getpid()}")
    _clear_abandoned(target)
    try:
        draft.mkdir()
        manifest = _write(draft, persons, days, seed, start, progress)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return City(target, manifest)


def _clear_abandoned(target: Path) -> None:
    """Removes what a killed build left beside ``target``; the drafts of living processes stay."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.part-*"):
        owner = left.name.rpartition("-")[2]
        if not owner.isdigit() or int(owner) == os.getpid() or not _alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))


def _write(
    folder: Path, persons: int, days: int, seed: int, start: date, progress: Progress | None
) -> dict[str, Any]:
    import numpy as np

    from lianfang.world import clinic, holder, movement, people
    from lianfang.world.centre import write_centre
    from lianfang.world.epidemic import outbreak
    from lianfang.world.truth import write_truth

    report = progress or silent

    def step(done: int) -> None:
        report("city and epidemic 城市与疫情", done, 4)

    step(0)
    town = people.settle(persons, start, np.random.default_rng([seed, 1]))
    step(1)
    planned = movement.presences(town, days, np.random.default_rng([seed, 2]))
    step(2)
    event = outbreak(town, planned, days, seed, start)
    step(3)
    there = holder.attended(town, planned, event)
    cards = clinic.cards(town, event, days, start, seed)
    step(4)
    _places(folder, town)
    write_centre(folder / "centre", town, event, cards, days, start, seed, progress)
    number = holder.subscribers(town, seed)
    base = folder / "holders" / "linjiang"
    base.mkdir(parents=True)
    _json(base / "holder.json", _holder_card())
    holder.write_holder(base, town, there, event, number, days, start, seed, progress)
    (folder / "truth").mkdir()
    write_truth(folder / "truth", town, event, cards, number, start)
    first, last = holder.period(event, days)
    manifest = _manifest(town, persons, days, seed, start) | {
        "story": {
            "alarm": (start + timedelta(days=event.alarm)).isoformat() if event.alarm >= 0 else None,
            "positions": {
                "from": (start + timedelta(days=first)).isoformat(),
                "to": (start + timedelta(days=last)).isoformat(),
            },
        },
        "files": _digests(folder, report),
    }
    _json(folder / "manifest.json", manifest)
    return manifest


def _holder_card() -> dict[str, Any]:
    return {
        "id": "linjiang",
        "name": {"zh": "临江通信（虚构）", "en": "Linjiang Telecom (fictional)"},
        "kind": "telecom_operator",
        "sources": ["pings", "lodging", "trips", "visits"],
        "fictional": True,
    }


def _places(folder: Path, town: Any) -> None:
    import numpy as np

    from lianfang.world import names
    from lianfang.world.centre import write_csv
    from lianfang.world.holder import place_ids

    places = town.places
    lat, lon = town.degrees(np.array(places.anchor))
    ids = place_ids(town)
    rows = [
        [
            *(
                ids[at],
                places.kind[at],
                places.zh[at],
                places.en[at],
                names.DISTRICTS[places.district[at]][0],
            ),
            *(f"{lat[at]:.5f}", f"{lon[at]:.5f}"),
        ]
        for at in range(len(places.kind))
    ]
    write_csv(folder / "places.csv", ["place_id", "kind", "name_zh", "name_en", "adcode", "lat", "lon"], rows)


def _manifest(town: Any, persons: int, days: int, seed: int, start: date) -> dict[str, Any]:
    import numpy as np

    from lianfang.world import names
    from lianfang.world.holder import place_ids

    lat, lon = town.degrees(town.home)
    districts = []
    for d, row in enumerate(names.DISTRICTS):
        mine = town.district == d
        centre = [round(float(np.mean(values[mine])), 4) if mine.any() else None for values in (lat, lon)]
        size = int(mine.sum())
        districts.append(
            {
                "adcode": row[0],
                "zh": row[1],
                "en": row[2],
                "population": size,
                "lat": centre[0],
                "lon": centre[1],
            }
        )
    ids = place_ids(town)
    hospitals = [
        {"place_id": str(ids[at]), "zh": zh, "en": en, "adcode": names.DISTRICTS[d][0]}
        for at, (zh, en, d) in zip(town.places.of("hospital"), names.HOSPITALS, strict=True)
    ]
    return {
        "format": FORMAT,
        "fictional": True,
        "name": names.CITY,
        "adcode": names.ADCODE,
        "persons": persons,
        "days": days,
        "seed": seed,
        "start": start.isoformat(),
        "districts": districts,
        "neighbours": [{"adcode": row[0], "zh": row[1], "en": row[2]} for row in names.NEIGHBOURS],
        "hospitals": hospitals,
        "holders": ["linjiang"],
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digests(folder: Path, report: Progress) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    report("digests 校验", 0, len(files))
    found = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    report("digests 校验", len(files), len(files))
    return found


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
