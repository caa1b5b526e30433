"""Notices to a person in the authority's name: fixed words, signed, with a code that anybody can check (REQ-P-73).

Who is called or visited in an epidemic cannot know whether the caller is one. A notice says nothing about anybody,
asks for no account, password, code or money, and says so; its code leads to what the authority really issued.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, Final

from lianfang.foundation.errors import BadInput, Conflict, LianfangError, NotFound, Refused
from lianfang.services import events
from lianfang.services.gate import require, within
from lianfang.services.installation import Installation, Who

#: Kind -> what it says, Chinese and English; ``{authority}`` is the only thing filled in.
KINDS: Final = {
    "visit": (
        "{authority}的工作人员将上门或来电，询问您的健康状况。",
        "A worker of {authority} will visit or call you to ask how you are.",
    ),
    "test": (
        "{authority}请您到指定机构接受检测，检测免费。",
        "{authority} asks you to be tested at the place named to you; the test is free.",
    ),
    "observation": (
        "{authority}请您接受医学观察，工作人员每日随访。",
        "{authority} asks you to be observed for some days; a worker will ask after you daily.",
    ),
    "release": (
        "{authority}通知您：医学观察已解除。",
        "{authority} tells you that your observation has ended.",
    ),
}
_CLOSING = (
    "我们绝不索要账号、密码、验证码或钱款。核验码：",
    "We never ask for an account, a password, a code sent to your phone, or money. Code to check this notice: ",
)
#: What no notice may ask for: the words of those who impersonate an authority.
_SECRETS = re.compile(
    r"密码|口令|验证码|账[号户]|帐[号户]|银行卡|卡号|转账|汇款|付款|保证金|点击链接|扫码|身份证照片|"
    r"password|passcode|\bPIN\b|one-time code|verification code|account (?:number|details)|bank card|card number|"
    r"transfer (?:money|the)|\bpay\b|deposit|https?://",
    re.IGNORECASE,
)
_CODE = re.compile(r"([0-9]{1,12})-([0-9A-F]{10})", re.ASCII)


def checked(text: str) -> str:
    """The words of a notice, refused when they ask for what only an impostor would ask for."""
    if _SECRETS.search(text):
        raise Refused(
            "A notice never asks for an account, a password, a code or money.",
            reasons=("notice_asks_secrets",),
            basis=("REQ-P-73",),
            code="notice",
        )
    return text


def issue(inst: Installation, who: Who, event_id: str, kind: str) -> dict[str, Any]:
    """A signed notice of an event: ``code``, its words ``zh`` and ``en``, and the ``signed`` document.

    Raises:
        BadInput: an unknown kind. Conflict: the event is not open. Refused: the role or the area; the authority's
        name makes it ask for a secret.
    """
    from lianfang.foundation.canonical import plain
    from lianfang.guard import ledger
    from lianfang.guard.signing import sign

    require(who, "notice.issue")
    if kind not in KINDS:
        raise BadInput(f"There is no such notice; known: {', '.join(KINDS)}.")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if event["status"] != "open":
        raise Conflict("The event is not open.")
    own = inst.settings
    zh, en = KINDS[kind]
    said = {
        "zh": checked(zh.format(authority=own.authority_name_zh)),
        "en": checked(en.format(authority=own.authority_name_en)),
    }
    now = inst.now()
    payload = plain({"authority": own.authority_id, "kind": kind, "issued_at": now, **said})
    signed = sign(inst.signer, payload)
    with inst.store.begin() as connection:
        index = ledger.record(
            connection,
            type="notice.issued",
            time=now,
            actor=who.account,
            purpose="contact_key_person",
            ref=event_id,
            payload={"notice": signed},
            public=True,
        )
    return {**_shown(f"{index}-{_mark(signed)}", payload), "signed": signed}


def verify(inst: Installation, code: str) -> dict[str, Any]:
    """What the authority issued under this code: ``code``, ``zh``, ``en``, ``issued_at``, ``kind``; for anybody.

    Raises:
        NotFound: nothing was issued under it; whoever gave it is not to be trusted.
    """
    from lianfang.guard import ledger
    from lianfang.guard.signing import verify as verified

    told = _CODE.fullmatch(code.strip().upper()[:40])
    unknown = NotFound(
        "The authority issued no notice with this code.",
        hint="Give no information; report who gave it to you.",
    )
    if told is None:
        raise unknown
    try:
        with inst.store.read() as connection:
            opened = ledger.opening(connection, int(told[1]))
        signed = opened["payload"]["notice"]
        payload = verified(inst.signer.public, signed)
    except (LianfangError, KeyError, TypeError):
        raise unknown from None
    if not hmac.compare_digest(_mark(signed), told[2]):
        raise unknown
    return _shown(told[0], payload)


def _mark(signed: dict[str, Any]) -> str:
    """Ten hexadecimal digits of the signature's digest: forty bits that nobody guesses for a given entry."""
    return hashlib.sha256(str(signed["signature"]).encode()).hexdigest()[:10].upper()


def _shown(code: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": code,
        "kind": payload["kind"],
        "issued_at": payload["issued_at"],
        "zh": f"{payload['zh']}{_CLOSING[0]}{code}",
        "en": f"{payload['en']} {_CLOSING[1]}{code}",
    }
