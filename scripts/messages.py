"""Which sentences the program may say to a person, read from its source: every error's message and hint.

``python scripts/messages.py`` prints the English templates that have no Chinese in
``src/lianfang/foundation/words/zh``, as TOML to fill in, and the entries there that nothing says any more.

A template is the text with a numbered hole for each value: ``There is no log {0} here.`` What a hole may hold
is looked for too: a string given to the function, assigned to the local name, or appended to the local list.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SRC = Path(__file__).parents[1] / "src" / "lianfang"
#: Exceptions beside our family whose text ends up in one of its messages.
QUOTED = ("BadPack", "NotPlain", "ValueError")
#: Records of what an audit found: (name, position of the words).
FOUND = {"Finding": 0, "refused": 0}
#: Other names of the source whose texts reach a person: (file, name of a function or a constant).
ELSEWHERE = (
    ("services/importing/report.py", "REASONS"),
    ("services/importing/report.py", "__str__"),
    ("services/orders/wire.py", "_error"),
    ("services/holder/app.py", "failed"),
    ("foundation/settings.py", "read_settings"),
    ("services/integrity.py", "check"),
    ("api/security.py", "counted"),
    ("api/rest/routes.py", "_bounded"),
    ("services/doctor.py", "_ELSEWHERE"),
    ("services/doctor.py", "_ROTATING"),
    ("services/doctor.py", "_UNRECORDED"),
    ("guard/vault/roots/embedded.py", "health"),
    ("guard/vault/roots/device.py", "health"),
    ("guard/vault/roots/transit.py", "health"),
)
#: The file of the catalogue whose English is not said by our source but by libraries.
GIVEN = ("outside.toml",)
_DEPTH = 4


@dataclass(frozen=True)
class Hole:
    """A place in a template for a value; ``texts``: the sentences and words it is known to hold."""

    texts: tuple[str, ...] = ()


Piece = str | Hole


@dataclass
class Site:
    """One template at one place of the source."""

    template: str
    where: str
    holes: list[tuple[str, ...]] = field(default_factory=list)


@dataclass
class Source:
    """The parsed source: its modules, the family of errors, calls by the called name."""

    trees: dict[Path, ast.Module]
    family: set[str]
    calls: dict[str, list[tuple[Path, ast.Call, ast.AST | None]]]
    methods: set[ast.AST]


def read(root: Path = SRC) -> Source:
    """Parse the source tree."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.py"))}
    classes = [n for tree in trees.values() for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    family = {"LianfangError"}
    while grown := {c.name for c in classes if {_name(b) for b in c.bases} & family} - family:
        family |= grown
    methods = {node for c in classes for node in c.body}
    source = Source(trees, family, {}, methods)
    for path, tree in trees.items():
        _index(source, path, tree, None)
    return source


def _index(source: Source, path: Path, node: ast.AST, owner: ast.FunctionDef | None) -> None:
    if isinstance(node, ast.Call) and (name := _name(node.func)):
        source.calls.setdefault(name, []).append((path, node, owner))
    inside = node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else owner
    for child in ast.iter_child_nodes(node):
        _index(source, path, child, inside)  # type: ignore[arg-type]


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def sites(source: Source) -> list[Site]:
    """Every template of a message, hint or reason."""
    out = []
    for path, call, owner, expr in _said(source):
        where = f"{path.relative_to(SRC)}:{call.lineno}"
        for pieces in _forms(source, path, expr, owner, 0):
            template, holes = _template(pieces)
            if any(c.isalpha() for c in _fixed(pieces)):
                out.append(Site(template, where, holes))
    for name, called in ELSEWHERE:
        out += _named(source, SRC / name, called)
    return out


def _named(source: Source, path: Path, called: str) -> list[Site]:
    """The texts of a function or a constant, taken for words when they hold a space."""
    out = []
    for node in ast.walk(source.trees[path]):
        known = getattr(node, "name", "") or _name(getattr(node, "target", node))
        if known != called or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.AnnAssign):
            continue
        owner = node if not isinstance(node, ast.AnnAssign) else None
        docstring = ast.get_docstring(owner, clean=False) if owner else None
        parts = [p for p in ast.walk(node) if isinstance(p, ast.JoinedStr)]
        inner = {id(piece) for part in parts for piece in ast.walk(part)} - {id(part) for part in parts}
        whole = [p for p in ast.walk(node) if isinstance(p, ast.Constant) and isinstance(p.value, str)]
        for expr in [*parts, *(p for p in whole if id(p) not in inner)]:
            for pieces in _forms(source, path, expr, owner, 0):
                template, holes = _template(pieces)
                if " " in template and template != docstring and template[0] not in ", ":
                    out.append(Site(template, f"{path.relative_to(SRC)}:{expr.lineno}", holes))
    return out


