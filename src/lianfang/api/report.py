"""The transcript's report: one file of HTML, in both languages, that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader

from lianfang.api import charts
from lianfang.services import situation
from lianfang.services.accounts import person

if TYPE_CHECKING:
    from lianfang.services.installation import Installation
    from lianfang.services.tour import Story

HERE = Path(__file__).parent


def write_report(inst: Installation, story: Story, path: Path) -> None:
    """Write the report of a tour; it holds figures, tokens' counts and texts, and no name."""
    from markupsafe import Markup

    view = situation.view(inst, person(inst, "wang.yi"), story.event_id)
    curves = {lang: charts.curve(view["by_onset"], view["as_of"], lang) for lang in ("zh", "en")}
    environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)
    html = environment.get_template("report.html").render(
        story=story,
        event=view["event"],
        as_of=view["as_of"],
        names=(inst.settings.authority_name_zh, inst.settings.authority_name_en),
        style=Markup((HERE / "static" / "lianfang.css").read_text(encoding="utf-8")),  # noqa: S704  # nosec B704 - our own file
        curves={lang: Markup(curve["svg"]) if curve else "" for lang, curve in curves.items()},  # noqa: S704  # nosec B704
    )
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(html, encoding="utf-8")
    draft.replace(path)
