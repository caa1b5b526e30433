"""Breaks the code on purpose, one seeded fault at a time, and sees whether the test that holds it fails.

Each file of ``tests/mutants/*.toml`` lists faults of one theme::

    [[mutant]]
    requirement = 5                          # number of the security requirement
    file = "src/lianfang/api/view.py"        # any file of the repository
    find = "..."                             # exact text, which the file holds once
    replace = "..."
    test = "tests/spec/security/test_sec_01_08_output.py::test_sec_05_..."   # must pass without the fault, fail with it

The repository's files are copied to a temporary folder for each worker; the working tree is never touched. A fault is
*caught* when its test fails by an assertion or a raised error, *missed* when the test passes, and *broken* when nothing
was proved: the text is not there once, the fault is no Python, the test fails without it, or pytest did not run it.

    python scripts/mutants.py                 # all; what was judged before and has not changed since is not run again
    python scripts/mutants.py --only 5 --only 20 --fresh
    python scripts/mutants.py --record        # also write tests/mutants/THEME.json, which the manual reads

Exit status: 0 when every fault is caught, 1 otherwise, 2 when a list cannot be read.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib.util
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LISTS = ROOT / "tests" / "mutants"
KEYS = {"requirement", "file", "find", "replace", "test"}
#: Longest time for one test; a fault that hangs its test is not caught.
TIMEOUT_S = 300
#: A test that fails with one of these was not asked anything: the fault broke the code, not the guard.
NO_PROOF = ("SyntaxError", "IndentationError", "NameError", "ImportError", "ModuleNotFoundError")


class Unreadable(Exception):
    """A list of faults is not as it should be."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One seeded fault and the test that has to fail by it."""

    requirement: int
    file: str
    find: str
    replace: str
    test: str
    theme: str = ""

    def key(self, root: Path = ROOT) -> str:
        """Digest of the fault, of the file it is put in and of its test's file: what a verdict holds for."""
        digest = hashlib.sha256(json.dumps(dataclasses.astuple(self)).encode())
        for path in (root / self.file, root / self.test.split("::")[0]):
            digest.update(path.read_bytes() if path.is_file() else b"")
        return digest.hexdigest()[:24]


def load(folder: Path = LISTS) -> list[Mutant]:
    """Every fault of the lists, by theme and place in the list."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        try:
            rows = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
        except tomllib.TOMLDecodeError as error:
            raise Unreadable(f"{path.name}: {error}") from error
        for number, row in enumerate(rows, 1):
            if set(row) != KEYS:
                raise Unreadable(
                    f"{path.name}, mutant {number}: has to have exactly {', '.join(sorted(KEYS))}"
                )
            found.append(Mutant(**row, theme=path.stem))
    return found


def mutated(mutant: Mutant, root: Path) -> str:
    """The file's text with the fault in it."""
    path = root / mutant.file
    if not path.is_file():
        raise Unreadable("the file is not there")
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.find) != 1:
        raise Unreadable(f"the text to find is there {text.count(mutant.find)} times")
    made = text.replace(mutant.find, mutant.replace)
    if made == text:
        raise Unreadable("the fault changes nothing")
    if path.suffix == ".py":
        try:
            compile(made, mutant.file, "exec")
        except SyntaxError as error:
            raise Unreadable(f"the fault is no Python: {error}") from error
    return made


