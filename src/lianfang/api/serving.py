"""How the server is run: one configuration for ``lianfang serve`` and the demonstration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

#: Connections at a time; the next one is told 503 at once instead of waiting for memory.
MOST_CONNECTIONS = 256
#: Bytes of a request's head that are waited for.
HEAD_LIMIT = 32_768


def config(app: FastAPI, host: str, port: int) -> uvicorn.Config:
    """uvicorn's settings: strict HTTP/1.1, no WebSocket, no banner, no log of addresses, bounded connections."""
    import uvicorn

    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",  # refuses what is ambiguous (RFC 9112), whatever faster parser is installed
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=HEAD_LIMIT,
    )
