"""Charts of the pages: SVG made on the server, with a table beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any


def curve(
    by_day: dict[str, int], until: date, lang: str, breaks: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any] | None:
    """An epidemic curve by day of onset: ``svg`` and the ``rows`` of its table; None without cases.

    ``breaks``: days (``day``, ``edition``) from which something else is counted; those within it are marked.
    """
    from lianfang.foundation import svg

    if not by_day:
        return None
    first = date.fromisoformat(min(by_day))
    days = [first + timedelta(days=n) for n in range((until - first).days + 1)]
    counts = [by_day.get(day.isoformat(), 0) for day in days]
    title = "按发病日期的流行曲线" if lang == "zh" else "Epidemic curve by day of onset"
    label = "病例" if lang == "zh" else "cases"
    within = [one for one in breaks if first <= one["day"] <= until]
    marks = {(one["day"] - first).days: str(one["edition"]) for one in within}
    return {
        "breaks": within,
        "svg": svg.bars(
            days, counts, title=title, y_label=label, lang=lang, width=360, height=230, marks=marks
        ),
        "days": list(zip(days, counts, strict=True)),
        "rows": [(day, count) for day, count in zip(days, counts, strict=True) if count],
    }


def table(days: list[tuple[date, int]], lang: str) -> str:
    """The curve's figures as CSV, every day of it."""
    head = "发病日期,病例" if lang == "zh" else "date_onset,cases"
    return "\r\n".join([head, *(f"{day.isoformat()},{count}" for day, count in days), ""])


def qr(text: str) -> str:
    """A QR code of ``text`` as SVG."""
    import io

    import segno

    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", xmldecl=False, svgns=True, scale=4, border=2)
    return out.getvalue().decode()
