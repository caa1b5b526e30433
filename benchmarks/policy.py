"""Decisions per second against Cedar, and scanning speed of the redaction rules; one process, one run.

Run: ``PYTHONPATH=src:tests python benchmarks/policy.py``
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "peer"))

from lianfang.guard.policy import decide, get
from lianfang.guard.policy.space import cells, contexts


def main() -> None:
    pack = get()
    random.seed(3)
    touched = [cell for cell in cells() if any(r.effect == "permit" for r in pack.cell(cell)[0])]
    chosen = [(c, random.choice(list(contexts(pack, c, most=64)))) for c in random.sample(touched, 400)]
    requests = [
        {"actor": a, "purpose": p, "phase": f, "data": [d], "context": context}
        for (a, p, f, d), context in chosen
    ]
    start = time.perf_counter()
    for _ in range(50):
        for request in requests:
            decide(request)
    ours = 50 * len(requests) / (time.perf_counter() - start)
    print(f"decide: {ours:,.0f} decisions/s ({len(requests)} requests, {len(pack.rules)} rules)")
    try:
        import cedarpy
        from test_policy_cedar import translate
    except ImportError:
        print("cedarpy is not installed: no comparison")
        return
    policies = translate(pack)
    asked = []
    for (a, p, f, d), context in chosen[:100]:
        facts = {name: fact.true(context) for name, fact in pack.facts.items()}
        asked.append({
            "principal": 'Holder::"one"', "action": 'Action::"act"', "resource": 'Data::"one"',
            "context": {"actor": a, "purpose": p, "phase": f, "data": d, "facts": facts},
        })  # fmt: skip
    parsed = cedarpy.PolicySet.from_str(policies) if hasattr(cedarpy, "PolicySet") else policies
    start = time.perf_counter()
    for request in asked:
        cedarpy.is_authorized(request, parsed, [])
    cedar = len(asked) / (time.perf_counter() - start)
    print(
        f"cedarpy, policies parsed beforehand, facts given: {cedar:,.0f} decisions/s; ratio "
        f"{ours / cedar:,.0f}"
    )


if __name__ == "__main__":
    main()
