"""``python exchangeplayer.py HOME N``: serve an authority's exchange, and be killed at the N-th point (0: never).

A point lies before and after each commit, of either database: what was written is then about to last, or has just
begun to.
"""

from __future__ import annotations

import sys
from pathlib import Path

import exchangekit
from journeyplayer import die_at
from lianfang.foundation.clock import SetClock
from lianfang.services.exchange import serving
from lianfang.services.installation import open_installation


def main(home: Path, number: int) -> None:
    with open_installation(home, clock=SetClock(exchangekit.START)) as inst:
        serving.ROUND = 0.2
        die_at(number)
        serving.serve(inst, say=lambda line: print(line, flush=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
