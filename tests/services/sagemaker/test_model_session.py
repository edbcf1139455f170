"""The session that a model server acts in: there, renewed in time, and safe from what the server does to its files."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.principal import Credential, Credentials, Principal
from sagesse.core.record import ChangeOf
from sagesse.services.sagemaker._model_session import lend
from sagesse.services.sagemaker._session import RoleError

ROLE = "arn:aws:iam::123456789012:role/r"
HOUR_S = 3600


class Issuer:
    """Stands for the call context and for the credentials: an hour's session for each AssumeRole."""

    def __init__(self) -> None:
        self.time = 0.0
        self.has_role = True
        self.issued: dict[str, Credential] = {}

    def now(self) -> float:
        return self.time

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if not self.has_role:
            raise ServiceError("AccessDenied", "no")
        key = f"ASIA{len(self.issued)}"
        principal = Principal.service("sagemaker.amazonaws.com", "123456789012")
        self.issued[key] = Credential(
            key, "secret", principal, session_token="token", expires=self.time + HOUR_S
        )
        return {"Credentials": {"AccessKeyId": key}}

    def find(self, access_key_id: str) -> Credential | None:
        return self.issued.get(access_key_id)

    def ending(self, access_key_id: str) -> Sequence[ChangeOf]:
        return ()

    def ended(self, access_key_id: str) -> None: ...

    def lend(self, folder: Path) -> Path:
        return lend(cast("Context", self), cast("Credentials", self), ROLE, folder)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def printed(shown: Path) -> dict[str, Any]:
    """What the program that the configuration names prints."""
    line = (shown / "config").read_text().partition("credential_process = ")[2]
    environment = {"AWS_CONFIG_FILE": str(shown / "config"), "PATH": "/usr/bin:/bin"}
    return json.loads(subprocess.check_output(["sh", "-c", line], env=environment))


def test_the_configurations_program_prints_a_session(tmp_path: Path, issuer: Issuer) -> None:
    assert printed(issuer.lend(tmp_path)) == {
        "Version": 1,
        "AccessKeyId": "ASIA0",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": "1970-01-01T01:00:00+00:00",
    }
    assert (tmp_path / "credentials/session.json").stat().st_mode & 0o777 == 0o600


def test_a_session_is_renewed_half_an_hour_before_its_end(tmp_path: Path, issuer: Issuer) -> None:
    shown = issuer.lend(tmp_path)
    issuer.time = HOUR_S / 2 - 1
    issuer.lend(tmp_path)
    assert printed(shown)["AccessKeyId"] == "ASIA0"
    issuer.time = HOUR_S / 2
    issuer.lend(tmp_path)
    assert printed(shown)["AccessKeyId"] == "ASIA1"


def test_without_its_role_a_server_keeps_what_it_has(tmp_path: Path, issuer: Issuer) -> None:
    issuer.has_role = False
    with pytest.raises(RoleError):
        issuer.lend(tmp_path)
    issuer.has_role = True
    shown = issuer.lend(tmp_path)
    issuer.has_role, issuer.time = False, 2.0 * HOUR_S
    assert printed(issuer.lend(tmp_path))["AccessKeyId"] == "ASIA0"
    assert shown == tmp_path / "credentials"


def test_a_link_in_the_servers_folder_is_not_followed(tmp_path: Path, issuer: Issuer) -> None:
    shown, precious = issuer.lend(tmp_path), tmp_path / "precious"
    precious.write_text("mine")
    for name in ("config", "session.json"):
        (shown / name).unlink()
        (shown / name).symlink_to(precious)
    issuer.time = HOUR_S
    issuer.lend(tmp_path)
    assert precious.read_text() == "mine"
    assert printed(shown)["AccessKeyId"] == "ASIA1"
