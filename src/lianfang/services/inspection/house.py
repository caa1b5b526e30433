"""The house itself: what is installed, whose accounts there are, keys, backups, jobs."""

from __future__ import annotations

import os
import stat
from datetime import datetime, timedelta
from typing import Any

from lianfang.foundation.errors import LianfangError
from lianfang.services.inspection.findings import finding
from lianfang.services.inspection.machine import SECRET, Part
from lianfang.services.installation import Installation

#: Days before the end of a role at which it is told, after which an ended one is no more, and unused ones are.
RIGHTS_DAYS = 30
BACKUP_DAYS = 7
DRILL_DAYS = 30
#: Rows that a list of the report shows; the count beside it is of all.
SHOWN = 200
SETTINGS = (
    "authority_id", "adcode", "zone", "engine", "policy_pack", "host", "port", "retention_days", "cluster_cases",
    "cluster_days", "clock", "demonstration", "hardware_key_roles", "command_line",
)  # fmt: skip


def shown(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A list of any length as its count and its first lines."""
    return {"count": len(lines), "listed": lines[:SHOWN]}


def installation(inst: Installation) -> Part:
    """Version, packs with their hashes, and the settings that matter; of the databases their kind only."""
    import platform
    from importlib.metadata import version

    from lianfang.guard.policy import get, packs

    settings = inst.settings
    force = get(settings.policy_pack)
    part = {
        "lianfang": version("lianfang"),
        "python": platform.python_version(),
        "settings": {name: getattr(settings, name) for name in SETTINGS},
        "own_plan": bool(settings.emergency_plan),
        "databases": {
            "operational": "sqlite" if inst.store.is_sqlite else "postgresql",
            "vault": "sqlite" if inst.vault_store.is_sqlite else "postgresql",
        },
        "packs": [
            {"id": one.id, "sha256": one.hash, "valid_from": one.valid_from, "in_force": one.id == force.id}
            for one in packs()
        ],
    }
    found = []
    if not force.valid(inst.today()):
        found.append(finding("pack_not_valid", force.id))
    if force.superseded:
        found.append(finding("pack_superseded", force.id, by=force.superseded))
    if settings.demonstration:
        found.append(finding("demonstration"))
    if settings.clock:
        found.append(finding("clock_shifted", offset=settings.clock))
    return part, found


def accounts(inst: Installation) -> Part:
    """Accounts by role, second factors, rights about to end, ended or unused; people by their account's name."""
    from lianfang.guard.accounts.review import Seen, review

    now = inst.now()
    near = timedelta(days=RIGHTS_DAYS)
    with inst.store.read() as connection:
        people = review(connection)
    roles: dict[str, list[Seen]] = {}
    found = []
    ending = unused = ended = 0
    for one in people:
        if one.shared:
            found.append(finding("shared_name", one.name))
        if one.disabled:
            continue
        for held in one.rights:
            day = held.end.date().isoformat()
            if held.taken or held.start > now:
                continue
            if held.end <= now:
                if now - held.end <= near:
                    ended += 1
                    found.append(finding("role_ended", one.name, role=held.role, day=day))
                continue
            roles.setdefault(held.role, []).append(one)
            if held.end - now <= near:
                ending += 1
                found.append(finding("role_ends", one.name, role=held.role, day=day))
            if now - max(held.start, one.last or held.start) > near:
                unused += 1
                found.append(finding("role_unused", one.name, role=held.role, days=RIGHTS_DAYS))
    by_role = {}
    for role, those in sorted(roles.items()):
        distinct = {one.name: one for one in those}.values()
        known = all(one.second is not None for one in distinct)
        second = sum(bool(one.second) for one in distinct) if known else None
        by_role[role] = {"accounts": len(distinct), "second_factor": second}
        if second is not None and second < len(distinct):
            found.append(finding("no_second_factor", role, role=role, n=len(distinct) - second))
    if "data_protection_officer" not in roles:
        found.append(finding("no_officer"))
    part = {
        "accounts": len(people),
        "disabled": sum(one.disabled for one in people),
        "shared_names": sum(one.shared for one in people),
        "by_role": by_role,
        "roles_ending": ending,
        "roles_ended": ended,
        "roles_unused": unused,
    }
    return part, found


def keys(inst: Installation) -> Part:
    """Events whose keys exist, and the key files with their modes and age. No key is read out."""
    from lianfang.records import Certificate
    from lianfang.store import rows

    files = []
    for folder in SECRET:
        for path in sorted((inst.home / folder).glob("*")):
            status = path.lstat()
            changed = (inst.now() - datetime.fromtimestamp(status.st_mtime, inst.now().tzinfo)).days
            files.append(
                {
                    "file": f"{folder}/{path.name}",
                    "mode": f"{stat.S_IMODE(status.st_mode):04o}",
                    "owner_is_ours": status.st_uid == os.geteuid(),
                    "changed_days_ago": max(0, changed),
                }
            )
    part: dict[str, Any] = {"files": files, "events_with_keys": []}
    try:
        ring = inst.open_keyring()
        part["root"] = ring.where(inst.keys_folder)["kind"]
        part["events_with_keys"] = [
            {
                "event_id": name,
                "version": ring.event(name).active,
                "rotating": len(ring.event(name).wraps) > 1,
            }
            for name in ring.events()
        ]
        _ = inst.signer  # refused here when the signing key is open to others
    except LianfangError as error:
        return part, [finding("not_readable", code=error.code)]
    with inst.store.read() as connection:
        done = {row["event_id"] for row in rows(connection, Certificate)}
    found = [
        finding("key_left", one["event_id"]) for one in part["events_with_keys"] if one["event_id"] in done
    ]
    return part, found


def backups(inst: Installation) -> Part:
    """When data and keys were last backed up, and when a restore was last tried."""
    from lianfang.records import Backup
    from lianfang.store import rows

    now = inst.now()
    with inst.store.read() as connection:
        made = rows(connection, Backup, order_by=["made_at"])
    last = {
        kind: max((r["made_at"] for r in made if r["kind"] == kind), default=None)
        for kind in ("data", "keys")
    }
    drills = sorted((row for row in made if row["drilled_at"]), key=lambda row: row["drilled_at"])
    passed = [row["drilled_at"] for row in drills if row["drill"] == "passed"]
    found = []
    for kind, code in (("data", "no_data_backup"), ("keys", "no_key_backup")):
        at = last[kind]
        if at is None or now - at > timedelta(days=BACKUP_DAYS):
            found.append(finding(code, days=BACKUP_DAYS))
    if not passed or now - passed[-1] > timedelta(days=DRILL_DAYS):
        found.append(finding("no_drill", days=DRILL_DAYS))
    if drills and drills[-1]["drill"] == "failed":
        found.append(finding("drill_failed", drills[-1]["backup_id"]))
    kept = sum(row["removed_at"] is None for row in made)
    part = {
        "made": len(made),
        "kept": kept,
        "last_data": last["data"],
        "last_keys": last["keys"],
        "last_drill_passed": passed[-1] if passed else None,
    }
    return part, found


def jobs(inst: Installation, since: datetime) -> Part:
    """Jobs of the period by kind and outcome."""
    from lianfang.records import Job
    from lianfang.store import rows, table

    with inst.store.read() as connection:
        made = rows(connection, Job, table(Job).c.created_at >= since)
    kinds: dict[str, dict[str, int]] = {}
    for row in made:
        outcomes = kinds.setdefault(row["kind"], {})
        outcomes[row["status"]] = outcomes.get(row["status"], 0) + 1
    found = [
        finding("job_failed", kind, n=outcomes["failed"], kind=kind)
        for kind, outcomes in sorted(kinds.items())
        if outcomes.get("failed")
    ]
    return kinds, found
