"""Cold start of the command line beside the interpreter's own: ``python benchmarks/startup.py``."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

SRC = str(Path(__file__).parents[1] / "src")
ROUNDS = 7


def milliseconds(*arguments: str) -> float:
    environment = {**os.environ, "PYTHONPATH": SRC}
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def main() -> None:
    bare = milliseconds("-c", "pass")
    print(f"python -c pass        {bare:6.0f} ms")
    for words in (["--help"], ["guard", "--help"], ["verify", "--help"]):
        found = milliseconds("-m", "lianfang", *words)
        print(f"lianfang {' '.join(words):<12} {found:6.0f} ms  {found / bare:4.1f} x the interpreter alone")


if __name__ == "__main__":
    main()
