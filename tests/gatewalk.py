"""The house's source read for ways round the gate: who may be called by a door, who touches the vault, who asks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SRC = Path(__file__).parents[1] / "src" / "lianfang"
#: What asks: the role's right to an act, and the policy's word on data.
RIGHT, POLICY = "require", "ask"
#: Acts of the vault by which an identity, or a token that stands for one, leaves it.
OPENING = {"reveal", "find", "copy_subjects", "linkage_features", "match_subjects", "amend", "unseal",
           "donors"}  # fmt: skip


@dataclass
class Function:
    """A function of a service: its parameters and what it calls, by bare name."""

    module: str
    name: str
    parameters: list[str]
    calls: set[str] = field(default_factory=set)
    opens: set[str] = field(default_factory=set)

    @property
    def where(self) -> str:
        return f"{self.module}.{self.name}"


def functions(folder: Path = SRC / "services", root: Path = SRC) -> dict[str, list[Function]]:
    """Functions of the services by bare name (several modules may have one of the same name)."""
    found: dict[str, list[Function]] = {}
    for path in sorted(folder.rglob("*.py")):
        module = path.relative_to(root).with_suffix("").as_posix().replace("/", ".")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                one = Function(module, node.name, [a.arg for a in (*node.args.args, *node.args.kwonlyargs)])
                for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
                    name = _called(call)
                    one.calls.add(name)
                    if name in OPENING and _of_vault(call):
                        one.opens.add(name)
                found.setdefault(node.name, []).append(one)
    return found


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _of_vault(call: ast.Call) -> bool:
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    while isinstance(value, ast.Attribute):
        if value.attr == "vault":
            return True
        value = value.value
    return isinstance(value, ast.Name) and value.id == "vault"


def reaches(
    one: Function, wanted: str, known: dict[str, list[Function]], seen: set[str] | None = None
) -> bool:
    """Whether a function asks ``wanted`` itself or calls, with all that bear the name, functions that do."""
    seen = set() if seen is None else seen
    if wanted in one.calls:
        return True
    if one.where in seen:
        return False
    seen.add(one.where)
    for name in one.calls:
        same = known.get(name, []) if name != one.name else []
        # a name that the module has itself is that one; else all that bear it have to ask
        same = [other for other in same if other.module == one.module] or same
        if same and all(reaches(other, wanted, known, seen) for other in same):
            return True
    return False


def door_calls(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(file, module, function) of every call by a door of a service's function through its module's name."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            (alias.asname or alias.name): alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lianfang.services")
            for alias in node.names
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in modules
            ):
                yield path.name, modules[node.func.value.id], node.func.attr
