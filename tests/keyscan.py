"""Where the source makes a key, or takes one into use, read from its syntax: what the inventory of keys has to name."""

from __future__ import annotations

import ast
from pathlib import Path

SRC = Path(__file__).parents[1] / "src" / "lianfang"
#: Calls, by their last name, that make a key or take one into use. Random references (session tokens, ids) are none.
MAKES = {
    "generate", "generate_private_key", "generate_key", "create_key", "hash_secret_raw",
    "AESGCM", "AESSIV", "ChaCha20Poly1305", "SM4", "AES", "Fernet", "HKDF", "HKDFExpand", "Scrypt", "PBKDF2HMAC",
    "SealedBox", "SecretBox", "Suite",
}  # fmt: skip
#: Bytes of a key: ``os.urandom`` of fewer are nonces and ids, unless the number is a name.
KEY_BYTES = 32


def scan(root: Path = SRC) -> set[str]:
    """``module:call`` of each place; a derived key with the name it is derived for: ``module:derive wrap``."""
    found: set[str] = set()
    for path in sorted(root.rglob("*.py")):
        module = path.relative_to(root).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (what := _what(node)):
                found.add(f"{module}:{what}")
    return found


def _what(call: ast.Call) -> str:
    of = call.func
    name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
    owner = of.value.id if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name) else ""
    if name in MAKES:
        return name
    if name == "derive":
        words = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        return f"derive {words[0]}" if words else ""
    if name in ("urandom", "token_bytes"):
        sizes = [n.value for arg in call.args for n in ast.walk(arg) if isinstance(n, ast.Constant)]
        return name if any(isinstance(n, int) and n >= KEY_BYTES for n in sizes) else ""
    if owner == "hmac" and name in ("new", "digest"):
        return f"hmac.{name}"
    if "hmac_sha256" in name:
        return name
    return ""
