"""The machine under the installation: listening ports, modes of files, what lies about too long."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from lianfang.services.inspection.findings import finding
from lianfang.services.installation import Installation

#: Folders in which files of people's data wait; none may lie there longer than this.
WAITING = ("inbox", "rejects", "refused")
WAITING_DAYS = 7
#: Folders whose files are their owner's alone, each by itself.
SECRET = ("keys", "vault/keys")
#: Entries of the home that are looked at; a lake of years has more files, all of one kind.
MOST_ENTRIES = 200_000

Part = tuple[dict[str, Any], list[dict[str, str]]]


def listeners(inst: Installation) -> Part:
    """Sockets on which this account's processes listen; those of the installation beyond loopback are findings.

    A process belongs to the installation when it is this one, has a file of the home open, or was started on it.
    What the machine does not attribute to a process is counted and not judged.
    """
    import psutil

    own: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    unknown, found = 0, []
    sockets = {
        (one.laddr.ip, one.laddr.port, one.pid)
        for one in psutil.net_connections(kind="tcp")
        if one.status == psutil.CONN_LISTEN
    }
    for ip, port, pid in sorted(sockets, key=lambda one: (one[1], one[0])):
        process = _process(pid)
        if process is None:
            unknown += 1
            continue
        loopback = ipaddress.ip_address(ip.partition("%")[0]).is_loopback
        line = {"address": ip, "port": port, "loopback": loopback, "program": process.name()[:40]}
        if _ours(inst.home, process):
            own.append(line)
            if not loopback and not _meant(inst, ip, port):
                found.append(finding("listening", str(port), address=f"{ip}:{port}"))
        else:
            others.append(line)
    part = {"installation": own, "other_of_this_account": others, "not_attributed": unknown}
    return part, found


def _process(pid: int | None) -> Any:
    """The process, if it is this account's; None otherwise, and when it is gone."""
    import psutil

    if pid is None:
        return None
    try:
        made = psutil.Process(pid)
        return made if made.uids().real == os.getuid() else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _ours(home: Path, process: Any) -> bool:
    import psutil

    from lianfang.foundation.settings import HOME_VARIABLE

    if process.pid == os.getpid():
        return True
    try:
        inside = f"{home}{os.sep}"
        return (
            process.environ().get(HOME_VARIABLE) == str(home)
            or str(home) in process.cmdline()
            or any(one.path.startswith(inside) for one in process.open_files())
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _meant(inst: Installation, ip: str, port: int) -> bool:
    """Whether the settings say that the server listens there."""
    host = inst.settings.host
    return port == inst.settings.port and (host == ip or (_everywhere(host) and _everywhere(ip)))


def _everywhere(address: str) -> bool:
    """Whether this is the address of all interfaces; a name is not."""
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False


def files(inst: Installation) -> Part:
    """Modes of the home's files: keys for their owner alone, the home closed to others, nothing writable by others.

    File names of deliveries are not told: somebody chose them.
    """
    home, looked = inst.home, 0
    wide: dict[tuple[str, str, bool], int] = {}
    for path, status in _entries(home):
        looked += 1
        if looked > MOST_ENTRIES:
            break
        inner = "." if path == home else path.relative_to(home).as_posix()
        secret = any(inner == folder or inner.startswith(f"{folder}/") for folder in SECRET)
        mode = stat.S_IMODE(status.st_mode)
        bad = mode & (0o077 if secret or inner in (".", "vault") else 0o022)
        if stat.S_ISLNK(status.st_mode) or not bad:
            continue
        where = inner if secret or path == home or "/" not in inner else inner.partition("/")[0]
        wide[(where, f"{mode:04o}", secret)] = wide.get((where, f"{mode:04o}", secret), 0) + 1
    found = [
        finding("key_open" if secret else "home_open", where, mode=mode)
        for where, mode, secret in sorted(wide)
    ]
    listed = [{"where": key[0], "mode": key[1], "files": count} for key, count in sorted(wide.items())]
    return {"looked_at": min(looked, MOST_ENTRIES), "all": looked <= MOST_ENTRIES, "too_wide": listed}, found


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything in the folder with its own status; links are not followed, what goes meanwhile is passed over."""
    yield folder, folder.lstat()
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place) / name
            try:
                yield path, path.lstat()
            except FileNotFoundError:
                continue


def leftovers(inst: Installation) -> Part:
    """Files in the folders of deliveries, rejected rows and refused files; old ones are findings."""
    part: dict[str, Any] = {}
    found = []
    limit = (inst.now() - timedelta(days=WAITING_DAYS)).timestamp()
    for name in WAITING:
        folder = inst.inbox if name == "inbox" else inst.home / name
        times = [
            status.st_mtime
            for _, status in (_entries(folder) if folder.is_dir() else ())
            if stat.S_ISREG(status.st_mode)
        ]
        old = sum(one < limit for one in times)
        part[name] = {"files": len(times), "older": old}
        if old:
            found.append(finding("leftover", name, n=old, days=WAITING_DAYS))
    return part, found