def _said(source: Source) -> Iterator[tuple[Path, ast.Call, ast.AST | None, ast.expr]]:
    for name, calls in source.calls.items():
        for path, call, owner in calls:
            if name in source.family or name in QUOTED or name in FOUND:
                if call.args and not isinstance(call.args[0], ast.Starred):
                    yield path, call, owner, call.args[FOUND.get(name, 0)]
                for keyword in call.keywords:
                    if keyword.arg == "hint":
                        yield path, call, owner, keyword.value
                    if keyword.arg == "reasons" and isinstance(keyword.value, ast.Tuple):
                        for element in keyword.value.elts:
                            yield path, call, owner, element


def _fixed(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _template(pieces: tuple[Piece, ...]) -> tuple[str, list[tuple[str, ...]]]:
    text, holes = "", []
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
        else:
            text += f"{{{len(holes)}}}"
            holes.append(piece.texts)
    return text, holes


def _forms(
    source: Source, path: Path, expr: ast.expr, owner: ast.AST | None, depth: int
) -> list[tuple[Piece, ...]]:
    """Every form a text may take. A text that would be holes only is written out with what they may hold."""
    if depth > _DEPTH:
        return [(Hole(),)]
    if isinstance(expr, ast.Constant):
        return [(expr.value,)] if isinstance(expr.value, str) else [()] if expr.value is None else [(Hole(),)]
    if isinstance(expr, ast.IfExp):
        both = (_forms(source, path, part, owner, depth) for part in (expr.body, expr.orelse))
        return list(itertools.chain(*both))
    if isinstance(expr, ast.BoolOp) and isinstance(expr.op, ast.Or):
        return list(itertools.chain(*(_forms(source, path, part, owner, depth) for part in expr.values)))
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        return _joined(source, path, [expr.left, expr.right], owner, depth)
    if isinstance(expr, ast.JoinedStr):
        return _joined(source, path, list(expr.values), owner, depth)
    if isinstance(expr, ast.Call) and _name(expr.func) == "str" and len(expr.args) == 1:
        return _forms(source, path, expr.args[0], owner, depth)
    known = _values(source, path, expr, owner, depth)
    return known or [(Hole(),)]


def _joined(
    source: Source, path: Path, parts: list[ast.expr], owner: ast.AST | None, depth: int
) -> list[tuple[Piece, ...]]:
    fixed = any(isinstance(p, ast.Constant) and any(map(str.isalpha, str(p.value))) for p in parts)
    options: list[list[tuple[Piece, ...]]] = []
    before: ast.expr | None = None
    for part in parts:
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        plain = isinstance(part, ast.FormattedValue) and (part.conversion != -1 or part.format_spec)
        if isinstance(inner, ast.Constant) or isinstance(part, ast.BinOp | ast.JoinedStr):
            options.append(_forms(source, path, inner, owner, depth))
        elif plain:
            options.append([(Hole(),)])
        elif isinstance(inner, ast.IfExp) or (isinstance(inner, ast.BoolOp) and not fixed):
            options.append(_forms(source, path, inner, owner, depth))
        else:
            held = _values(source, path, inner, owner, depth)
            beside = isinstance(before, ast.FormattedValue)  # two holes side by side could not be told apart
            if (fixed and not beside) or not held:
                texts = tuple(dict.fromkeys(_template(pieces)[0] for pieces in held))
                options.append([(Hole(texts),)])
            else:
                options.append(held)
        before = part
    return [tuple(itertools.chain(*choice)) for choice in itertools.islice(itertools.product(*options), 200)]


def _values(
    source: Source, path: Path, expr: ast.expr, owner: ast.AST | None, depth: int
) -> list[tuple[Piece, ...]]:
    """The texts that an expression is known to hold; nothing when it is data."""
    if depth > _DEPTH:
        return []
    if isinstance(expr, ast.Call) and _name(expr.func) == "join" and len(expr.args) == 1:
        expr = expr.args[0]
    if isinstance(expr, ast.Call):
        return _returned(source, path, expr, depth)
    if isinstance(expr, ast.Subscript) and isinstance(expr.value, ast.Dict):
        return _texts(source, path, [v for v in expr.value.values if v], owner, depth)
    if isinstance(expr, ast.BoolOp | ast.IfExp):
        return _forms(source, path, expr, owner, depth)
    if not isinstance(expr, ast.Name) or not isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    given = _assigned(expr.id, owner)
    names = [a.arg for a in (*owner.args.posonlyargs, *owner.args.args, *owner.args.kwonlyargs)]
    found = _texts(source, path, given, owner, depth)
    if expr.id in names:
        found += _passed(source, path, owner, expr.id, names, depth)
    return found


def _texts(
    source: Source, path: Path, exprs: list[ast.expr], owner: ast.AST | None, depth: int
) -> list[tuple[Piece, ...]]:
    made = [form for e in exprs for form in _forms(source, path, e, owner, depth + 1)]
    return list(
        dict.fromkeys(form for form in made if any(map(str.isalpha, _fixed(form))) or form in ((), ("",)))
    )


def _assigned(name: str, owner: ast.AST) -> list[ast.expr]:
    """What a function assigns to a local name or appends to it."""
    found: list[ast.expr] = []
    for node in ast.walk(owner):
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in node.targets
        ):
            found += _elements(node.value)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and (node.func.attr, _name(node.func.value), len(node.args)) == ("append", name, 1)
        ):
            found += _elements(node.args[0])
    return found


