"""``lianfang treat folding`` and ``structure`` on good and on broken files."""

from __future__ import annotations

import gzip
import json
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner

from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, LianfangError, UsageError
from lianfang.treat import folding
from lianfang.treat.folding import arcs

TWO = ">a\nGGGGAAAACCCC\n>b something\nGGGGGAAACCCCC\n"


def run(*args, text=""):
    return CliRunner().invoke(cli, ["treat", *args], input=text)


@pytest.mark.parametrize("name", ["folding", "fold"])
def test_folds_as_dot_bracket_that_structure_reads_again(name):
    done = run(name, "-", text=TWO)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(">a\nGGGGAAAACCCC\n((((....)))) (-5.40)\n>b\n")
    again = run("structure", "-", "--json", text=done.stdout)
    assert [row["energy"] for row in json.loads(again.stdout)] == [-5.4, folding.fold("GGGGGAAACCCCC").energy]


def test_json_ct_and_bpseq_say_the_same(tmp_path):
    file = tmp_path / "two.fasta.gz"
    file.write_bytes(gzip.compress(TWO.encode()))
    first = json.loads(run("fold", str(file), "--json").stdout)[0]
    assert (first["name"], first["structure"], first["energy"]) == ("a", "((((....))))", -5.4)
    ct = run("fold", str(file), "--format", "ct").stdout.splitlines()
    assert ct[0] == "12 ENERGY = -5.40 a"
    assert (ct[1], ct[12]) == ("1 G 0 2 12 1", "12 C 11 0 1 12")
    bpseq = run("fold", str(file), "--format", "bpseq").stdout.splitlines()
    assert (bpseq[0], bpseq[1], bpseq[5]) == ("# a", "1 G 12", "5 A 0")


def test_an_arc_diagram_is_a_document_of_its_own(tmp_path):
    target = tmp_path / "arcs.svg"
    done = run("fold", "-", "--arcs", str(target), text="GGGGAAAACCCC")
    assert done.exit_code == 0, done.output
    root = ET.fromstring(target.read_text(encoding="utf-8"))
    titles = [part.text for part in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "1-4 : 9-12" in titles


def test_helices_are_runs_of_stacked_pairs():
    assert arcs.helices("((((....))))") == [(0, 11, 4)]
    assert arcs.helices("((.((...))))((...))") == [(0, 11, 2), (3, 9, 2), (12, 18, 2)]
    assert arcs.helices("....") == []


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("fold", "-"), ""),
        (("fold", "-"), ">a\n"),
        (("fold", "-"), ">a\nACGU!\n"),
        (("fold", "-", "--beam", "0"), TWO),
        (("fold", "no such file"), ""),
        (("structure", "-"), ""),
        (("structure", "-"), ">a\nACGU\n"),
        (("structure", "-"), ">a\nGGGGAAAACCCC\n((((....)))\n"),
    ],
)
def test_bad_input_is_refused(args, text):
    done = run(*args, text=text)
    assert isinstance(done.exception, LianfangError)
    assert isinstance(done.exception, BadInput)


def test_a_constraint_is_for_one_sequence():
    assert isinstance(run("fold", "-", "--constraint", "xx..", text=TWO).exception, UsageError)
    done = run("fold", "-", "--constraint", "xx..........", text="GGGGAAAACCCC")
    assert done.stdout.splitlines()[2].startswith("..")
