"""Who may connect (security list 46): bad, expired, foreign and wrong-name certificates are refused on both sides."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import exchangekit
from exchangekit import staff
from lianfang.foundation.errors import BadInput
from lianfang.records import ExchangePeer, ExchangePost
from lianfang.services.exchange import channel, outbox, peers, tls
from lianfang.services.installation import SYSTEM, Installation
from lianfang.store import change, one, tally


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Installation, Installation]]:
    a, b = (exchangekit.authority(tmp_path / name, name) for name in ("linjiang", "yuanshan"))
    exchangekit.acquaint(a, b)
    yield a, b
    a.close()
    b.close()


def made(
    folder: Path,
    name: str,
    *,
    host: str = "127.0.0.1",
    days: tuple[int, int] = (-1, 30),
    by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
    ca: bool = False,
) -> tuple[Path, Path]:
    """A certificate and key of the test's own making."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0].subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
        )
        .sign(by[1] if by else key, SHA256())
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(built.public_bytes(Encoding.PEM))
    paths[1].touch(mode=0o600)
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def knock(server: Installation, context: ssl.SSLContext, path: str = "/letters") -> int:
    with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
        return client.post(
            server.settings.exchange_url + path, content=b"{}", headers={"content-type": "application/json"}
        ).status_code


def context(server: Installation, own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    made_ = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made_.load_verify_locations(cadata=tls.certificate(server))
    if own:
        made_.load_cert_chain(*own)
    return made_


def pin(inst: Installation, authority: str, certificate: Path) -> None:
    """Stands in for a certificate that was good when it was entered."""
    pem = certificate.read_text()
    mark = x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()
    with inst.store.begin() as connection:
        row = one(connection, ExchangePeer, authority=authority)
        change(connection, ExchangePeer, row["id"], certificate=pem, fingerprint=mark)


def test_only_a_pinned_certificate_gets_in(two: tuple[Installation, Installation], tmp_path: Path) -> None:
    a, b = two
    signer = x509.load_pem_x509_certificate(tls.certificate(a).encode())
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(tls.paths(a)[1].read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    with exchangekit.listening(b):
        assert knock(b, context(b, tls.paths(a))) == 422  # in, and told that {} is no letter
        assert knock(b, context(b, tls.paths(a)), "/nowhere") == 404
        strangers = {
            "none": None,
            "stranger": made(tmp_path / "c", "stranger"),
            "same name": made(tmp_path / "c", "linjiang"),
            "signed by a peer": made(tmp_path / "c", "child", by=(signer, key)),
        }
        for own in strangers.values():
            with pytest.raises(httpx.HTTPError):
                knock(b, context(b, own))
        with pytest.raises(httpx.HTTPError), httpx.Client(trust_env=False) as client:
            client.post(b.settings.exchange_url.replace("https", "http") + "/letters")
        old = context(b, tls.paths(a))
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((httpx.HTTPError, ssl.SSLError)):
            knock(b, old)
    peers.remove(b, staff(b, "manager"), "linjiang")
    with exchangekit.listening(b), pytest.raises(httpx.HTTPError):
        knock(b, context(b, tls.paths(a)))


def test_a_removed_authority_is_out_at_once_though_its_certificate_is_still_loaded(
    two: tuple[Installation, Installation],
) -> None:
    a, b = two
    with exchangekit.listening(b):
        assert knock(b, context(b, tls.paths(a))) == 422
        peers.remove(b, staff(b, "manager"), "linjiang")
        assert knock(b, context(b, tls.paths(a))) == 403


def test_an_expired_certificate_is_refused_by_the_server(
    two: tuple[Installation, Installation], tmp_path: Path
) -> None:
    _, b = two
    for days in ((-30, -1), (1, 30)):
        own = made(tmp_path / "old", "linjiang", days=days)
        pin(b, "linjiang", own[0])
        with exchangekit.listening(b), pytest.raises(httpx.HTTPError):
            knock(b, context(b, own))


@pytest.mark.parametrize("fault", ["another", "expired", "not yet", "wrong name", "plain"])
def test_a_server_with_a_bad_certificate_gets_no_letter(
    two: tuple[Installation, Installation], tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = two
    shown = made(
        tmp_path / "false",
        "yuanshan",
        host="127.0.0.2" if fault == "wrong name" else "127.0.0.1",
        days={"expired": (-30, -1), "not yet": (1, 30)}.get(fault, (-1, 30)),
    )
    if fault != "another":
        pin(a, "yuanshan", shown[0])
    channel.post(a, staff(a, "manager"), "通报", "一切正常")
    with monkeypatch.context() as patch:
        patch.setattr(tls, "paths", lambda inst: shown if inst is b else _own(inst))
        if fault == "plain":
            patch.setattr(tls, "server_context", lambda *_: None)
        with exchangekit.listening(b):
            assert outbox.deliver(a, SYSTEM) == {"delivered": 0, "waiting": 1, "refused": 0}
    (letter,) = outbox.waiting(a)
    assert "peer_unreachable" in letter["error"] and letter["attempts"] == 1
    with b.store.read() as connection:
        assert tally(connection, ExchangePost) == 0
    good = peers.identity(b)
    peers.add(a, staff(a, "manager"), good, expected=peers.fingerprint(good), replace=True)
    with exchangekit.listening(b):
        assert outbox.deliver(a, SYSTEM, force=True)["delivered"] == 1  # nothing was lost


def _own(inst: Installation) -> tuple[Path, Path]:
    return inst.home / "keys" / "exchange-cert.pem", inst.home / "keys" / "exchange-key.pem"


def test_a_certificate_that_signs_others_or_is_out_of_date_is_not_entered(
    two: tuple[Installation, Installation], tmp_path: Path
) -> None:
    a, b = two
    document = peers.identity(b)
    for wrong in (
        made(tmp_path / "x", "ca", ca=True),
        made(tmp_path / "x", "old", days=(-30, -1)),
        made(tmp_path / "x", "early", days=(1, 30)),
    ):
        with pytest.raises(BadInput):
            peers.add(a, staff(a, "manager"), {**document, "certificate": wrong[0].read_text()}, replace=True)


def test_a_renewed_certificate_is_entered_anew_and_the_old_one_is_out(
    two: tuple[Installation, Installation],
) -> None:
    a, b = two
    old = tls.certificate(b)
    tls.renew(b)
    assert tls.certificate(b) != old
    channel.post(a, staff(a, "manager"), "通报", "一切正常")
    with exchangekit.listening(b):
        assert outbox.deliver(a, SYSTEM)["waiting"] == 1
        peers.add(a, staff(a, "manager"), peers.identity(b), replace=True)
        assert outbox.deliver(a, SYSTEM, force=True)["delivered"] == 1


def test_keys_are_for_their_owner_alone(two: tuple[Installation, Installation]) -> None:
    for path in tls.paths(two[0]):
        assert path.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in str(peers.identity(two[0]))
