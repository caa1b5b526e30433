"""Whose word on a checkpoint is enough: the policy file of C2SP tlog-policy (logs, witnesses, quorum)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.ledger.note import COSIGNATURE, ED25519, Verifier
from lianfang.guard.ledger.proof import Checkpoint, verify_checkpoint

_MAX_BYTES = 1_000_000
_MAX_OF_A_KIND = 256
_COUNT = re.compile(r"[1-9][0-9]{0,3}\Z")


@dataclass(frozen=True)
class Party:
    """A log or a witness of a policy: its key, and where it is reached when the file says so."""

    verifier: Verifier
    url: str = ""


@dataclass(frozen=True)
class Quorum:
    """A policy. ``groups``: name -> (how many of its members are needed, members); ``quorum``: a name or ``none``."""

    logs: tuple[Party, ...]
    witnesses: Mapping[str, Party]
    groups: Mapping[str, tuple[int, tuple[str, ...]]]
    quorum: str

    @classmethod
    def parse(cls, raw: bytes | str) -> Quorum:
        """Read a policy file; BadInput names the line that is wrong."""
        data = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else raw
        if len(data) > _MAX_BYTES or any((one < 32 and one not in (9, 10)) or one == 127 for one in data):
            raise BadInput("The policy file is too long or holds control characters.", code="tlog_policy")
        # names are opaque bytes: what is not UTF-8 keeps its bytes
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        reader = _Reader()
        for number, line in enumerate(lines, 1):
            words = [word for word in re.split("[ \t]+", line) if word]
            if words and not words[0].startswith("#"):
                try:
                    reader.line(words)
                except ValueError as error:
                    raise _wrong(number, str(error)) from None
        if reader.quorum is None:
            raise BadInput("The policy file has no quorum line.", code="tlog_policy")
        return cls(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)

    @classmethod
    def majority(cls, logs: Collection[Verifier], witnesses: Mapping[str, Party]) -> Quorum:
        """More than half of the witnesses (none, when there are none)."""
        group = {"majority": (len(witnesses) // 2 + 1, tuple(witnesses))} if witnesses else {}
        return cls(tuple(Party(v) for v in logs), witnesses, group, "majority" if witnesses else "none")

    def text(self) -> str:
        """The policy file."""
        rows = [f"log {one.verifier} {one.url}".rstrip() for one in self.logs]
        rows += [f"witness {name} {one.verifier} {one.url}".rstrip() for name, one in self.witnesses.items()]
        rows += [f"group {name} {need} {' '.join(of)}" for name, (need, of) in self.groups.items()]
        return "\n".join([*rows, f"quorum {self.quorum}", ""])

    @property
    def verifiers(self) -> list[Verifier]:
        """Every key of the policy."""
        return [one.verifier for one in (*self.logs, *self.witnesses.values())]

    def reached(self, cosigned: Collection[Verifier]) -> bool:
        """Whether these keys together are a quorum."""
        return self.quorum == "none" or self._said(self.quorum, set(cosigned))

    def _said(self, name: str, cosigned: set[Verifier]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name].verifier in cosigned
        need, members = self.groups[name]
        return sum(self._said(one, cosigned) for one in members) >= need

    def verify(self, note: str, *, origin: str | None = None) -> tuple[Checkpoint, tuple[Verifier, ...]]:
        """The checkpoint and the keys that signed it, if a log of the policy did and the quorum is reached.

        Raises:
            BadInput: this is no checkpoint. Refused: no known log signed it, a signature does not hold, or
            too few witnesses cosigned it.
        """
        if not self.logs:
            raise BadInput("The policy file names no log.", code="tlog_policy")
        head, signed_by = verify_checkpoint(note, self.verifiers, origin=origin)
        if not self.reached(signed_by):
            raise Refused(
                "Too few witnesses cosigned this checkpoint.",
                hint="The log may show others another one. Ask for a proof with more cosignatures.",
                code="no_quorum",
            )
        return head, signed_by


@dataclass
class _Reader:
    logs: list[Party] = field(default_factory=list)
    witnesses: dict[str, Party] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str | None = None
    _used: set[str] = field(default_factory=set)

    def line(self, words: list[str]) -> None:
        """Take one line; ValueError says what is wrong with it."""
        kind, rest = words[0], words[1:]
        if kind == "log" and len(rest) in (1, 2):
            self._full(self.logs)
            self.logs.append(_party(rest, ED25519, self.logs))
        elif kind == "witness" and len(rest) in (2, 3):
            self._full(self.witnesses)
            self._free(rest[0])
            self.witnesses[rest[0]] = _party(rest[1:], COSIGNATURE, self.witnesses.values())
        elif kind == "group" and len(rest) >= 3:
            self._full(self.groups)
            self._free(rest[0])
            self.groups[rest[0]] = self._group(rest[1], rest[2:])
        elif kind == "quorum" and len(rest) == 1:
            if self.quorum is not None:
                raise ValueError("there is a quorum line already")
            if rest[0] != "none":
                self._known(rest[0])
            self.quorum = rest[0]
        else:
            raise ValueError("it is no log, witness, group or quorum line")

    def _group(self, how: str, members: list[str]) -> tuple[int, tuple[str, ...]]:
        for one in members:
            self._known(one)
            if one in self._used:
                raise ValueError("a member stands in a group already")
            self._used.add(one)
        if how in ("any", "all"):
            return (1 if how == "any" else len(members)), tuple(members)
        if not _COUNT.match(how) or int(how) > len(members):
            raise ValueError("a group needs any, all, or a number of its members")
        return int(how), tuple(members)

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise ValueError("it names what no line before it defines")

    def _free(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise ValueError("the name is taken")

    @staticmethod
    def _full(held: Collection[object]) -> None:
        if len(held) >= _MAX_OF_A_KIND:
            raise ValueError("there are too many of its kind")


def _party(words: list[str], algorithm: int, held: Collection[Party]) -> Party:
    try:
        verifier = Verifier.parse(words[0])
    except BadInput:
        raise ValueError("the key is none") from None
    if verifier.algorithm != algorithm:
        raise ValueError("the key is of another kind than the line needs")
    if any(one.verifier.key == verifier.key for one in held):
        raise ValueError("the key stands there already")
    return Party(verifier, words[1] if len(words) > 1 else "")


def _wrong(number: int, why: str) -> BadInput:
    return BadInput(f"Line {number} of the policy file: {why}.", code="tlog_policy")
