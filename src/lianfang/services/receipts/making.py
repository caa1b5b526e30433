"""A receipt of one entry of the log: a short link that carries the entry's hash, its QR code, its proof file.

The link reads ``<public address>/r/<index>-<hash>``, where the hash is the entry's whole leaf hash (SHA-256 of RFC
6962) in base64url. So the slip of paper itself binds the log: another entry in that place has another code, and the
link on the paper leads nowhere.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound
from lianfang.services.installation import Installation
from lianfang.services.receipts.checking import paper_code

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.guard.ledger import Log

#: The largest QR code that is printed: 57 modules a side, which a phone reads from 25 mm of paper.
MOST_VERSION = 10
_CODE = re.compile(r"(0|[1-9][0-9]{0,17})-[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True)
class Receipt:
    """What is handed out. ``proof`` is empty until a signed head covers the entry (the server signs every 10 s).

    ``entry`` is the entry as everybody may read it; None where entries named objects (an older version).
    ``witnesses``: who cosigned the head of the proof, by the policy of this installation.
    """

    index: int
    code: str
    link: str
    svg: str = field(repr=False)
    png: bytes = field(repr=False)
    proof: str = field(repr=False)
    entry: dict[str, Any] | None
    size: int
    witnesses: tuple[str, ...]

    @property
    def name(self) -> str:
        """File name of the proof."""
        return f"entry-{self.index}.tlog-proof"


def receipt_of(inst: Installation, index: int) -> Receipt:
    """The receipt of entry ``index``.

    Raises:
        NotFound: the log has no such entry. BadInput: the public address is too long for a code on paper.
    """
    with inst.store.read() as connection:
        log = _log(inst)
        code = _code(connection, log, index)
        shown = index >= log.open_from(connection)
        entry = _read(log.entry(connection, index)) if shown else None
        try:
            found = log.proof(connection, index, with_entry=shown)
        except (Conflict, NotFound):  # no head over it yet
            found = None
    link = f"{inst.settings.public_url.rstrip('/')}/r/{code}"
    svg, png = _drawn(link)
    size, witnesses = _head(inst, found.checkpoint) if found else (0, ())
    return Receipt(index, code, link, svg, png, found.text() if found else "", entry, size, witnesses)


def by_code(inst: Installation, code: str) -> Receipt:
    """The receipt whose short link ends in ``code``.

    Raises:
        NotFound: no record of the log has this code. Where the paper is genuine, the record was replaced.
    """
    found = _CODE.match(code)
    with inst.store.read() as connection:
        log = _log(inst)
        index = int(found[1]) if found else -1
        if not 0 <= index < log.size(connection) or _code(connection, log, index) != code:
            raise NotFound(
                "No record of this log has this code.",
                hint="Read the code again. If it is right, keep the paper and tell the supervising authority: it is "
                "not ours, or the record was replaced.",
            )
    return receipt_of(inst, index)


def codes(inst: Installation, indices: Iterable[int]) -> dict[int, str]:
    """The codes of many entries, for a page that lists them; an index that the log does not have is left out."""
    with inst.store.read() as connection:
        log = _log(inst)
        size = log.size(connection)
        return {at: _code(connection, log, at) for at in sorted(set(indices)) if 0 <= at < size}


def page_of(inst: Installation, receipt: Receipt) -> str:
    """Path of the public page of the record itself; empty where the record has none for everybody.

    A gift's page is opened by its donor's own code, which stands in no entry.
    """
    from lianfang.records import Bulletin
    from lianfang.store import rows

    with inst.store.read() as connection:
        found = rows(connection, Bulletin, log_index=receipt.index)
    return f"/public/{found[0]['event_id']}/{found[0]['number']}" if found else ""


def policy_text(inst: Installation) -> str:
    """The policy by which our records are verified (C2SP tlog-policy): our key, the witnesses and the quorum."""
    from lianfang.guard.ledger import Quorum, Verifier
    from lianfang.guard.ledger.quorum import Party
    from lianfang.services.ledger import heads

    own = Verifier.of(inst.signer.public)
    given = heads.policy(inst)
    if given is None:
        return Quorum.majority([own], {}).text()
    logs = given.logs or (Party(own),)
    return Quorum(logs, given.witnesses, given.groups, given.quorum).text()


def _read(entry: bytes) -> dict[str, Any] | None:
    """The entry's JSON; None for what is none, as after somebody wrote into the database."""
    try:
        said = json.loads(entry)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _log(inst: Installation) -> Log:
    from lianfang.guard.ledger import Log

    return Log(inst.signer.name)


def _code(connection: Connection, log: Log, index: int) -> str:
    from lianfang.guard.ledger import leaf_hash

    return paper_code(index, leaf_hash(log.entry(connection, index)))


def _drawn(link: str) -> tuple[str, bytes]:
    """The link as SVG and PNG, with the strongest error correction that the version allows."""
    import segno

    try:
        made = segno.make(link, error="m", micro=False)
    except segno.DataOverflowError:
        made = None
    if made is None or int(made.version) > MOST_VERSION:
        raise BadInput("The public address is too long for a QR code on paper.", hint="Setting: public_url.")
    svg, png = io.BytesIO(), io.BytesIO()
    made.save(svg, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4)
    made.save(png, kind="png", scale=8, border=4)
    return svg.getvalue().decode(), png.getvalue()


def _head(inst: Installation, note: str) -> tuple[int, tuple[str, ...]]:
    """Size of a head of ours and the witnesses of our policy whose signatures stand under it."""
    from lianfang.guard.ledger import Verifier, verify_checkpoint
    from lianfang.guard.ledger.note import COSIGNATURE
    from lianfang.services.ledger import heads

    given = heads.policy(inst)
    known = [Verifier.of(inst.signer.public), *(given.verifiers if given else ())]
    head, signed_by = verify_checkpoint(note, dict.fromkeys(known))
    return head.size, tuple(one.name for one in signed_by if one.algorithm == COSIGNATURE)
