"""Plain YAML, read strictly: safe values only, no alias, no key twice, bounded in size and depth."""

from __future__ import annotations

from typing import Any

MAX_BYTES = 300_000
MAX_DEPTH = 12


class NotPlain(ValueError):
    """What is wrong with a document, and in which line where that is known; its caller says which document."""


def load(raw: bytes, *, limit: int = MAX_BYTES) -> Any:
    """The document's value.

    Raises:
        NotPlain: larger than ``limit`` bytes, not YAML, aliases, deep nesting, the same key twice.
    """
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        """Safe values only, and no key twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [key.value for key, _ in node.value]
            if len(keys) != len(set(map(str, keys))):
                raise NotPlain(f"line {node.start_mark.line + 1}: the same key twice")
            result: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            return result

    if len(raw) > limit:
        raise NotPlain(f"larger than {limit} bytes")
    try:
        depth = 0
        for event in yaml.parse(raw, Loader=base):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
                raise NotPlain("aliases and deep nesting are not accepted")
        # the loader is a subclass of the safe one
        return yaml.load(raw, Loader=Loader)  # noqa: S506  # nosec B506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NotPlain(f"not YAML{f' (line {mark.line + 1})' if mark else ''}") from None
