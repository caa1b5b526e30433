"""Import of a line list: rows a second of processor time, beside polars.read_csv + a plain Pydantic loop; memory.

python benchmarks/importing.py [rows]     (default 200,000)
"""

from __future__ import annotations

import csv
import io
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1] / "src")]

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000


def make(path: Path, count: int) -> None:
    """Invented report cards, most things repeated as in a real line list."""
    import importkit

    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(importkit.CARD.split(","))
        for n in range(1, count + 1):
            row = importkit.card(n)
            row[1] = f"2026-01-{1 + n % 28:02d}"
            row[5] = f"19{40 + n % 60}-0{1 + n % 9}-{1 + n % 28:02d}"
            row[6] = f"429901{row[5].replace('-', '')}{n % 1000:03d}1"
            writer.writerow(row)


def plain(path: Path) -> int:
    """What a script would do: read all with Polars, rename, convert row by row, validate by the same model."""
    import polars as pl

    from lianfang.records import CaseReport

    words = {
        "男": "male", "女": "female", "普通型": "moderate", "疑似病例": "suspect",
    }  # fmt: skip
    names = {
        "报告卡编号": "card_no", "报告日期": "date_reporting", "报告单位": "reporter", "姓名": "name",
        "性别": "gender", "出生日期": "birth_date", "证件号码": "resident_id", "联系电话": "phone",
        "现住址": "address", "现住区划": "adcode", "职业": "occupation", "工作单位": "workplace",
        "学校": "school", "发病日期": "date_onset", "就诊日期": "date_visit", "入院日期": "date_admission",
        "临床严重程度": "severity", "病例分类": "classification", "症状": "symptoms_note",
        "暴露史": "exposure_note", "死亡日期": "date_death",
    }  # fmt: skip
    frame = pl.read_csv(path, infer_schema=False).rename(names)
    good = 0
    for row in frame.iter_rows(named=True):
        values: dict[str, Any] = {k: v for k, v in row.items() if v}
        for name in ("gender", "severity", "classification"):
            values[name] = words[values[name]]
        for name in ("date_reporting", "birth_date", "date_onset", "date_visit", "date_admission"):
            values[name] = date.fromisoformat(values[name])
        values["symptoms"] = values["symptoms_note"].split("、")
        CaseReport.model_validate(values)
        good += 1
    return good


def ours(path: Path) -> int:
    """Reading, mapping, symptoms to codes, age, case id, validation by the same model; nothing written."""
    from lianfang.services.importing import read_rows

    return sum(len(chunk) for chunk in read_rows(path, kind="city-case-report"))


def whole(path: Path) -> int:
    """The whole import: vault with a key for each person, store, staging, receipt."""
    import importkit
    from lianfang.services.importing import import_files

    with tempfile.TemporaryDirectory() as folder:
        inst = importkit.make(Path(folder) / "home")
        (report,) = import_files(inst, importkit.EPI, "case_report", [path])
        inst.close()
        return report.accepted


def counts(path: Path) -> int:
    """The whole import of counts to the lake (no persons)."""
    import importkit
    from lianfang.services.importing import import_files

    with tempfile.TemporaryDirectory() as folder:
        inst = importkit.make(Path(folder) / "home")
        (report,) = import_files(inst, importkit.EPI, "city-search-count", [path])
        inst.close()
        return report.accepted


def measure(name: str, path: str, queue: Any) -> None:
    globals()[name](Path(path).with_suffix(".warm"))  # imports and first-time costs are not the subject
    start = time.process_time()
    rows = globals()[name](Path(path))
    took = time.process_time() - start
    queue.put((rows, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def run(name: str, path: Path) -> tuple[int, float, float]:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=measure, args=(name, str(path), queue))
    process.start()
    result: tuple[int, float, float] = queue.get()
    process.join()
    return result


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cards, searches = Path(folder) / "cards.csv", Path(folder) / "searches.csv"
        make(cards, COUNT)
        make(cards.with_suffix(".warm"), 50)
        for path, count in ((searches, COUNT), (searches.with_suffix(".warm"), 50)):
            stream = io.StringIO()
            stream.write("日期,区划,检索词,次数\n")
            for n in range(count):
                stream.write(f"2026-01-{1 + n % 28:02d},4299{n % 100:02d},发热{n},{n % 1000}\n")
            path.write_text(stream.getvalue(), encoding="utf-8")
        print(f"{COUNT:,} rows, {cards.stat().st_size / 1e6:.0f} MB of report cards")
        base = 0.0
        for name, path, words in (
            ("plain", cards, "polars.read_csv + Pydantic row by row"),
            ("ours", cards, "read_rows: the same, streamed, strict"),
            ("whole", cards, "import_files: with vault, store, staging"),
            ("counts", searches, "import_files: counts to the lake"),
        ):
            rows, took, memory = run(name, path)
            rate = rows / took
            base = base or rate
            print(f"{words:<42} {rate:>9,.0f} rows/CPU s  {rate / base:5.2f}x  peak {memory:6.0f} MB")


if __name__ == "__main__":
    main()
