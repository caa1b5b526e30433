"""Settings of an installation: one ``lianfang.toml`` in its home folder, over it ``LIANFANG_*`` variables.

Imported inside functions only: pydantic-settings is too heavy for ``--help``.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lianfang.foundation.errors import BadInput, NotFound

FILE_NAME = "lianfang.toml"
HOME_VARIABLE = "LIANFANG_HOME"


class Settings(BaseSettings):
    """What an installation can be told. Every field is documented in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix="LIANFANG_", extra="forbid", frozen=True)

    authority_id: str = Field(
        "centre", pattern=r"^[a-z0-9-]{1,40}$", description="Short name of this authority."
    )
    authority_name_zh: str = Field("疾病预防控制中心", max_length=80, description="Its name in Chinese.")
    authority_name_en: str = Field(
        "Centre for Disease Control", max_length=80, description="Its name in English."
    )
    adcode: str = Field("000000", pattern=r"^\d{6}$", description="Its area (GB/T 2260).")
    zone: str = Field("Asia/Shanghai", description="Time zone in which a day begins and ends.")
    language: Literal["zh", "en"] = Field(
        "zh", description="Language of pages and reports when none is asked for."
    )
    database_url: str = Field("", description="Operational database; empty: SQLite in the home folder.")
    vault_url: str = Field("", description="The vault's database; empty: SQLite in the home folder.")
    root_key: Literal["file", "passphrase", "pkcs11", "transit"] = Field(
        "file", description="Where the root key stands; `guard keys move-root` puts it there."
    )
    root_label: str = Field(
        "lianfang-root", pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Its label in the device or service."
    )
    root_secret_file: str = Field(
        "", description="File (0600) with the passphrase, the device's PIN or the service's token."
    )
    root_library: str = Field("", description="PKCS#11: the library of the device.")
    root_token: str = Field("", max_length=32, description="PKCS#11: label of the token.")
    root_url: str = Field("", description="Transit: address of the key service.")
    root_mount: str = Field("transit", pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Transit: its mount.")
    root_ca_file: str = Field(
        "", description="Transit: certificates (PEM) by which the service is known; empty: the usual ones."
    )
    cipher_suite: Literal["aes-256-gcm", "sm4-gcm"] = Field(
        "aes-256-gcm",
        description="Cipher in which the vault writes; it reads both (SM4: the national profile).",
    )
    engine: Literal["duckdb", "spark"] = Field("duckdb", description="Engine of the lake.")
    memory_mb: int = Field(1500, ge=128, description="Memory that the lake's engine may use.")
    policy_pack: str = Field("cn-seed-2020", description="Policy pack by which the gate decides.")
    emergency_plan: str = Field(
        "", description="Emergency plan (YAML), relative to the home; empty: the one that is proposed."
    )
    inbox: str = Field(
        "inbox", description="Folder of delivered files, one folder a day; relative to the home."
    )
    host: str = Field("127.0.0.1", description="Address on which the server listens.")
    port: int = Field(8000, ge=1, le=65535, description="Port on which the server listens.")
    public_url: str = Field("http://localhost:8000", description="Address that receipts and QR codes name.")
    cluster_cases: int = Field(3, ge=2, le=100, description="Unexplained cases that make a cluster alarm.")
    cluster_days: int = Field(7, ge=1, le=60, description="Days within which they must lie.")
    retention_days: int = Field(
        365, ge=1, le=3650, description="Days after closing until an event's data end."
    )
    genome_dataset: str = Field(
        "sars-cov-2", description="Shipped dataset, or folder, that genomes are read against."
    )
    lineage_table: str = Field(
        "", description="Table of lineages that the laboratory installed; empty: none."
    )
    exchange_kind: Literal["eu_competent_authority", "eu_commission", "ecdc"] = Field(
        "eu_competent_authority", description="What this authority is in the exchange between authorities."
    )
    exchange_pack: Literal["eu-1082", "eu-2371", "cn-seed-2020"] = Field(
        "eu-2371", description="Policy pack of the exchange: tracing minimum and deadline of its messages."
    )
    exchange_url: str = Field(
        "https://localhost:8443", description="Address under which other authorities reach the exchange."
    )
    hardware_key_roles: list[
        Literal[
            "administrator",
            "security_officer",
            "data_protection_officer",
            "manager",
            "epidemiologist",
            "auditor",
            "community_worker",
            "clinician",
            "laboratory",
            "supply_officer",
        ]
    ] = Field(
        [],
        description="Roles that act only after a passkey was shown; empty: one-time passwords will do for all.",
    )
    command_line: dict[
        Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_.-]{0,31}$")],
        list[Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]],
    ] = Field(
        {},
        description="Operating-system accounts, each with the roles in which it may act on the command line; "
        "empty: whoever can read the keys may act in every role.",
    )
    clock: str = Field("", description="Offset of the clock in drills, such as +1y or +14d; empty: none.")
    demonstration: bool = Field(
        False, description="Demonstration mode: simulators and one-person approvals, labelled."
    )

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("no such time zone") from error
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = cls.model_config.get("toml_file")
        sources = [init_settings, env_settings]
        if file:
            sources.append(TomlConfigSettingsSource(settings_cls, file))
        return tuple(sources)


def home_folder(home: Path | str | None = None) -> Path:
    """The installation's folder: what was asked for, else ``$LIANFANG_HOME``, else ``./var/lianfang``."""
    return Path(home or os.environ.get(HOME_VARIABLE) or "var/lianfang").absolute()


def read_settings(home: Path) -> Settings:
    """Settings of the installation in ``home``; :class:`BadInput` names the setting that is wrong."""
    file = home / FILE_NAME
    if not file.is_file():
        raise NotFound(f"There is no installation in {home}.", hint="Make one with `lianfang init`.")

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        with _WithoutHome():
            return FromFile()
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{FILE_NAME} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{FILE_NAME}: {name}: {first['msg']}.", hint="See docs/reference/settings.md."
        ) from error


class _WithoutHome:
    """``LIANFANG_HOME`` says where the installation is; it is no setting of it."""

    def __enter__(self) -> None:
        self.kept = os.environ.pop(HOME_VARIABLE, None)

    def __exit__(self, *more: Any) -> None:
        if self.kept is not None:
            os.environ[HOME_VARIABLE] = self.kept


def write_settings(home: Path, values: dict[str, Any]) -> None:
    """Write ``lianfang.toml`` with the settings that differ from the defaults."""
    settings = Settings.model_validate(values)
    lines = ["# Settings of this installation: docs/reference/settings.md", ""]
    for name, field in Settings.model_fields.items():
        if name not in values:
            continue
        lines += [f"# {field.description}", f"{name} = {_toml(getattr(settings, name))}"]
    file = home / FILE_NAME
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    import json

    if isinstance(value, list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml(key)} = {_toml(one)}' for key, one in value.items())}}}"
    return json.dumps(str(value), ensure_ascii=False)  # a JSON string is a TOML basic string
