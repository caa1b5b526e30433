"""The bill of materials: what ``make run`` installs, as CycloneDX 1.6 with hashes and licences.

Names, versions and hashes are those of ``requirements/runtime.lock``, which pip is held to; licences are what the
packages say of themselves, kept in ``requirements/licences.txt`` (``NAME==VERSION  LICENCE``) so that the bill can be
made anywhere.

    python scripts/sbom.py                 # writes build/sbom.cdx.json
    python scripts/sbom.py --check         # exits 1 when a package has no hash, no licence, or one not agreed to
    python scripts/sbom.py --licences      # reads the licences anew from the installed packages
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import uuid
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
LICENCES = LOCKS / "licences.txt"
#: Licences under which a package may be part of an installation; each word of an expression has to be one.
AGREED = {
    *(
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "BSD",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "0BSD",
        "Apache-2.0",
        "PSF-2.0",
        "ISC",
    ),
    *("MPL-2.0", "Unlicense", "CC0-1.0", "Zlib", "LGPL-3.0-only", "LGPL-3.0-or-later", "LLVM-exception"),
}
_CLASSIFIED = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "The Unlicense (Unlicense)": "Unlicense",
    "ISC License (ISCL)": "ISC",
}
_WRITTEN = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD 3-Clause": "BSD-3-Clause",
    "new BSD": "BSD",
}
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)(?:\s*;\s*(.*?))?\s*\\?$")
_HASH = re.compile(r"^--hash=sha256:([0-9a-f]{64})\s*\\?$")


@dataclass
class Package:
    """One line of a lock: ``marker`` says on which machines it is installed (empty: on all)."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)


def read_lock(text: str) -> list[Package]:
    """The packages of a lock file.

    Raises:
        ValueError: a line that is no exact version, no hash and no comment.
    """
    found: list[Package] = []
    for line in text.splitlines():
        part = line.strip()
        if not part or part.startswith("#"):
            continue
        if pinned := _PINNED.match(part):
            found.append(Package(pinned[1].lower(), pinned[2], pinned[3] or ""))
        elif (held := _HASH.match(part)) and found:
            found[-1].hashes.append(held[1])
        else:
            raise ValueError(f"not an exact version with a hash: {part[:80]!r}")
    return found


def read_licences(text: str) -> dict[str, str]:
    """``name==version`` -> licence."""
    return {
        key: value.strip() for key, _, value in (line.partition("  ") for line in text.splitlines()) if key
    }


def licence_of(name: str) -> str:
    """What an installed package says of its licence: an SPDX expression where it gives one; empty when it is silent."""
    said = metadata.metadata(name)
    if expression := said.get("License-Expression"):
        return str(expression)
    classes = [
        one.rpartition(" :: ")[2] for one in said.get_all("Classifier") or () if one.startswith("License ::")
    ]
    known = sorted({_CLASSIFIED[one] for one in classes if one in _CLASSIFIED})
    if known:
        return " OR ".join(known)
    written = (said.get("License") or "").strip().splitlines()
    return _WRITTEN.get(written[0], written[0]) if written and len(written[0]) < 40 else ""


def findings(locks: dict[str, str], licences: dict[str, str]) -> list[str]:
    """What is wrong: an unpinned or unhashed package, one without a licence, or with one that is not agreed to."""
    wrong = []
    for lock, text in locks.items():
        try:
            packages = read_lock(text)
        except ValueError as error:
            wrong.append(f"{lock}: {error}")
            continue
        wrong += [f"{lock}: {one.name} has no hash" for one in packages if not one.hashes]
        if lock == "runtime.lock":
            wrong += [said for one in packages if (said := _unlicensed(one, licences))]
    return wrong


def _unlicensed(package: Package, licences: dict[str, str]) -> str:
    licence = licences.get(f"{package.name}=={package.version}", "")
    words = set(re.findall(r"[A-Za-z0-9.+-]+", licence)) - {"AND", "OR", "WITH"}
    if not words:
        return f"{package.name} {package.version} has no licence in requirements/licences.txt"
    return f"{package.name}: {licence} is not agreed to" if words - AGREED else ""


def bill(packages: list[Package], licences: dict[str, str], version: str) -> dict[str, Any]:
    """The bill as CycloneDX 1.6; the same lock gives the same bytes."""
    parts = []
    for one in packages:
        part: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{one.name}@{one.version}",
            "name": one.name,
            "version": one.version,
            "purl": f"pkg:pypi/{one.name}@{one.version}",
            "licenses": [{"expression": licences.get(f"{one.name}=={one.version}", "NOASSERTION")}],
            # one of these is the file that is installed: a lock names the wheels of every machine
            "properties": [{"name": "lianfang:sha256", "value": value} for value in one.hashes],
        }
        if one.marker:
            part["properties"].append({"name": "lianfang:marker", "value": one.marker})
        parts.append(part)
    text = json.dumps(parts, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "lianfang",
                "version": version,
                "bom-ref": "lianfang",
            }
        },
        "components": parts,
        "dependencies": [{"ref": "lianfang", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--licences", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "sbom.cdx.json")
    chosen = parser.parse_args(arguments)
    locks = {path.name: path.read_text(encoding="utf-8") for path in sorted(LOCKS.glob("*.lock"))}
    packages = read_lock(locks["runtime.lock"])
    known = read_licences(LICENCES.read_text(encoding="utf-8")) if LICENCES.is_file() else {}
    if chosen.licences:
        kept = {}
        for one in packages:
            key = f"{one.name}=={one.version}"
            try:
                kept[key] = licence_of(one.name) or known.get(key, "")
            except metadata.PackageNotFoundError:  # for other machines only
                kept[key] = known.get(key, "")
        LICENCES.write_text(
            "".join(f"{key}  {value}\n" for key, value in sorted(kept.items())), encoding="utf-8"
        )
        known = kept
    wrong = findings(locks, known)
    for one in wrong:
        print(f"sbom: {one}", file=sys.stderr)
    if chosen.check or wrong:
        return 1 if wrong else 0
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    made = bill(packages, known, version)
    chosen.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    print(f"sbom: {chosen.out.name}, {len(made['components'])} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
