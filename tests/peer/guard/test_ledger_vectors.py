"""The ledger against figures that others published.

Merkle tree, proofs and mutants: the vectors of Certificate Transparency (RFC 6962) as they stand in
transparency-dev/merkle (Apache-2.0). Notes: those of Go's golang.org/x/mod/sumdb/note and of C2SP
signed-note.
"""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.ledger import (
    Checkpoint,
    Signer,
    Verifier,
    leaf_hash,
    merkle,
    sign_note,
    verify_consistency,
    verify_inclusion,
    verify_note,
)
from lianfang.guard.ledger.proof import Proof
from lianfang.guard.ledger.tiles import tile_path

LEAVES = [
    bytes.fromhex(x)
    for x in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(x)
    for x in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSION = {  # (index, size): path
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 7): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


def _subtree(level: int, index: int) -> bytes:
    width = 1 << level
    return merkle.fold([leaf_hash(x) for x in LEAVES[index * width : (index + 1) * width]])


def _path(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(x) for x in texts]


def _flipped(path: list[bytes]) -> list[list[bytes]]:
    return [[*path[:at], bytes([path[at][0] ^ 8]) + path[at][1:], *path[at + 1 :]] for at in range(len(path))]


def test_roots() -> None:
    assert [merkle.range_hash(0, n, _subtree) for n in range(9)] == [merkle.EMPTY_ROOT, *ROOTS]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_and_its_mutants(index: int, size: int) -> None:
    path, root, leaf = _path(INCLUSION[index, size]), ROOTS[size - 1], leaf_hash(LEAVES[index])
    assert merkle.inclusion_path(index, size, _subtree) == path
    assert verify_inclusion(index, size, leaf, path, root)
    mutants = [
        (index - 1, size, leaf, path, root),
        (index + 1, size, leaf, path, root),
        (index ^ 2, size, leaf, path, root),
        (index, size * 2, leaf, path, root),
        (index, size // 2, leaf, path, root),
        (index, size, b"WrongLeaf", path, root),
        (index, size, leaf, path, merkle.EMPTY_ROOT),
        (index, size, leaf, path, SOME),
        (index, size, leaf, [*path, b""], root),
        (index, size, leaf, [*path, root], root),
        (index, size, leaf, [b"", *path], root),
        (index, size, leaf, [root, *path], root),
        (index, size, leaf, path[:-1], root),
        (index, size, leaf, [path[0], SOME, *path[1:]], root),
        *((index, size, leaf, bad, root) for bad in _flipped(path)),
    ]
    assert not [m for m in mutants if verify_inclusion(*m)]


@pytest.mark.parametrize(("first", "second"), CONSISTENCY)
def test_consistency_and_its_mutants(first: int, second: int) -> None:
    path, old, new = _path(CONSISTENCY[first, second]), ROOTS[first - 1], ROOTS[second - 1]
    assert merkle.consistency_path(first, second, _subtree) == path
    assert verify_consistency(first, second, old, new, path)
    if not path:
        return
    mutants = [
        (first - 1, second, old, new, path),
        (first + 1, second, old, new, path),
        (first ^ 2, second, old, new, path),
        (first, second * 2, old, new, path),
        (first, second // 2, old, new, path),
        (first, second, b"WrongRoot", new, path),
        (first, second, old, b"WrongRoot", path),
        (first, second, new, old, path),
        (first, second, old, new, []),
        *((first, second, old, new, [*path, x]) for x in (b"", old, new)),
        *((first, second, old, new, [x, *path]) for x in (b"", old, new, path[0])),
        (first, second, old, new, path[:-1]),
        *((first, second, old, new, bad) for bad in _flipped(path)),
    ]
    assert not [m for m in mutants if verify_consistency(*m)]


@pytest.mark.parametrize(
    ("first", "second", "old", "new", "path", "good"),
    [
        (0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [], True),
        (0, 1, merkle.EMPTY_ROOT, ROOTS[0], [], True),
        (1, 1, ROOTS[1], ROOTS[1], [], True),
        (0, 0, SOME, ROOTS[1], [], False),
        (1, 1, SOME, ROOTS[1], [], False),
        (1, 0, ROOTS[0], ROOTS[0], [], False),
        (2, 1, ROOTS[1], ROOTS[0], [], False),
        (1, 2, ROOTS[0], ROOTS[1], [], False),
        (0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [SOME], False),
        (0, 1, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [SOME], False),
        (1, 1, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [SOME], False),
    ],
)
def test_consistency_at_the_edges(
    first: int, second: int, old: bytes, new: bytes, path: list[bytes], good: bool
) -> None:
    assert verify_consistency(first, second, old, new, path) is good


def test_inclusion_in_trees_of_one_and_none() -> None:
    leaf = leaf_hash(b"data")
    assert verify_inclusion(0, 1, leaf, [], leaf)
    for index, size in ((0, 0), (1, 0), (2, 1), (-1, 1)):
        assert not verify_inclusion(index, size, leaf, [], leaf)
    assert not verify_inclusion(0, 1, leaf, [], b"") and not verify_inclusion(0, 1, b"", [], b"")


# notes ------------------------------------------------------------------------------------------------------

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_SIG = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_SIG = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTG"
    "wnWLox33WWd1RvMc+QQ=\n"
)


def test_go_notes_verify_and_are_made_byte_for_byte() -> None:
    signer = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(SEED))
    assert str(signer.verifier) == PETER and str(Verifier.parse(ENOCH)) == ENOCH
    assert sign_note(TEXT, [signer]) == TEXT + "\n" + PETER_SIG
    both = TEXT + "\n" + PETER_SIG + ENOCH_SIG
    assert [v.name for v in verify_note(both, [PETER]).signed_by] == ["PeterNeumann"]
    assert [v.name for v in verify_note(both, [ENOCH, PETER]).signed_by] == ["PeterNeumann", "EnochRoot"]
    assert verify_note(both, [PETER]).text == TEXT
    repeated = TEXT + "\n" + PETER_SIG * 2 + ENOCH_SIG * 2 + ENOCH_SIG[:60] + "ABCD" + ENOCH_SIG[60:]
    assert len(verify_note(repeated, [PETER]).signed_by) == 1


def test_c2sp_example_note() -> None:
    note = (
        "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
        "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcX"
        "xj99ihAQwaqP3ZekRwNtIc=\n"
    )
    with pytest.raises(Refused, match="None of the given keys"):
        verify_note(note, [PETER])


@pytest.mark.parametrize(
    "bad",
    [
        TEXT,
        TEXT + "\n",
        TEXT + "\n" + PETER_SIG[:-1],
        "\x01" + TEXT + "\n" + PETER_SIG,
        "\udcff" + TEXT + "\n" + PETER_SIG,
        TEXT + "\n— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg\n",
        TEXT + "\n" + PETER_SIG + "Unexpected line.\n",
        TEXT + "\n" + PETER_SIG * 101,
        TEXT + "\n— PeterNeumann !!!!\n",
        TEXT + "\n— PeterNeumann AAAA\n",
    ],
)
def test_malformed_notes(bad: str) -> None:
    with pytest.raises(BadInput):
        verify_note(bad, [PETER])


def test_wrong_and_unknown_signatures() -> None:
    for bad in (
        TEXT + "\n" + PETER_SIG[:60] + "ABCD" + PETER_SIG[60:],
        TEXT.replace("you", "we") + "\n" + PETER_SIG,
        TEXT + "\n" + PETER_SIG + ENOCH_SIG[:60] + "A" + ENOCH_SIG[61:],
    ):
        with pytest.raises(Refused):
            verify_note(bad, [PETER, ENOCH])
    with pytest.raises(Refused):
        verify_note(TEXT + "\n" + PETER_SIG, [])
    with pytest.raises(Refused):
        verify_note(TEXT + "\n" + PETER_SIG, [ENOCH])


def test_mangled_keys_are_refused() -> None:
    bad = [
        PETER[i:j]
        for i in range(len(PETER))
        for j in range(i + 1, len(PETER) + 1)
        if (i, j) != (0, len(PETER))
    ]
    bad += [PETER[:i] + chr(ord(PETER[i]) + 1) + PETER[i + 1 :] for i in range(len(PETER))]
    bad += [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ]
    for text in bad:
        with pytest.raises(BadInput):
            Verifier.parse(text)


def test_c2sp_example_checkpoint_and_proof_and_tile_paths() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    head = Checkpoint.parse(text)
    assert (head.origin, head.size, head.text()) == ("example.com/behind-the-sofa", 20852163, text)
    for bad in (
        "a\n01\n" + text.split("\n")[2] + "\n",
        "a\n1\nAAAA\n",
        "a\n1\n",
        text + "\n",
        "\n1\n\n",
        "a\n-1\nx\n",
    ):
        with pytest.raises(BadInput):
            Checkpoint.parse(bad)
    proof = (
        "c2sp.org/tlog-proof@v1\nindex 73894\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
        "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\n"
        + text
        + "\n— example.com/behind-the-sofa AAAAAAAA\n"
    )
    assert Proof.parse(proof).index == 73894 and Proof.parse(proof).text() == proof
    assert tile_path(1234067) == "x001/x234/067" and tile_path(0, 3) == "000.p/3"
    assert tile_path(273, 112) == "273.p/112" and tile_path(1000) == "x001/000"


@pytest.mark.parametrize(
    "bad",
    [
        "wrong-header\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\n\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex notanumber\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 05\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + base64.b64encode(bytes(64)).decode() + "\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
    ],
)
def test_malformed_proofs(bad: str) -> None:
    with pytest.raises(BadInput):
        Proof.parse(bad)
