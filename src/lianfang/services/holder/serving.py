"""The node as a process: one socket, TLS unless it is this machine's own, a clean stop on Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path

from lianfang.foundation.errors import BadInput, Conflict, Fault, NotFound


def serve(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8100,
    certificate: str | None = None,
    key: str | None = None,
    clock: str = "",
    say: Callable[[str], object] = print,
) -> None:
    """Serve the node until it is stopped; says the address when it listens.

    Raises:
        BadInput: plain http to other machines. Conflict: another process serves the folder, port taken.
    """
    import uvicorn

    from lianfang.foundation.clock import SystemClock
    from lianfang.services.holder.app import create_app
    from lianfang.services.holder.folder import NODE, read_limits
    from lianfang.services.holder.node import HolderNode
    from lianfang.services.holder.search import check_sources
    from lianfang.services.installation import offset
    from lianfang.services.orders.wire import is_loopback

    if bool(certificate) != bool(key):
        raise BadInput("TLS needs both --certificate and --key.")
    if not certificate and not is_loopback(host):
        raise BadInput("Other machines are served by TLS only.", hint="Give --certificate and --key.")
    limits = read_limits(folder)
    moved = SystemClock(offset(limits.clock) + offset(clock))
    lock = _alone(folder / NODE / "serving.lock")
    try:
        node = HolderNode(folder, clock=moved)
        missing = check_sources(folder, node.about.sources)
        bound = listening(host, port)
        scheme = "https" if certificate else "http"
        config = uvicorn.Config(
            create_app(node),
            log_level="warning",
            access_log=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            limit_concurrency=64,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=5,
            server_header=False,
        )
        say(f"holder {node.about.id} listens on {scheme}://{host}:{bound.getsockname()[1]}")
        for source in missing:
            say(f"no files for the source {source}")
        try:
            with contextlib.suppress(KeyboardInterrupt):  # uvicorn has stopped and raises it again
                uvicorn.Server(config).run(sockets=[bound])
        finally:
            node.close()
    finally:
        os.close(lock)


def _alone(path: Path) -> int:
    """A lock that ends with the process: one node a folder."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise NotFound("This folder is no node.", hint="lianfang holder init FOLDER") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Conflict("Another process serves this folder.") from None
    return handle


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens already: a caller waits from here on instead of being turned away."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise (Conflict if error.errno == 98 else Fault)(
            f"Port {port} on {host} cannot be used ({error.strerror}).", hint="Choose another --port."
        ) from None
    return made