def copy_tree(target: Path) -> None:
    """The repository's files (tracked, and new ones that git does not ignore), and the environment by a link."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_file() and not source.is_symlink():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    (target / ".venv").symlink_to((ROOT / ".venv").resolve())


@contextmanager
def planted(mutant: Mutant, root: Path) -> Iterator[None]:
    """The fault is in its file, there and for this long."""
    path = root / mutant.file
    made = mutated(mutant, root)
    sound = path.read_bytes()
    compiled = Path(importlib.util.cache_from_source(str(path))) if path.suffix == ".py" else None

    def write(data: bytes) -> None:
        path.write_bytes(data)
        if (
            compiled is not None
        ):  # bytecode is judged by seconds and size, which a fault may share with the sound file
            compiled.unlink(missing_ok=True)

    write(made.encode())
    try:
        yield
    finally:
        write(sound)


def run_tests(root: Path, tests: Iterable[str], *options: str) -> tuple[int, list[ET.Element]]:
    """Exit status of pytest (124 when it took too long) and its cases."""
    report = root / "junit.xml"
    report.unlink(missing_ok=True)
    environment = {
        key: value for key, value in os.environ.items() if key not in ("LIANFANG_DEEP", "LIANFANG_WRITE")
    }
    environment |= {"PYTHONPATH": str(root / "src"), "TMPDIR": str(root / "tmp")}
    environment.setdefault("LIANFANG_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    (root / "tmp").mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        *options,
    ]
    try:
        status = subprocess.run(
            [*command, *tests],
            cwd=root,
            env=environment,
            timeout=TIMEOUT_S if "-x" in options else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return 124, []
    finally:
        shutil.rmtree(root / "tmp", ignore_errors=True)
    return status, list(ET.parse(report).iter("testcase")) if report.is_file() else []


def judge(mutant: Mutant, root: Path) -> tuple[str, str]:
    """Verdict and reason: whether the test fails by the fault."""
    try:
        with planted(mutant, root):
            status, cases = run_tests(root, [mutant.test], "-x")
    except Unreadable as error:
        return "broken", str(error)
    if status == 0:
        return "missed", "the test passes" if cases else "no test ran"
    if status == 124:
        return "missed", f"the test did not end within {TIMEOUT_S} s"
    # an error of a fixture or of the collection is no verdict of the test
    messages = [one.get("message", "") for case in cases if (one := case.find("failure")) is not None]
    if status != 1 or not messages:
        return "broken", f"pytest ended with {status}, {len(cases)} tests, none failed by itself"
    if any(message.startswith(NO_PROOF) for message in messages):
        return "broken", messages[0].splitlines()[0][:160]
    return "caught", messages[0].splitlines()[0][:160]


def unsound(mutants: list[Mutant], root: Path) -> set[str]:
    """Tests that do not pass without a fault: what they say by one proves nothing."""
    tests = sorted({mutant.test for mutant in mutants})
    status, _ = run_tests(root, tests)
    if status == 0:
        return set()
    return {test for test in tests if run_tests(root, [test])[0] != 0}


class Verdicts:
    """What was judged before, in a file outside the repository; a verdict counts while nothing has changed."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path, self.lock = path, threading.Lock()
        self.known: dict[str, list[str]] = {}
        if path.is_file() and not fresh:
            self.known = json.loads(path.read_text(encoding="utf-8"))

    def keep(self, key: str, verdict: tuple[str, str]) -> None:
        with self.lock:
            self.known[key] = list(verdict)
            draft = self.path.with_suffix(".part")
            draft.write_text(json.dumps(self.known), encoding="utf-8")
            draft.replace(self.path)


