"""``lianfang guard attack`` and ``guard disclosure``: doors that parse, call and render."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from disclosurekit import EVENT, centre, city_cards, publish_days
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, LianfangError
from lianfang.guard.attack import linkage, read_register, read_release
from lianfang.services import bulletin


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments))
    if isinstance(result.exception, LianfangError):
        return result.exception.exit_code, result.output + str(result.exception)
    return result.exit_code, result.output


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three bulletins' signed files, as a citizen has them."""
    inst = centre(tmp_path / "home")
    publish_days(inst, city_cards(14), 10, 3)
    paths = []
    for number in (1, 2, 3):
        path = tmp_path / f"{number}.lianfang.json"
        path.write_text(bulletin.document(inst, EVENT, number), encoding="utf-8")
        paths.append(str(path))
    inst.close()
    return paths


def test_signed_files_and_the_installation_give_the_same_report(files: list[str], tmp_path: Path) -> None:
    code, said = run("guard", "attack", *files, "--json")
    report = json.loads(said)
    assert code == 0 and report["recovered"] == 0 and report["report"]["releases"] == 3
    home = str(tmp_path / "home")
    code, said = run("guard", "attack", "--event", EVENT, "--home", home, "--as", "zhou.zhuren", "--json")
    # the installation's clock has gone on: a draft of today is counted in
    assert code == 0 and json.loads(said)["recovered"] == 0
    assert run("guard", "attack")[0] == 2


def test_a_recovered_cell_is_exit_4(tmp_path: Path) -> None:
    paths = []
    for day, (a, b, total) in enumerate([(10, 8, 18), (None, None, 20), (15, 8, 23)]):
        path = tmp_path / f"{day}.json"
        rows = [{"district": "429901", "count": a}, {"district": "429902", "count": b}]
        table = {
            "name": "t", "dimensions": ["district"], "rows": rows, "margins": [{"count": total}],
            "cumulative": True,
        }  # fmt: skip
        path.write_text(json.dumps({"as_of": f"2026-01-0{day + 1}", "tables": [table]}))
        paths.append(str(path))
    code, said = run("guard", "attack", *paths)
    assert code == 4 and "429902 = 8" in said and "429901 = 12" in said
    assert run("guard", "attack", *paths[:2])[0] == 0


def test_a_register_is_linked_with_the_listing(files: list[str], tmp_path: Path) -> None:
    release = read_release(Path(files[2]).read_text(encoding="utf-8"))
    (listing,) = (t for t in release["tables"] if t["listing"])
    one = listing["rows"][0]
    register = tmp_path / "register.csv"
    with register.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["编号", "性别", "确诊日期", "症状"])
        writer.writerow(["p1", "男" if one["sex"] == "male" else "女", one["confirm_date"], one["symptom"]])
        writer.writerow(["p2", "男", "1999-01-01", "x"])
    code, said = run("guard", "attack", *files, "--register", str(register), "--json")
    linked = json.loads(said)["report"]["linked"]
    assert linked["persons"] == 2 and linked["columns"] == ["confirm_date", "sex", "symptom"]
    assert code == 0 and linked["learned"] == []  # the register knew everything before
    assert run("guard", "attack", *files, "--register", str(tmp_path))[0] == 3


def test_a_listed_case_that_fits_one_person_tells_the_rest() -> None:
    listing = {"name": "c", "dimensions": ["sex", "confirm_date", "symptom"], "listing": True, "rows": [
        {"sex": "male", "confirm_date": "2026-01-02", "symptom": "fever"},
        {"sex": "female", "confirm_date": "2026-01-02", "symptom": "cough"},
        {"sex": "female", "confirm_date": "2026-01-02", "symptom": "fever"},
    ]}  # fmt: skip
    register = [
        {"name": "a", "sex": "M", "date confirmed": "x", "confirm_date": "2026/1/2"},
        {"name": "b", "sex": "F", "date confirmed": "x", "confirm_date": "2026-01-02"},
        {"name": "c", "sex": "F", "date confirmed": "x", "confirm_date": "2026-01-02"},
    ]
    found = linkage([{"as_of": "2026-01-03", "tables": [listing]}], register)
    assert (found.linked, found.learned, found.recovered) == (1, ("symptom",), 1)
    assert found.singled == 2 and 0 < found.chance < 1  # sex, and sex with the date


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"tables": 3}', '{"format": "lianfang-bulletin-file/1"}', "[" * 9999]
)
def test_what_is_no_release_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        read_release(text)


@pytest.mark.parametrize("text", ["", "a,a\n1,2\n", "a,b\n1\n"])
def test_what_is_no_register_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        read_register(text)


def test_microdata_is_measured_and_made_to_keep_the_rule(tmp_path: Path) -> None:
    source, out, levels = (tmp_path / name for name in ("in.csv", "out.csv", "levels.json"))
    rows = [f"{20 + i % 30},{'mf'[i % 2]},{['flu', 'cough', 'fever'][i % 3]}" for i in range(90)]
    source.write_text("age,sex,illness\n" + "\n".join(rows) + "\n")
    call = ("guard", "disclosure", "microdata", str(source), "--quasi", "age,sex", "--sensitive", "illness")
    assert run(*call, "--k", "5")[0] == 4
    levels.write_text(json.dumps({"age": {str(a): [f"{a // 10}0s", "*"] for a in range(20, 50)}}))
    code, said = run(*call, "--k", "5", "--l", "3", "--hierarchies", str(levels), "--out", str(out), "--json")
    assert code == 0 and json.loads(said)["levels"] == {"age": 1, "sex": 0}
    assert run("guard", "disclosure", "microdata", str(out), "--quasi", "age,sex", "--k", "5")[0] == 0


def test_noise_by_command(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    inst = centre(tmp_path / "home")
    publish_days(inst, city_cards(12), 11, 1)
    inst.close()
    there = ("--home", home, "--as", "zhou.zhuren")
    noise = ("guard", "disclosure", "noise")
    assert run(*noise, "ask", EVENT, "--epsilon", "0.5", *there)[0] == 3
    assert run(*noise, "grant", EVENT, "--epsilon", "1", "--reason", "drill", *there)[0] == 0
    code, said = run(*noise, "ask", EVENT, "--by", "sex", "--epsilon", "0.5", *there)
    assert code == 0 and {line.split()[0] for line in said.splitlines()[:3]} == {"male", "female", "unknown"}
    assert run(*noise, "ask", EVENT, "--by", "district", "--epsilon", "0.6", *there)[0] == 4
    code, said = run(*noise, "budget", EVENT, *there, "--json")
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(json.loads(said)["answers"]))
    code, said = run("guard", "attack", "--answers", str(answers))
    assert code == 0 and "averaging" in said
