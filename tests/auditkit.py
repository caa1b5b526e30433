"""Every kind of entry that the code can write into the ledger, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

#: Functions that write an entry, and where its kind stands among their arguments.
WRITERS = {"noted": ("what", 2), "record": ("what", 2)}


def _texts(node: ast.AST | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)


def _given(call: ast.Call, name: str, place: int) -> ast.AST | None:
    by_name = next((one.value for one in call.keywords if one.arg in (name, "type")), None)
    return by_name or (call.args[place] if len(call.args) > place else None)


def kinds(folder: Path) -> set[str]:
    """Kinds of entries written below ``folder``; ``event_*`` stands for a family."""
    functions = [
        node
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    writers, found = dict(WRITERS), set()
    for _ in range(3):  # a function that is told the kind is a writer too
        for function in functions:
            parameters = [one.arg for one in (*function.args.args, *function.args.kwonlyargs)]
            local = {
                target.id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                called = getattr(call.func, "id", getattr(call.func, "attr", ""))
                if called not in writers:
                    continue
                given = _given(call, *writers[called])
                if isinstance(given, ast.Name) and given.id in parameters:
                    writers.setdefault(function.name, (given.id, parameters.index(given.id)))
                else:
                    value = local.get(given.id) if isinstance(given, ast.Name) else given
                    found |= set(_texts(value))
    return found
