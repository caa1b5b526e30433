"""Receipts for everybody: the short link of a record, its proof file, its slip of paper, and the verifier."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from lianfang.api import verifier
from lianfang.api.pages.public import Known, Paced
from lianfang.api.security import Inst
from lianfang.api.view import attachment, page
from lianfang.foundation.errors import Conflict
from lianfang.services import receipts

router = APIRouter(tags=["public"])


@router.get("/r/{code}", dependencies=[Paced, *Known], summary="A record by the short link of its receipt")
def one(request: Request, inst: Inst, code: str) -> Response:
    found = receipts.by_code(inst, code)
    return page(request, "receipt.html", receipt=found, record=receipts.page_of(inst, found))


@router.get("/r/{code}/proof", dependencies=[Paced], summary="The record's .tlog-proof, to verify offline")
def proof(inst: Inst, code: str) -> Response:
    found = receipts.by_code(inst, code)
    if not found.proof:
        raise Conflict(
            f"Entry {found.index} is not under a signed checkpoint yet.", hint="Try again in ten seconds."
        )
    return PlainTextResponse(found.proof, headers=attachment(found.name))


@router.get("/r/{code}/slip", dependencies=[Paced, *Known], summary="The receipt to print on A6")
def slip(request: Request, inst: Inst, code: str) -> Response:
    found = receipts.by_code(inst, code)
    number = receipts.page_of(inst, found).rpartition("/")[2]
    return page(request, "receipt_slip.html", receipt=found, number=number)


@router.get("/verify", dependencies=[Paced, *Known], summary="Check bulletins and proofs in the browser")
def verify(request: Request, inst: Inst) -> Response:
    trust = receipts.policy_text(inst)
    return page(request, "verify.html", scripts=verifier.scripts(), trust=trust, file=verifier.NAME)


@router.get(
    f"/verify/{verifier.NAME}", dependencies=[Paced], summary="The verifier as one file, for use offline"
)
def verifier_file(inst: Inst) -> Response:
    return HTMLResponse(verifier.of(inst), headers=attachment(verifier.NAME))
