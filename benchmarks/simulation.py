"""Speed of the agent model against covasim, in one run on one core.

    python benchmarks/simulation.py [--agents 100000] [--days 60] [--peer-python PATH]

Both run the same kind of epidemic: households, schools, work and community, symptomatic testing with results after
a day, isolation and contact tracing, growing from 50 seeds. covasim draws its hybrid population itself; both are
timed without making the population, after a first small run that compiles. Times are CPU seconds, since the
machine is shared; each is the least of three. covasim runs in an environment of its own (``--peer-python``), started
by this script.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

PEER = """
import json, os, sys, time
import covasim as cv
cv.options(verbose=0)
agents, days = int(sys.argv[1]), int(sys.argv[2])
def sim(n, care):
    measures = [cv.test_prob(symp_prob=0.2, asymp_prob=0.0, test_delay=1, start_day=0),
                cv.contact_tracing(trace_probs=dict(h=1.0, s=0.5, w=0.5, c=0.1), trace_time=1)] if care else []
    made = cv.Sim(pop_size=n, pop_type='hybrid', pop_infected=50, n_days=days, interventions=measures,
                  rand_seed=1, rescale=False)
    made.initialize()
    return made
found = {'version': cv.__version__}
sim(2000, True).run()
for name, care in (('plain', False), ('measures', True)):
    best = None
    for _ in range(3):
        made = sim(agents, care)
        cpu = time.process_time(); wall = time.perf_counter()
        made.run()
        took = (time.process_time() - cpu, time.perf_counter() - wall)
        best = min(best or took, took)
    found[name] = [*best, int(made.results['cum_infections'][-1])]
print(json.dumps(found))
"""


def ours(agents: int, days: int) -> dict[str, list[float]]:
    import numpy as np

    from lianfang.predict import simulation as s

    rng = np.random.default_rng(1)
    age = rng.integers(0, 85, agents).astype(np.int16)
    order = np.arange(agents)
    pupil, adult = (age >= 6) & (age < 22), (age >= 22) & (age < 65)

    def some(who: np.ndarray, size: int) -> np.ndarray:
        column = np.full(agents, -1, np.int32)
        members = rng.permutation(np.flatnonzero(who))
        column[members] = np.arange(members.size) // size
        return column

    population = s.Population(
        age, {"household": (order // 3).astype(np.int32), "school": some(pupil, 20), "work": some(adult, 16)}
    )
    layers = (
        s.Layer("household", "household", -1.0, 0.078),
        s.Layer("school", "school", 19.0, 0.0138),
        s.Layer("work", "work", 15.0, 0.0138),
        s.Layer("community", "", 20.0, 0.0081),
    )
    seeds = [(int(i), 0.0) for i in rng.choice(agents, 50, replace=False)]
    care = {
        "testing": s.Testing(symptomatic=0.2, delay=1.0),
        "tracing": s.Tracing({"household": 1.0, "school": 0.5, "work": 0.5, "community": 0.1}),
    }
    found = {}
    s.run(s.Scenario(population, layers, 3, 1, seeds, **care))
    for name, measures in (("plain", {}), ("measures", care)):
        best: tuple[float, float] | None = None
        for _ in range(3):
            case = s.Scenario(population, layers, days, 1, seeds, **measures)
            cpu, wall = time.process_time(), time.perf_counter()
            outcome = s.run(case)
            took = (time.process_time() - cpu, time.perf_counter() - wall)
            best = min(best or took, took)
        assert best is not None
        found[name] = [*best, outcome.ever_infected]
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--agents", type=int, default=100_000)
    words.add_argument("--days", type=int, default=60)
    words.add_argument("--peer-python", default=sys.executable)
    given = words.parse_args()
    one = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    call = [given.peer_python, "-c", PEER, str(given.agents), str(given.days)]
    peer_run = subprocess.run(call, env=one, capture_output=True, text=True, check=False)
    if peer_run.returncode:
        sys.exit(f"covasim did not run: {peer_run.stderr.strip().splitlines()[-1]}")
    peer = json.loads(peer_run.stdout.strip().splitlines()[-1])
    mine = ours(given.agents, given.days)
    print(
        f"{given.agents:,} agents, {given.days} days; load {os.getloadavg()[0]:.1f}; covasim {peer['version']}"
    )
    print(f"{'':<12}{'':<10}{'CPU s':>8}{'wall s':>8}{'infected':>10}{'M agent-days/CPU s':>20}{'ratio':>8}")
    for name in ("plain", "measures"):
        for who, table in (("covasim", peer), ("lianfang", mine)):
            cpu, wall, infected = table[name]
            speed = given.agents * given.days / cpu / 1e6
            ratio = f"{peer[name][0] / cpu:.1f}" if who == "lianfang" else ""
            print(f"{name:<12}{who:<10}{cpu:>8.2f}{wall:>8.2f}{int(infected):>10,}{speed:>20.2f}{ratio:>8}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
    main()