def state_file() -> Path:
    """Where verdicts are kept: one file for each working tree."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lianfang-mutants"
    base.mkdir(parents=True, exist_ok=True)
    return base / f"{hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]}.json"


def judge_all(
    mutants: list[Mutant],
    verdicts: Verdicts,
    *,
    workers: int,
    minutes: float,
    quiet: bool,
    sound: bool = False,
) -> list[tuple[Mutant, str, str]]:
    """Verdict and reason of each; those that the time was too short for are ``not run``.

    ``sound``: the tests are known to pass without a fault, and are not run for that.
    """
    until = time.monotonic() + minutes * 60 if minutes else float("inf")
    keys = {one: one.key() for one in mutants}  # as the files are now, which the copies are made of
    todo = [one for one in mutants if verdicts.known.get(keys[one], ["broken"])[0] == "broken"]
    found: dict[Mutant, tuple[str, str]] = {
        one: (verdicts.known[keys[one]][0], verdicts.known[keys[one]][1])
        for one in mutants
        if one not in todo
    }

    def tell(mutant: Mutant, how: tuple[str, str]) -> None:
        if not quiet:
            print(f"{how[0]:8} {mutant.requirement:3d}  {mutant.file}  {how[1]}", flush=True)

    with tempfile.TemporaryDirectory(prefix="lianfang-mutants-") as folder:
        roots: queue.Queue[Path] = queue.Queue()
        for number in range(min(workers, len(todo))):
            root = Path(folder) / f"{number}"
            root.mkdir()
            copy_tree(root)
            roots.put(root)
        bad = unsound(todo, roots.queue[0]) if todo and not sound else set()

        def one(mutant: Mutant) -> None:
            if time.monotonic() > until:
                found[mutant] = ("not run", "the time was too short")
                return
            if mutant.test in bad:
                how = ("broken", "the test fails, or is not there, without the fault")
            else:
                root = roots.get()
                try:
                    how = judge(mutant, root)
                finally:
                    roots.put(root)
            found[mutant] = how
            verdicts.keep(keys[mutant], how)
            tell(mutant, how)

        with ThreadPoolExecutor(max(1, workers)) as pool:
            list(pool.map(one, todo))
    return [(mutant, *found[mutant]) for mutant in mutants]


def record(judged: list[tuple[Mutant, str, str]]) -> None:
    """Write each theme's verdicts beside its list: the manual shows them while the faults are the same."""
    for theme in sorted({mutant.theme for mutant, _, _ in judged}):
        path = LISTS / f"{theme}.json"
        rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        rows |= {name(mutant): verdict for mutant, verdict, _ in judged if mutant.theme == theme}
        present = {name(mutant) for mutant in load() if mutant.theme == theme}
        rows = {key: value for key, value in sorted(rows.items()) if key in present}
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def name(mutant: Mutant) -> str:
    """The fault's name in the recorded verdicts: its number and a digest of what it says."""
    said = json.dumps([mutant.file, mutant.find, mutant.replace, mutant.test])
    return f"{mutant.requirement:02d}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--only", type=int, action="append", metavar="NN", help="faults of this requirement (repeat)"
    )
    parser.add_argument("--theme", action="append", help="faults of this list (repeat)")
    parser.add_argument("--json", action="store_true", help="verdicts as JSON")
    parser.add_argument("--fresh", action="store_true", help="judge again what was judged before")
    parser.add_argument("--record", action="store_true", help="write tests/mutants/THEME.json")
    parser.add_argument(
        "--sound", action="store_true", help="the tests have just passed, so run them with faults only"
    )
    parser.add_argument("--workers", type=int, default=2, help="faults at a time (default 2)")
    parser.add_argument("--minutes", type=float, default=0, help="begin no fault after this time")
    chosen = parser.parse_args(arguments)
    try:
        mutants = load()
    except Unreadable as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2
    mutants = [
        one
        for one in mutants
        if (not chosen.only or one.requirement in chosen.only)
        and (not chosen.theme or one.theme in chosen.theme)
    ]
    began = time.monotonic()
    how = {"workers": chosen.workers, "minutes": chosen.minutes, "quiet": chosen.json, "sound": chosen.sound}
    judged = judge_all(mutants, Verdicts(state_file(), fresh=chosen.fresh), **how)
    if chosen.record:
        record(judged)
    totals = Counter(verdict for _, verdict, _ in judged)
    if chosen.json:
        rows: list[dict[str, Any]] = [
            {
                "requirement": one.requirement,
                "file": one.file,
                "test": one.test,
                "verdict": verdict,
                "reason": reason,
            }
            for one, verdict, reason in judged
        ]
        print(json.dumps({"mutants": rows, "totals": totals}, ensure_ascii=False, indent=1))
    else:
        for one, verdict, reason in judged:
            if verdict != "caught":
                print(
                    f"{verdict}: requirement {one.requirement}, {one.file}: {one.find!r}: {reason} ({one.test})"
                )
        said = ", ".join(f"{number} {verdict}" for verdict, number in sorted(totals.items())) or "none"
        print(f"mutants: {len(judged)}: {said}; {time.monotonic() - began:.0f} s")
    return 0 if totals["caught"] == len(judged) else 1


if __name__ == "__main__":
    sys.exit(main())
