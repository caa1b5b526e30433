"""Open sites of given places and published oligos: figures against windows told one by one, and hostile calls."""

from __future__ import annotations

import csv
import json
import random

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from lianfang.cli import cli
from lianfang.foundation.errors import BadInput
from lianfang.services.folding import files as service
from lianfang.treat import folding, genome
from lianfang.treat.genome import oligos
from shared import shared_data

RNA = "".join(random.Random(7).choices("ACGU", k=400))


@pytest.fixture(scope="module")
def ensemble() -> folding.Ensemble:
    return folding.ensemble(RNA)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 380), st.integers(0, 19), st.integers(0, 120))
def test_a_place_is_judged_among_all_windows_of_its_length(start: int, more: int, within: int) -> None:
    found = folding.ensemble(RNA[:120], beam=30) if start + more <= 120 else folding.ensemble(RNA, beam=20)
    end = start + more
    one = folding.around(found, [(start, end)], within=within)[0]
    windows = folding.accessible(found, length=more + 1).to_dicts()
    mine = windows[start - 1]
    assert (one.unpaired, one.least) == pytest.approx((mine["unpaired"], mine["least"]), abs=1e-9)
    opener = [w for w in windows if w["unpaired"] > mine["unpaired"] + 1e-9]
    assert one.opener == pytest.approx(len(opener) / len(windows), abs=2 / len(windows))
    near = [w for w in windows if abs(w["start"] - start) <= within]
    assert one.best[2] == pytest.approx(max(w["unpaired"] for w in near), abs=1e-9)
    assert abs(one.best[0] - start) <= within and one.best[1] - one.best[0] == more


def test_the_best_site_is_not_moved(ensemble: folding.Ensemble) -> None:
    best = folding.accessible(ensemble, length=22).sort("unpaired").row(-1, named=True)
    one = folding.around(ensemble, [(best["start"], best["end"])], within=400)[0]
    assert one.opener == 0.0 and one.best[:2] == (best["start"], best["end"])


def test_one_ensemble_serves_all_questions(ensemble: folding.Ensemble) -> None:
    assert folding.ensemble(ensemble) is ensemble
    assert folding.mea(ensemble) == folding.mea(RNA)
    assert folding.centroid(ensemble) == folding.centroid(RNA)
    assert folding.threshknot(ensemble) == folding.threshknot(RNA)
    assert folding.base_pairs(ensemble).equals(folding.base_pairs(RNA))


@pytest.mark.parametrize(
    ("places", "within"),
    [([(0, 5)], 5), ([(5, 4)], 5), ([(390, 401)], 5), ([(1, 5)], -1), ([(1, 5)], 10_001), ([(1, 5)], True)],
)
def test_places_that_are_none_are_refused(
    ensemble: folding.Ensemble, places: list[tuple[int, int]], within: int
) -> None:
    with pytest.raises(BadInput):
        folding.around(ensemble, places, within=within)


def test_all_oligos_are_found_where_an_exhaustive_search_found_them() -> None:
    with shared_data("genomics", "pcr_oligos.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader((line for line in stream if not line.startswith("#")), delimiter="\t"))
    dataset = genome.load()
    found = oligos.places(dataset.reference, dataset.oligos)
    sites = {one.name: (one.site[0] + 1, one.site[1]) for one in dataset.oligos}
    assert len(found) == len(rows) == 36
    assert {one.oligo: (one.start, one.end) for one in found} == sites
    assert {one.oligo: one.mismatches for one in found}["Charité_RdRp_R"] == 1


def test_part_of_a_genome_keeps_its_oligos_and_a_run_of_n_takes_none() -> None:
    dataset = genome.load()
    part = dataset.reference[28_000:29_300].lower().replace("t", "u")
    found = {one.oligo: one for one in oligos.places(part.upper(), dataset.oligos)}
    assert (found["ChinaCDC_N_F"].start, found["ChinaCDC_N_F"].end) == (881, 902)
    assert "ChinaCDC_ORF_F" not in found
    assert oligos.places("N" * 500, dataset.oligos) == []
    assert oligos.places("ACGU", dataset.oligos) == []
    changed = list(part.upper().replace("U", "T"))
    for at in (881, 890, 899):  # three of its 22 bases
        changed[at] = {"A": "C", "C": "A", "G": "T", "T": "G"}[changed[at]]
    again = {one.oligo: one for one in oligos.places("".join(changed), dataset.oligos)}
    assert (again["ChinaCDC_N_F"].start, again["ChinaCDC_N_F"].mismatches) == (881, 3)


def run(*args: str, text: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(cli, ["treat", *args], input=text)


def test_around_on_the_command_line() -> None:
    part = genome.load().reference[28_700:29_100]
    done = run(
        "accessible", "-", "--around", "10-31", "--around", "ChinaCDC_N_F", "--json", text=f">p\n{part}\n"
    )
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["p"]
    assert [row["site"] for row in rows] == ["10-31", "ChinaCDC_N_F"]
    assert (rows[1]["start"], rows[1]["end"], rows[1]["mismatches"]) == (181, 202, 0)
    assert rows[1]["best"]["unpaired"] >= rows[1]["unpaired"]
    printed = run("accessible", "-", "--around", "oligos", text=part).stdout.splitlines()
    assert len(printed) >= 6 and all(len(line.split("\t")) == 10 for line in printed)
    for bad in ("0-5", "5", "10-9", "1-401", "Charité_E_F", "nobody", "1-2-3", ""):
        assert isinstance(run("accessible", "-", "--around", bad, text=part).exception, BadInput), bad


def test_mea_has_a_switch_of_its_own_and_names_that_recur_are_numbered() -> None:
    text = ">a\nGGGGGAAACCCCC\n>a\nGGGGAAAACCCC\n"
    assert (
        run("fold", "-", "--mea", text=text).stdout
        == run("fold", "-", "--structure", "mea", text=text).stdout
    )
    rows = json.loads(run("pairs", "-", "--json", text=text).stdout)
    assert list(rows) == ["a", "a_2"]
    few = run("fold", "-", "--mea", "--gamma", "0.01", text=">a\nGGGAAAACCC\n").stdout.splitlines()[2]
    assert few.startswith("..........")
    assert isinstance(run("fold", "-", "--mea", "--gamma", "nan", text=text).exception, BadInput)
    assert isinstance(
        run("fold", "-", "--structure", "threshknot", "--theta", "nan", text=text).exception, BadInput
    )


def test_many_are_folded_in_their_order() -> None:
    texts = [(str(k), RNA[: 20 + 10 * (k % 5)]) for k in range(12)]
    for kind in ("mea", "centroid", "mfe"):
        found = service.structures(texts, kind=kind, workers=3)
        assert [one.name for one in found] == [name for name, _ in texts]
        assert [one.sequence for one in found] == [sequence for _, sequence in texts]
