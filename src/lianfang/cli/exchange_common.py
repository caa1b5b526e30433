"""What the commands of the exchange share."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

if TYPE_CHECKING:
    from lianfang.services.installation import Installation

SENDERS = ("epidemiologist", "manager")
OFFICERS = ("data_protection_officer", "manager")
LATER = click.option("--later", is_flag=True, help="Leave delivery to the server. 由服务器投递。")


def words(file: BinaryIO | None) -> str:
    """The words in a file: at most 100,000 bytes of UTF-8."""
    from lianfang.foundation.errors import BadInput

    if file is None:
        return ""
    try:
        raw = file.read(100_001)
        if len(raw) > 100_000:
            raise BadInput("The words are too long.")
        return raw.decode().strip()
    except UnicodeDecodeError:
        raise BadInput("The words are not UTF-8 text.") from None


def went(inst: Installation, later: bool) -> dict[str, int]:
    """Deliver at once what an act queued; what does not arrive is repeated by the server's desk."""
    from lianfang.cli.common import on_behalf
    from lianfang.services.exchange import outbox
    from lianfang.services.installation import SYSTEM

    return {} if later else outbox.deliver(inst, on_behalf(inst, SYSTEM))


def told(counts: dict[str, int]) -> str:
    names = {"delivered": "delivered 已送达", "waiting": "waiting 待送", "refused": "refused 被拒"}
    if not counts:
        return "letters 信件: left to the server 由服务器投递"
    return "letters 信件: " + ", ".join(f"{names[name]} {value}" for name, value in counts.items())
