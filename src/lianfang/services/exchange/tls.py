"""Certificates of the exchange: self-signed, pinned by both sides, TLS 1.2 at least, no session is resumed."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lianfang.foundation.addresses import check_host
from lianfang.foundation.errors import BadInput
from lianfang.guard import files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.x509 import Certificate, GeneralName

    from lianfang.services.installation import Installation

DAYS = 397


def checked_url(url: str) -> str:
    """The address of an exchange, ``https://HOST[:PORT]``; plain http is never one, not on this machine either."""
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or 0 < parts.port < 65_536
    except ValueError:
        raise BadInput("The address is no URL.") from None
    extra = parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/")
    if parts.scheme != "https" or not parts.hostname or not port_ok or extra:
        raise BadInput("An exchange is reached at https://HOST[:PORT], nothing more.", code="no_tls")
    check_host(parts.hostname)
    return url.rstrip("/")


def paths(inst: Installation) -> tuple[Path, Path]:
    """Our certificate and its private key; made when first asked for."""
    certificate, key = inst.home / "keys" / "exchange-cert.pem", inst.home / "keys" / "exchange-key.pem"
    if not certificate.exists():
        _make(inst, certificate, key)
    return certificate, key


def renew(inst: Installation) -> None:
    """A new certificate for the same private key; the other authorities have to enter it anew."""
    certificate, key = paths(inst)
    files.replace(certificate, _signed(inst, key))


def certificate(inst: Installation) -> str:
    """Our certificate (PEM)."""
    return files.read(paths(inst)[0], limit=65_536).decode()


def _make(inst: Installation, certificate: Path, key: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if not key.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        files.create(key, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files.create(certificate, _signed(inst, key))


def _signed(inst: Installation, key: Path) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = load_pem_private_key(files.read(key, limit=65_536), None)
    assert isinstance(private, EllipticCurvePrivateKey)  # nosec B101  # we made it
    host = urlsplit(checked_url(inst.settings.exchange_url)).hostname or ""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, inst.signer.name)])
    now = datetime.now(UTC)  # the clock that TLS goes by, whatever a drill says
    usage = dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .sign(private, SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def _general_name(host: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def read_certificate(pem: str) -> tuple[Certificate, str]:
    """A peer's certificate and its SHA-256 (hex).

    Raises:
        BadInput: not exactly one certificate, one that may sign others, or one that is not valid now.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        (found,) = x509.load_pem_x509_certificates(pem.encode())
        constraints = found.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, x509.ExtensionNotFound):
        raise BadInput("The identity holds no single TLS certificate of the exchange's form.") from None
    if constraints.ca:
        raise BadInput("A certificate that may sign others is not taken.", code="bad_certificate")
    now = datetime.now(UTC)
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        raise BadInput("The certificate is not valid now.", hint="Ask for a new one.", code="bad_certificate")
    return found, found.fingerprint(SHA256()).hex()


def server_context(inst: Installation, peers: Iterable[str]) -> ssl.SSLContext:
    """Our side of a connection that others open: they have to show a certificate that we pinned."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.verify_mode = ssl.CERT_REQUIRED
    made.options |= ssl.OP_NO_TICKET
    made.num_tickets = 0
    _prepare(inst, made, peers)
    return made


def client_context(inst: Installation, peer: str) -> ssl.SSLContext:
    """Our side of a connection that we open to one peer: exactly its certificate, for exactly its name."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _prepare(inst, made, [peer])
    return made


def _prepare(inst: Installation, context: ssl.SSLContext, peers: Iterable[str]) -> None:
    certificate, key = paths(inst)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    files.read(key, limit=65_536)  # refused when anybody else could read it
    context.load_cert_chain(certificate, key)
    for pem in peers:
        context.load_verify_locations(cadata=pem)