def _returned(source: Source, path: Path, call: ast.Call, depth: int) -> list[tuple[Piece, ...]]:
    """What a function of the same file returns."""
    if _name(call.func) in ("tuple", "list") and len(call.args) == 1:
        return []
    found: list[tuple[Piece, ...]] = []
    for owner in ast.walk(source.trees[path]):
        if isinstance(owner, ast.FunctionDef) and owner.name == _name(call.func):
            for node in ast.walk(owner):
                if isinstance(node, ast.Return) and node.value is not None:
                    value = node.value
                    if isinstance(value, ast.Call) and _name(value.func) in ("tuple", "list") and value.args:
                        value = value.args[0]
                    given = [value] if isinstance(value, ast.Constant | ast.JoinedStr | ast.Name) else []
                    found += [form for e in given for form in _values_or_text(source, path, e, owner, depth)]
    return found


def _values_or_text(
    source: Source, path: Path, expr: ast.expr, owner: ast.FunctionDef, depth: int
) -> list[tuple[Piece, ...]]:
    if isinstance(expr, ast.Name):
        return _values(source, path, expr, owner, depth + 1)
    return _texts(source, path, [expr], owner, depth)


def _elements(value: ast.expr) -> list[ast.expr]:
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Dict):
        return [v for v in value.value.values if v]
    if isinstance(value, ast.List | ast.Tuple):
        return list(value.elts)
    known = ast.Constant | ast.JoinedStr | ast.IfExp | ast.BinOp | ast.BoolOp | ast.Call
    return [value] if isinstance(value, known) else []


def _passed(
    source: Source, path: Path, owner: ast.AST, name: str, names: list[str], depth: int
) -> list[tuple[Piece, ...]]:
    """What callers pass as the parameter ``name`` of the function ``owner``."""
    found: list[tuple[Piece, ...]] = []
    place = names.index(name) - (names[0] in ("self", "cls"))
    called = getattr(owner, "name", "")
    for other, call, caller in source.calls.get(called, []):
        base = _name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        own = base in ("", path.stem, path.parent.name) if owner not in source.methods else base != ""
        if not own or (called.startswith("_") and other != path):
            continue
        given = [k.value for k in call.keywords if k.arg == name]
        if not given and 0 <= place < len(call.args):
            given = [call.args[place]]
        found += _texts(source, other, given, caller, depth)
    return found


def said(found: list[Site]) -> dict[str, str]:
    """Every template that has to have its Chinese, with the place where it is said first."""
    from lianfang.foundation.words import catalogue

    known, codes = catalogue.entries(), catalogue.codes()
    out: dict[str, str] = {}
    for site in found:
        if site.template in codes or (
            ":" in site.template and site.template.partition(":")[0] + ":" in codes
        ):
            continue
        out.setdefault(site.template, site.where)
        words = {hole for hole, holds in catalogue.holes(known.get(site.template, "")) if holds}
        for at, texts in enumerate(site.holes):
            for text in texts:
                if (
                    (at in words or " " in text)
                    and text not in codes
                    and any(c.isascii() and c.isalpha() for c in text)
                ):
                    out.setdefault(text, site.where)
    return {text: where for text, where in out.items() if text != "{0}"}


def silent(found: list[Site]) -> list[tuple[str, int, str]]:
    """Holes that hold words in English while the Chinese takes them as they are: (template, hole, words)."""
    from lianfang.foundation.words import catalogue

    known = catalogue.entries()
    out = []
    for site in found:
        holds = dict(catalogue.holes(known.get(site.template, "")))
        for at, texts in enumerate(site.holes):
            out += [(site.template, at, text) for text in texts if " " in text and holds.get(at) is False]
    return out


def main() -> int:
    """Print the templates that have no Chinese, ready to be filled in, and those that nothing says any more."""
    from lianfang.foundation.words import catalogue

    known = catalogue.entries()
    wanted = said(sites(read()))
    missing = {text: where for text, where in wanted.items() if text not in known}
    for text, where in missing.items():
        blank = '""' if re.search("[^a-z_.:]", text) else '["", ""]  # codes.toml, or a word of the catalogue'
        print(f"# {where}\n{json.dumps(text, ensure_ascii=False)} = {blank}")
    for name, part in catalogue.files().items():
        if name not in GIVEN:
            for text in part:
                if text not in wanted:
                    print(f"# {name}: nothing says {json.dumps(text, ensure_ascii=False)}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
