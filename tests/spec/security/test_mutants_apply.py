"""The seeded faults of tests/mutants still fit the code, and the tests that have to fail by them are there."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


def _runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "scripts" / "mutants.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


runner = _runner()


def _tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_fault_still_fits_its_file_and_has_its_test() -> None:
    wrong = []
    for mutant in runner.load():
        try:
            runner.mutated(mutant, ROOT)
        except runner.Unreadable as error:
            wrong.append(f"{mutant.theme}, {mutant.requirement}, {mutant.find!r}: {error}")
        file, _, test = mutant.test.partition("::")
        if not (ROOT / file).is_file() or test.split("[")[0] not in _tests(ROOT / file):
            wrong.append(f"{mutant.theme}, {mutant.requirement}: no test {mutant.test}")
    assert wrong == []


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("[[mutant]]\nrequirement = 1\n", "exactly"),
        ("[[mutant", "x.toml"),
    ],
)
def test_a_list_that_is_not_as_it_should_be_is_named(tmp_path: Path, listed: str, said: str) -> None:
    (tmp_path / "x.toml").write_text(listed, encoding="utf-8")
    with pytest.raises(runner.Unreadable, match=said):
        runner.load(tmp_path)


def _mutant(**changed: object) -> object:
    values = {
        "requirement": 1,
        "file": "thing.py",
        "find": "x = 1",
        "replace": "x = 2",
        "test": "test_code.py::test_x",
    }
    return runner.Mutant(**{**values, **changed})


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository with one file and three tests."""
    (tmp_path / "src").mkdir()
    (tmp_path / "thing.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "test_code.py").write_text(
        "from thing import x\n\ndef test_x():\n    assert x == 1\n\ndef test_nothing():\n    pass\n",
        encoding="utf-8",
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "caught"),
        ({"test": "test_code.py::test_nothing"}, "missed"),
        ({"test": "test_code.py::test_gone"}, "broken"),
        ({"find": "y = 1"}, "broken"),
        ({"replace": "x = ("}, "broken"),
        ({"replace": "import nowhere_at_all"}, "broken"),
        ({"file": "gone.py"}, "broken"),
    ],
)
def test_the_runner_tells_caught_from_missed_and_from_no_proof(
    small: Path, changed: dict[str, object], verdict: str
) -> None:
    assert runner.judge(_mutant(**changed), small)[0] == verdict
    assert (small / "thing.py").read_text(encoding="utf-8") == "x = 1\n"
