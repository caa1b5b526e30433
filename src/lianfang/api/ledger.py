"""The log by HTTP: checkpoint, tiles and entries of C2SP tlog-tiles and proofs, without login; statements with a token.

Everything under ``/ledger`` is public but ``append``. Whoever mirrors or monitors uses ``checkpoint`` and ``tile/...``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from lianfang.api.security import Inst
from lianfang.foundation.errors import LianfangError, NotFound
from lianfang.services.ledger import reading

if TYPE_CHECKING:
    from lianfang.services.ledger.sequencer import Sequencer

router = APIRouter(prefix="/ledger", tags=["ledger"])
#: A tile never changes; a head is soon another.
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
BRIEFLY = {"Cache-Control": "public, max-age=2"}
Number = Annotated[int, Query(ge=0, lt=1 << 63)]


@router.post(
    "/append", summary="Statements of another body, one canonical JSON object a line; with its token"
)
async def append(request: Request) -> Response:
    """Answers ``{"first", "count"}`` when they are on the disk; on 503 nothing was taken."""
    from lianfang.guard.ledger import statements

    state = request.app.state
    authority = await _authority(state.tokens, request.headers.get("authorization", ""))
    lines = (await request.body()).rstrip(b"\n").split(b"\n")
    statements.check(lines, authority)
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    state.answers.expect(state.sequencer, lines, answer)
    return JSONResponse({"first": await answer, "count": len(lines)}, status_code=201)


@router.get("/checkpoint", summary="The newest signed head, with what witnesses signed under it")
def checkpoint(inst: Inst) -> Response:
    return PlainTextResponse(reading.checkpoint(inst), headers=BRIEFLY)


@router.get("/tile/entries/{path:path}", summary="256 entries, or the first of them: x001/234, 007.p/12")
def entries(inst: Inst, path: str) -> Response:
    return _bytes(reading.bundle(inst, path))


@router.get("/tile/{level}/{path:path}", summary="256 hashes of one level of the tree, or the first of them")
def tile(inst: Inst, level: str, path: str) -> Response:
    if not (level.isascii() and level.isdigit()) or (len(level) > 1 and level[0] == "0") or int(level) > 63:
        raise NotFound("That is no tile's path.", code="tile_path")
    return _bytes(reading.tile(inst, int(level), path))


@router.get("/proof/inclusion", summary="That an entry is in the tree of a size")
def inclusion(inst: Inst, index: Number, size: Number | None = None) -> Any:
    return JSONResponse(reading.inclusion(inst, index, size), headers=BRIEFLY if size is None else FOREVER)


@router.get("/proof/consistency", summary="That a tree only adds to an earlier one")
def consistency(inst: Inst, first: Number, second: Number | None = None) -> Any:
    found = reading.consistency(inst, first, second)
    return JSONResponse(found, headers=BRIEFLY if second is None else FOREVER)


@router.get("/proof/{index}.tlog-proof", summary="An entry's proof file, to verify offline")
def proof(inst: Inst, index: str) -> Response:
    if not (index.isascii() and index.isdigit() and len(index) <= 18):
        raise NotFound("The log has no such entry.")
    name = f"entry-{index}.tlog-proof"
    headers = {**BRIEFLY, "Content-Disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(reading.proof(inst, int(index)), headers=headers)


@router.get("/key", summary="The log's verifier key; take it from a source you trust instead")
def key(inst: Inst) -> Response:
    return PlainTextResponse(reading.key(inst) + "\n", headers=BRIEFLY)


class Answers:
    """Brings the sequencer's answers from its thread to the event loop: one wake-up for all that are ready."""

    def __init__(self) -> None:
        self._ready: deque[tuple[asyncio.Future[int], int, LianfangError | None]] = deque()
        self._woken = False

    def expect(self, sequencer: Sequencer, lines: Sequence[bytes], answer: asyncio.Future[int]) -> None:
        """Send the lines; ``answer`` gets the first one's index, or what went wrong."""
        loop = answer.get_loop()

        def done(first: int, error: LianfangError | None) -> None:
            self._ready.append((answer, first, error))
            if not self._woken:  # read after the append: who has it set has not begun to hand out yet
                self._woken = True
                loop.call_soon_threadsafe(self._hand_out)

        sequencer.put(lines, done)

    def _hand_out(self) -> None:
        self._woken = False
        while self._ready:
            answer, first, error = self._ready.popleft()
            if not answer.done():  # the sender may be gone
                answer.set_result(first) if error is None else answer.set_exception(error)


async def _authority(tokens: Any, header: str) -> str:
    return str(tokens.believed(header) or await asyncio.to_thread(tokens.authority, header))


def _bytes(raw: bytes) -> Response:
    return Response(raw, media_type="application/octet-stream", headers=FOREVER)
