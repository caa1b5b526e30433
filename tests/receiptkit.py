"""Receipts for tests: a log with four witnesses, bulletins signed without an installation, and mutants of files."""

from __future__ import annotations

import base64
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from lianfang.foundation.canonical import digest
from lianfang.guard import ledger
from lianfang.guard.ledger import merkle
from lianfang.guard.ledger.commit import commitment
from lianfang.guard.ledger.quorum import Party, Quorum
from lianfang.guard.signing import SecretKeys, canonical, sign
from lianfang.services.bulletin import FORMAT, _spelt
from lianfang.services.installation import Installation
from lianfang.services.ledger import heads

WITNESSES = ("health.linjiang.example", "redcross.example", "civil.linjiang.example", "audit.example")


def keys(name: str) -> SecretKeys:
    return SecretKeys(name, Ed25519PrivateKey.generate(), X25519PrivateKey.generate())


@dataclass
class Logbook:
    """A log in memory, its own keys, four witnesses and the policy that asks for three of them."""

    own: SecretKeys = field(default_factory=lambda: keys("linjiang-cdc"))
    entries: list[bytes] = field(default_factory=list)
    witnesses: list[ledger.Signer] = field(
        default_factory=lambda: [ledger.Signer(name, Ed25519PrivateKey.generate()) for name in WITNESSES]
    )
    drafts: list[Draft] = field(default_factory=list)

    @property
    def signer(self) -> ledger.Signer:
        return ledger.Signer.of(self.own)

    @property
    def key(self) -> str:
        return str(self.signer.verifier)

    def policy(self, need: int = 3) -> Quorum:
        parties = {f"w{n}": Party(one.cosigner) for n, one in enumerate(self.witnesses)}
        groups = {"some": (need, tuple(parties))}
        return Quorum((Party(self.signer.verifier),), parties, groups, "some")

    def proof(self, index: int, cosigned: int = 4, size: int | None = None) -> ledger.Proof:
        leaves = [ledger.leaf_hash(one) for one in self.entries[:size]]

        def subtree(level: int, at: int) -> bytes:
            return merkle.fold(leaves[at << level : (at + 1) << level])

        root = merkle.range_hash(0, len(leaves), subtree)
        text = ledger.Checkpoint(self.own.name, len(leaves), root).text()
        note = ledger.sign_note(text, [self.signer])
        note += "".join(
            one.cosign_line(text, 1_769_650_000 + n) for n, one in enumerate(self.witnesses[:cosigned])
        )
        path = merkle.inclusion_path(index, len(leaves), subtree)
        return ledger.Proof(index, tuple(path), note, self.entries[index])

    def entry(
        self, payload: Mapping[str, Any], what: str = "bulletin.published", ref: str = "-"
    ) -> dict[str, Any]:
        """Log a payload; gives its opening."""
        salt = secrets.token_bytes(32)
        said = {
            "authority": self.own.name,
            "by": secrets.token_hex(32),
            "commit": commitment(salt, payload).hex(),
            "purpose": "public_bulletin",
            "ref": ref,
            "time": "2026-01-29T08:00:00.000000Z",
            "type": what,
        }
        self.entries.append(canonical(said))
        return {"salt": salt.hex(), "payload": dict(payload)}

    def bulletin(self, number: int, corrects: int = 0, event: str = "e1", **content: Any) -> Draft:
        body = {
            "authority": self.own.name,
            "event_id": event,
            "number": number,
            "published_at": "2026-01-29T08:00:00.000000Z",
            "corrects": corrects,
            "content": {
                "event": "临江 cluster",
                "as_of": "2026-01-29",
                "tables": [],
                "texts": {"zh": "例", "en": "x"},
            }
            | content,
            "withheld": [],
        }
        opening = self.entry({"sha256": digest(body), "number": number}, ref=f"{event}/{number}")
        self.drafts.append(Draft(self, len(self.entries) - 1, body, opening))
        return self.drafts[-1]


@dataclass
class Draft:
    """A bulletin that is logged; its file can be written once the log has grown as the test wants."""

    log: Logbook
    index: int
    body: dict[str, Any]
    opening: dict[str, Any]

    def file(self, size: int | None = None, **changed: Any) -> bytes:
        parts = {
            "format": FORMAT,
            "signed": sign(self.log.own, self.body),
            "opening": self.opening,
            "proof": self.log.proof(self.index, 0, size).text(),
            "key": self.log.key,
        }
        return _spelt(parts | changed).encode()


def cosign(inst: Installation) -> Quorum:
    """Four witnesses sign the newest head; gives the policy, which is the installation's from now on."""
    signers = [ledger.Signer.of(keys(name)) for name in WITNESSES]
    own = ledger.Verifier.of(inst.signer.public)
    policy = Quorum.majority([own], {f"w{n}": Party(one.cosigner) for n, one in enumerate(signers)})
    (Path(inst.home) / heads.POLICY_FILE).write_text(policy.text())
    size = heads.sign(inst)
    with inst.store.begin() as connection:
        log = ledger.Log(inst.signer.name)
        text = log.signed(connection, size).partition("\n\n")[0] + "\n"
        lines = "".join(one.cosign_line(text, 1_769_650_000) for one in signers)
        log.keep_cosignatures(connection, size, lines, [one.cosigner for one in signers])
    return policy


def mutants(raw: bytes, count: int, dice: random.Random) -> list[bytes]:
    """``count`` changed copies of a file: each kind of byte and of harm in turn."""
    places = {
        "digit": [n for n, c in enumerate(raw) if 48 <= c <= 57],
        "letter": [n for n, c in enumerate(raw) if chr(c).isalpha() and c < 128],
        "space": [n for n, c in enumerate(raw) if c in b" \n"],
        "sign": [n for n, c in enumerate(raw) if 32 < c < 127 and not chr(c).isalnum()],
        "high": [n for n, c in enumerate(raw) if c > 127],
        "any": list(range(len(raw))),
    }
    kinds = [name for name, found in places.items() if found]
    made: list[bytes] = []
    while len(made) < count:
        at = dice.choice(places[kinds[len(made) % len(kinds)]])
        way = dice.randrange(7)
        if way == 0:  # another of its class
            low, high = (48, 57) if 48 <= raw[at] <= 57 else (97, 122)
            changed = raw[:at] + bytes([dice.randint(low, high)]) + raw[at + 1 :]
        elif way == 1:  # one bit
            changed = raw[:at] + bytes([raw[at] ^ (1 << dice.randrange(8))]) + raw[at + 1 :]
        elif way == 2:
            changed = raw[:at] + raw[at + 1 :]
        elif way == 3:
            changed = (
                raw[:at] + dice.choice([b" ", b"\n", b"0", b"=", b"+", b"\xef\xbb\xbf", b"\x00"]) + raw[at:]
            )
        elif way == 4:
            changed = raw[:at] + raw[at : at + 1] + raw[at:]
        elif way == 5:
            changed = raw[:at]
        else:  # two lines exchanged
            lines = raw.split(b"\n")
            a, b = dice.randrange(len(lines)), dice.randrange(len(lines))
            lines[a], lines[b] = lines[b], lines[a]
            changed = b"\n".join(lines)
        if changed != raw:
            made.append(changed)
    return made


def packed(files: Sequence[bytes]) -> list[str]:
    """Files as base64, for the browser."""
    return [base64.b64encode(one).decode() for one in files]
