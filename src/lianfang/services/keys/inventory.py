"""Every kind of key that the house uses, where it is kept, and how it changes.

A key that the source makes, or takes into use, and that is not here, fails a test (and the other way round). Random
references that are stored hashed (session tokens, links, recovery codes) open nothing by themselves and are none.
"""

from __future__ import annotations

from dataclasses import dataclass

_VAULT = "guard.vault"
_SEALING = (f"{_VAULT}.crypto:AESGCM", f"{_VAULT}.crypto:SM4", f"{_VAULT}.crypto:HKDFExpand")


@dataclass(frozen=True)
class KeyKind:
    """One kind of key: ``code`` names each ``module:call`` of the source that makes it or takes it into use."""

    name: str
    zh: str
    en: str
    algorithm: str
    kept: str
    under: str
    changes: str
    code: tuple[str, ...]


KINDS = (
    KeyKind(
        "root", "根密钥", "root key", "AES-256-GCM, SM4-GCM", "file, passphrase, pkcs11 or transit", "",
        "guard keys move-root",
        (
            f"{_VAULT}.roots:urandom", f"{_VAULT}.roots.embedded:urandom", f"{_VAULT}.roots.embedded:hash_secret_raw",
            f"{_VAULT}.roots.device:generate_key", f"{_VAULT}.roots.transit:create_key",
            f"{_VAULT}.entries:AESGCM", f"{_VAULT}.entries:derive root",
        ),
    ),
    KeyKind(
        "keyring", "密钥环密钥", "the keyring's own key", "AES-256-GCM, SM4-GCM", "vault/keys/keyring.json", "root",
        "guard keys move-root", (f"{_VAULT}.entries:urandom", *_SEALING),
    ),
    KeyKind(
        "house", "本机构密钥", "the house's key, for seeds of one-time passwords", "AES-256-GCM, SM4-GCM",
        "vault/keys/keyring.json", "keyring", "never",
        (f"{_VAULT}.keyring:urandom", f"{_VAULT}.entries:derive own"),
    ),
    KeyKind(
        "event.wrap", "事件包装密钥", "an event's wrapping key, by version", "AES-256-GCM, SM4-GCM",
        "vault/keys/keyring.json", "keyring", "guard keys rotate; destroyed with the event",
        (f"{_VAULT}.keyring:urandom", f"{_VAULT}.sealing:derive wrap"),
    ),
    KeyKind(
        "subject", "个人数据密钥", "one person's data key", "AES-256-GCM, SM4-GCM", "vault_subject.wrapped_key",
        "event.wrap", "wrapped anew by guard keys rotate; destroyed with the person or the event",
        (f"{_VAULT}.sealing:urandom",),
    ),
    KeyKind(
        "event.token", "事件标记密钥", "an event's token secret, from which the next are derived", "HKDF-SHA-256",
        "vault/keys/keyring.json", "keyring", "never while the event lives; destroyed with it",
        (f"{_VAULT}.keyring:urandom", *_SEALING[2:]),
    ),
    KeyKind(
        "event.identity", "身份指纹密钥", "tells equal sets of identifiers", "HMAC-SHA-256", "derived", "event.token",
        "with event.token", (f"{_VAULT}.sealing:derive identity", f"{_VAULT}.sealing:hmac.digest"),
    ),
    KeyKind(
        "event.index", "盲索引密钥", "blind index of ID number, phone, name", "HMAC-SHA-256", "derived", "event.token",
        "with event.token", (f"{_VAULT}.sealing:derive index", f"{_VAULT}.sealing:hmac.digest"),
    ),
    KeyKind(
        "event.pseudonym", "假名密钥", "pseudonyms, one key a purpose", "HMAC-SHA-256", "derived", "event.token",
        "with event.token",
        (f"{_VAULT}.keyed:derive pseudonym", f"{_VAULT}.keyed:hmac.digest", f"{_VAULT}.keyed:hmac_sha256"),
    ),
    KeyKind(
        "event.match", "匹配密钥", "match tokens, one key an order", "HMAC-SHA-256", "derived; sealed in the order",
        "event.token", "with event.token", (f"{_VAULT}.keyed:derive match", f"{_VAULT}.normal:hmac.digest"),
    ),
    KeyKind(
        "event.linkage", "关联特征密钥", "equality features for linkage", "HMAC-SHA-256", "derived", "event.token",
        "with event.token", (f"{_VAULT}.keyed:derive linkage", f"{_VAULT}.keyed:hmac.digest"),
    ),
    KeyKind(
        "event.aside", "事件附属密钥", "what the ledger holds of an event", "AES-256-GCM, SM4-GCM", "derived",
        "event.token", "with event.token", (f"{_VAULT}.vault:derive aside",),
    ),
    KeyKind(
        "authority.signing", "机构签名密钥", "signatures and the ledger's heads", "Ed25519", "keys/authority.json", "",
        "a new authority's key, by hand", ("guard.signing:generate",),
    ),
    KeyKind(
        "authority.sealing", "机构收件密钥", "letters sealed to us", "HPKE X25519, AES-256-GCM", "keys/authority.json",
        "", "a new authority's key, by hand", ("guard.signing:generate", "guard.signing:Suite"),
    ),
    KeyKind(
        "exchange.tls", "交换站 TLS 密钥", "TLS between authorities", "ECDSA P-256", "keys/exchange-key.pem", "",
        "by hand", ("services.exchange.tls:generate_private_key",),
    ),
    KeyKind(
        "backup", "备份密钥", "opens backups", "age X25519", "away from the machine", "", "backup identity",
        ("services.backup.making:generate",),
    ),
    KeyKind(
        "page.form", "表单密钥", "ties a form to its session", "HMAC-SHA-256", "the session's token", "",
        "with the session", ("api.security:hmac.new",),
    ),
    KeyKind(
        "passkey.challenge", "通行密钥质询", "a passkey's challenge, used once", "random", "account_challenge", "",
        "with each use", ("guard.accounts.passkeys:token_bytes",),
    ),
    KeyKind(
        "holder.ledger", "持有方账本密钥", "a holder's node: its ledger, one key an event", "AES-256-GCM",
        "the node's table of keys", "", "destroyed by the purge",
        ("services.holder.sealing:generate_key", "services.holder.sealing:AESGCM"),
    ),
    KeyKind(
        "holder.contact", "持有方应答密钥", "a holder's node: tokens of one answer", "HMAC-SHA-256",
        "memory, while an answer is made", "", "with each answer",
        ("services.holder.receiving:urandom", "services.holder.receiving:hmac.digest"),
    ),
    KeyKind(
        "report.salt", "报告承诺盐", "hides a report's row, or a file's counts, in what was committed to", "SHA-256",
        "the row's line, the file's entry, the node's book", "", "new with each row; deleted with its line",
        ("services.reports.lines:urandom", "services.reports.node:urandom"),
    ),
)  # fmt: skip
