"""Settings: one frozen object. Environment over file over default.

Every field may be set as ``SAGESSE_<FIELD>`` in the environment or as a key of the JSON object in
``<data_dir>/settings.json``.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

_ACCOUNT_DIGITS = 12
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_SECRETS = {"objects_secret_access_key"}


Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Amount: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Named: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Region: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a server runs; docs/settings.md explains each field."""

    data_dir: Named = "~/.sagesse"
    host: Named = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 4577
    region: Region = "us-east-1"
    encrypt_objects: bool = False
    objects_url: str = ""
    objects_bucket: str = ""
    objects_prefix: str = ""
    objects_region: Region = "us-east-1"
    objects_access_key_id: str = ""
    objects_secret_access_key: str = ""
    account: str = "123456789012"
    ephemeral: bool = False
    job_cores: Count = 0
    job_engine: Literal["local", "ray"] = "local"
    ray_address: str = "auto"
    job_memory_gib: Amount = 0.0
    job_gpus: Annotated[int, msgspec.Meta(ge=-1)] = -1
    job_memory_limit: bool = False
    instance_scale: float = 1.0
    quotas: dict[str, Amount] = {}
    spot_interruptions_per_hour: Amount = 0.0
    channel_cache_bytes: Count = 10 << 30
    file_systems: dict[str, str] = {}
    accept_vpc_config: bool = False
    audit_days: Count = 90
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        if not (len(self.account) == _ACCOUNT_DIGITS and self.account.isascii() and self.account.isdigit()):
            raise ValueError(f"account {self.account!r} is no AWS account number; allowed: 12 digits")
        if not 0 < self.instance_scale <= 1:
            raise ValueError(
                f"instance_scale {self.instance_scale} is not allowed; allowed: above 0, at most 1"
            )
        _check_remote(self)
        if self.ray_address != "auto" and not _HOST_AND_PORT.fullmatch(self.ray_address):
            raise ValueError(
                f"ray_address {self.ray_address!r} is not supported; allowed: auto, or host:port of the head of a "
                "cluster of which this machine is a node (ray start --address=host:port)"
            )

    def __repr__(self) -> str:
        shown = (
            f"{name}={'...' if name in _SECRETS and value else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"Settings({', '.join(shown)})"

    @property
    def folder(self) -> Path:
        """The data directory, absolute."""
        return Path(self.data_dir).expanduser().resolve()

    @property
    def cores(self) -> int:
        """Cores that jobs may claim: `job_cores`, or all that this process may use."""
        return self.job_cores or len(os.sched_getaffinity(0))


def _check_remote(settings: Settings) -> None:
    """The settings of the other S3 that payloads are kept in make sense together."""
    url = settings.objects_url
    if url and not (url.startswith(("http://", "https://")) and urlsplit(url).hostname):
        raise ValueError(f"objects_url {url!r} is no URL of an S3; an example: http://127.0.0.1:9000")
    if bool(url) != bool(settings.objects_bucket):
        raise ValueError("objects_url and objects_bucket are set together, or neither")
    if bool(settings.objects_access_key_id) != bool(settings.objects_secret_access_key):
        raise ValueError("objects_access_key_id and objects_secret_access_key are set together, or neither")


class SettingsError(Exception):
    """A setting is wrong; the message names it and what is allowed."""


def load_settings(environment: Mapping[str, str], **overrides: Any) -> Settings:
    """Settings from `overrides` (None is unset) over environment over file over defaults.

    Raises:
        SettingsError: unknown name in the file, or a value of the wrong type.
    """
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    chosen: dict[str, Any] = {
        name: environment[f"SAGESSE_{name.upper()}"]
        for name in fields
        if f"SAGESSE_{name.upper()}" in environment
    }
    for name in ("quotas", "file_systems"):
        if isinstance(chosen.get(name), str):
            chosen[name] = _mapping(name, chosen[name])
    chosen |= {name: value for name, value in overrides.items() if value is not None}
    merged = {**_from_file(_folder(chosen) / "settings.json", set(fields)), **chosen}
    try:
        return msgspec.convert(merged, Settings, strict=False)
    except msgspec.MsgspecError as error:
        raise SettingsError(f"bad setting: {error}") from error


def _folder(chosen: Mapping[str, Any]) -> Path:
    try:
        return Path(str(chosen.get("data_dir", Settings().data_dir))).expanduser()
    except RuntimeError as error:  # no HOME, and a user that the system does not know
        raise SettingsError(
            f"data_dir: {error} Name a directory with --data-dir or SAGESSE_DATA_DIR."
        ) from error


def _mapping(name: str, text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text.encode(), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise SettingsError(f"SAGESSE_{name.upper()} is not a JSON object: {error}") from error


def _from_file(path: Path, names: set[str]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a JSON object of settings: {error}") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    if unknown := set(found) - names:
        raise SettingsError(f"{path}: unknown settings {sorted(unknown)}; known: {', '.join(sorted(names))}")
    return found
