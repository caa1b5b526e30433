"""What every page must be: one title, headings in order, named controls, text that can be read, no overflow.

Written against WCAG 2.2 AA: 1.3.1 (headings), 1.4.3 (contrast, by its own formula), 1.4.10 (reflow), 2.4.2 (title),
2.5.8 (target size), 3.1.1 (language), 4.1.2 (names).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRIPT = (HERE / "audit.js").read_text(encoding="utf-8")
CONTRAST = (HERE / "contrast.js").read_text(encoding="utf-8")


def problems(page: Any, lang: str) -> list[str]:
    """What is wrong with the page as it stands, in words; empty when nothing is."""
    found = list(page.evaluate(SCRIPT))
    if page.locator("html").get_attribute("lang") != {"zh": "zh-CN", "en": "en"}[lang]:
        found.append("the page's language is not what was asked")
    title = page.title()
    if not title.partition("·")[0].strip():
        found.append(f"title {title!r} says nothing")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {one}" for one in page.evaluate(CONTRAST)]
    page.emulate_media(color_scheme="light")
    return found
