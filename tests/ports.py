"""A port that nothing listens on."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Free a moment ago: whoever takes it does so soon."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
