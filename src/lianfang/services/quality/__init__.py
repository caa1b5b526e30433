"""Quality: does what was delivered until a day add up, come in time, and mean the same as the day before?"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lianfang.records import QualityFinding
    from lianfang.services.installation import Installation

__all__ = ["check"]


def check(inst: Installation, as_of: date) -> list[QualityFinding]:
    """Check everything known on ``as_of`` and keep the findings; checking the day again replaces them.

    Looked at: balance (provinces against the country, parts against their province, recovered + dead +
    present against confirmed), cumulative series that drop or jump, missing days, changes of definition, files
    and reports that are late. Nothing delivered or dated later than ``as_of`` is read. Gives the findings in
    a fixed order.
    """
    import sqlalchemy as sa

    from lianfang.records import QualityFinding
    from lianfang.services import deliveries, genomes
    from lianfang.services.quality import balance, series, timeliness
    from lianfang.services.quality.table import published
    from lianfang.store import put, table

    counts = published(inst, as_of)
    found = [
        *balance.findings(counts, as_of),
        *series.findings(counts, as_of),
        *timeliness.findings(inst, counts, as_of),
    ]
    held = table(QualityFinding)
    with inst.store.begin() as connection:
        # what was found about a file or an assay stays: the file is gone from the desk, the genome is read once
        mine = held.c.check.not_in((deliveries.REFUSED, genomes.MISFIT))
        connection.execute(sa.delete(held).where(held.c.as_of == as_of, mine))
        put(connection, *found)
    return found
