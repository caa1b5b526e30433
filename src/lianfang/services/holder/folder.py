"""A holder's folder: its data as it has them, and beside them ``node/`` with what makes it a node.

``node/keys.json`` own keys (0600 in 0700), ``node/node.toml`` limits, ``node/centres.json`` whom it answers,
``node/node.db`` orders and ledger. The data files are only read.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Fault, NotFound

if TYPE_CHECKING:
    from lianfang.guard.signing import PublicKeys, SecretKeys

NODE = "node"


@dataclass(frozen=True)
class Limits:
    """What this node answers at most, whatever a centre asks (``node.toml``)."""

    row_cap: int = 2000
    period_days: int = 31
    index_cases: int = 500
    radius_m: float = 200.0
    valid_hours: int = 168
    waiting: int = 16
    memory_mb: int = 1500
    policy_pack: str = "cn-seed-2020"
    zone: str = "Asia/Shanghai"
    clock: str = ""


@dataclass(frozen=True)
class About:
    """Who the holder is (``holder.json``)."""

    id: str
    kind: str
    name_zh: str
    name_en: str
    sources: tuple[str, ...]
    fictional: bool = False


def read_about(folder: Path) -> About:
    """``holder.json`` of a folder, checked."""
    from lianfang.guard.policy.vocabulary import ACTORS

    document = _json(folder / "holder.json", "holder.json")
    try:
        about = About(
            str(document["id"]),
            str(document["kind"]),
            str(document["name"]["zh"]),
            str(document["name"]["en"]),
            tuple(str(source) for source in document["sources"]),
            bool(document.get("fictional", False)),
        )
    except (KeyError, TypeError):
        raise BadInput("holder.json needs id, kind, name (zh, en) and sources.") from None
    from lianfang.services.holder.documents import SOURCES

    if about.kind not in ACTORS:
        raise BadInput("holder.json: the kind is none of the policy's holders.", code="unknown_holder")
    if not about.sources or set(about.sources) - set(SOURCES):
        raise BadInput(f"holder.json: sources are some of {', '.join(SOURCES)}.")
    return about


def init(
    folder: Path | str,
    *,
    name: str = "",
    kind: str = "telecom_operator",
    name_zh: str = "",
    name_en: str = "",
    sources: tuple[str, ...] = (),
    **limits: Any,
) -> dict[str, Any]:
    """Make a node of a folder of data: keys, limits, its own ledger. Returns its identity.

    A folder without ``holder.json`` gets one from the arguments.

    Raises:
        Conflict: it is a node already. BadInput: a limit or source is unknown, there are no subscribers.
    """
    from lianfang.guard.files import make_folder
    from lianfang.guard.signing import create_keys

    base = Path(folder)
    if (base / NODE / "keys.json").exists():
        raise Conflict("This folder is a node already.", hint="lianfang holder serve FOLDER")
    if not base.is_dir():
        raise NotFound("There is no such folder.")
    if not (base / "subscribers.parquet").is_file():
        raise BadInput("The folder has no subscribers.parquet.", hint="See docs/how-to/holder-node.md.")
    if not (base / "holder.json").exists():
        if not name:
            raise BadInput("A folder without holder.json needs --name.")
        found = sources or tuple(s for s in ("pings", "lodging", "trips", "visits") if (base / s).is_dir())
        words = {"zh": name_zh or name, "en": name_en or name}
        about = {"id": name, "name": words, "kind": kind, "sources": list(found)}
        (base / "holder.json").write_text(
            json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    about_us = read_about(base)
    if name and name != about_us.id:
        raise BadInput("--name differs from the id in holder.json.")
    if unknown := set(limits) - {one.name for one in fields(Limits)}:
        raise BadInput(f"Unknown limit: {', '.join(sorted(unknown))}.")
    make_folder(base / NODE)
    lines = ["# Limits of this node: docs/how-to/holder-node.md"]
    lines += [f"{one.name} = {_toml(limits.get(one.name, one.default))}" for one in fields(Limits)]
    (base / NODE / "node.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _write_centres(base, {})
    create_keys(base / NODE / "keys.json", about_us.id)  # last: a folder without keys is no node
    from lianfang.services.holder.node import HolderNode

    node = HolderNode(base)
    try:
        return node.identity()
    finally:
        node.close()


def read_limits(folder: Path) -> Limits:
    """``node.toml``, checked."""
    try:
        document = tomllib.loads((folder / NODE / "node.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound("This folder is no node.", hint="lianfang holder init FOLDER") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise BadInput("node.toml is not valid TOML.") from None
    kinds = {one.name: type(one.default) for one in fields(Limits)}
    for key, value in document.items():
        kind = kinds.get(key)
        right = isinstance(value, int | float) if kind is float else isinstance(value, kind or str)
        if kind is None or not right or isinstance(value, bool):
            raise BadInput(f"node.toml: {key} is unknown or of the wrong type.")
        if kind in (int, float) and value <= 0:
            raise BadInput(f"node.toml: {key} must be more than 0.")
    return Limits(**document)


def read_keys(folder: Path) -> SecretKeys:
    """The node's own keys; refused when others can read them."""
    from lianfang.guard.signing import load_keys

    return load_keys(folder / NODE / "keys.json")


def trust(folder: Path | str, identity: dict[str, Any]) -> PublicKeys:
    """Answer this centre's orders from now on. ``identity``: its name and public keys.

    A centre that is known under other keys is not replaced; remove it first (``centres.json``).
    """
    from lianfang.guard.signing import PublicKeys

    base = Path(folder)
    keys = PublicKeys.from_json(identity)
    known = centres(base)
    if keys.name in known and known[keys.name] != keys:
        raise Conflict("This centre is known with other keys.", hint="Find out why before you remove it.")
    known[keys.name] = keys
    _write_centres(base, known)
    return keys


def centres(folder: Path) -> dict[str, PublicKeys]:
    """The centres this node answers."""
    from lianfang.guard.signing import PublicKeys

    document = _json(folder / NODE / "centres.json", "centres.json")
    found = [PublicKeys.from_json(entry) for entry in document.get("centres", [])]
    return {keys.name: keys for keys in found}


def fingerprint(keys: PublicKeys) -> str:
    """Eight groups of four hexadecimal digits to compare over the telephone."""
    import hashlib

    text = hashlib.sha256(b"lianfang/identity/1\x00" + keys.signing + keys.sealing).hexdigest()[:32]
    return " ".join(text[at : at + 4] for at in range(0, 32, 4))


def _write_centres(folder: Path, known: dict[str, PublicKeys]) -> None:
    entries = [known[name].to_json() for name in sorted(known)]
    path = folder / NODE / "centres.json"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"centres": entries}, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def _json(path: Path, what: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > 1 << 20:
            raise BadInput(f"{what} is too large.")
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"The folder has no {what}.", hint="See docs/how-to/holder-node.md.") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{what} is not valid JSON.") from None
    except OSError as error:
        raise Fault(f"{what} cannot be read ({error.strerror}).") from None
    if not isinstance(document, dict):
        raise BadInput(f"{what} is not an object.")
    return document


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
