"""The verifier that runs in a reader's browser: as a page of the site, and as one file that needs nothing else.

Both are the same three scripts. The site serves them as files of its own, named with their hashes (its policy lets no
other script run). The single file carries them, with a policy in its head that lets nothing but them run and nothing at
all be loaded or sent: opened from the disk it cannot reach any network.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lianfang.foundation.errors import Fault

if TYPE_CHECKING:
    from lianfang.services.installation import Installation

HERE = Path(__file__).parent
NAME = "lianfang-verify.html"
#: In the order in which they run.
SCRIPTS = ("verify-core.js", "verify-words.js", "verify-page.js")
STYLE = "lianfang.css"


@cache
def scripts() -> tuple[tuple[str, str], ...]:
    """File name and integrity (``sha256-...``) of each script of the page."""
    return tuple((name, _hash(_read(name))) for name in SCRIPTS)


def single_file(trust: str = "") -> str:
    """The whole verifier as one HTML file; ``trust``: the policy that stands in it to begin with."""
    code = "\n".join(_read(name) for name in SCRIPTS)
    style = _read(STYLE)
    if "</" in code + style:  # nothing in them may end its own element
        raise Fault("A script or style of the verifier would end early.")
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("verify_file.html").render(
        code=Markup(f"\n{code}"),  # noqa: S704  # nosec B704 - our own files
        style=Markup(f"\n{style}"),  # noqa: S704  # nosec B704
        code_hash=_hash(f"\n{code}"),
        style_hash=_hash(f"\n{style}"),
        trust=trust,
    )


def of(inst: Installation) -> str:
    """The single file with this authority's key and witnesses in it."""
    from lianfang.services import receipts

    return single_file(receipts.policy_text(inst))


def _read(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a page's integrity attribute and its policy name a script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
