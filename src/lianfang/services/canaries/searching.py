"""Searching: are values of planted records in these files? If so an incident is opened."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.services.canaries.files import Wanted, look
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who

MOST_FILES = 1_000
_SHOWN = 20


def search(inst: Installation, who: Who, paths: Sequence[Path]) -> dict[str, Any]:
    """Look for the planted records of every event whose keys are there; opens one incident for what is found.

    Returns ``files`` looked at, ``canaries`` looked for, ``found`` (``canary`` by id, ``event_id``, ``file``,
    ``sha256``, ``by``: the kinds of value seen) and ``incident_id`` ("" when nothing is found). The same find again
    opens no second one. A name alone shows nothing, as others bear it; it counts beside a number, or when two names
    stand in one file.

    Raises:
        BadInput: no file, too many, one that cannot be read or is too large; names the file. Refused: another role.
    """
    require(who, "canary.manage")
    if not 1 <= len(paths) <= MOST_FILES:
        raise BadInput(f"From 1 to {MOST_FILES} files are searched at once.")
    wanted = Wanted()
    with inst.vault_store.read() as vault:
        for event_id in inst.vault.live_events(vault):
            for held in inst.vault.planted(vault, event_id):
                wanted.add(held.subject_id, event_id, held.fields)
    found: list[dict[str, Any]] = []
    for path in paths:
        found += look(path, wanted)
    events = sorted({row["event_id"] for row in found})
    persons = 0
    if found:
        with inst.vault_store.read() as vault:
            persons = inst.vault.persons(vault, events)
    incident_id = _incident(inst, who, found, events, persons) if found else ""
    result = {
        "files": len(paths),
        "canaries": len(wanted.events),
        "found": found,
        "incident_id": incident_id,
    }
    with inst.store.begin() as connection:
        payload = {
            "files": len(paths),
            "canaries": sorted({row["canary"] for row in found}),
            "incident": incident_id,
        }
        record(
            inst,
            connection,
            "canaries_searched",
            who=who,
            purpose="maintenance",
            ref=incident_id or "-",
            payload=payload,
        )
    return result


def _incident(
    inst: Installation, who: Who, found: list[dict[str, Any]], events: list[str], persons: int
) -> str:
    """Open an incident for the find, or give the one that it opened before."""
    from lianfang.records import Incident
    from lianfang.services.incidents import open_incident
    from lianfang.store import rows

    seen = sorted({(row["canary"], row["sha256"]) for row in found})
    incident_id = "i" + hashlib.sha256(repr(seen).encode()).hexdigest()[:12]
    # a file's name may name somebody: kept is its digest, by which the officer knows it again
    lines = [f"{row['canary']}: sha256 {row['sha256']}" for row in found[:_SHOWN]]
    more = f" +{len(found) - _SHOWN}" if len(found) > _SHOWN else ""
    fields = {
        "what": "Planted records were seen outside. 在外部发现植入记录。 " + "; ".join(lines) + more,
        "kinds": sorted({kind for row in found for kind in row["by"]}),
        "event_id": events[0] if len(events) == 1 else "",
        "persons": persons,
        "source": "canary",
    }
    with inst.store.begin() as connection:
        if not rows(connection, Incident, incident_id=incident_id):
            open_incident(inst, connection, who, incident_id, "found", fields)
    return incident_id
