"""``lianfang doctor``: does the installation stand, and on what."""

from __future__ import annotations

from dataclasses import asdict

import click

from lianfang.cli.common import opened, say


@click.command()
@click.option("--home", default=None, help="Folder of the installation. 安装目录。")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def doctor(home: str | None, as_json: bool) -> None:
    """Does the installation stand: databases, keys, the root key in use. 检查安装。

    Changes nothing and reads nobody's data; exit 1 when something failed.
    """
    from lianfang.foundation import words
    from lianfang.foundation.errors import Fault
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services import doctor as service

    with opened(home) as inst:
        found = service.examine(inst)
    lang, lines = terminal_language(), []
    for one in found:
        facts = ", ".join(f"{name} {value}" for name, value in one.facts.items() if value not in ("", []))
        lines.append(f"{one.state:8} {one.en} {one.zh}: {facts}")
        lines += [f"         {words.say(text, lang)}" for text in one.says if text]
    say(as_json, [asdict(one) for one in found], "\n".join(lines))
    failed = sum(one.state == "failed" for one in found)
    if failed:
        raise Fault(f"{failed} parts of the installation failed.", hint="See above.", code="not_sound")
