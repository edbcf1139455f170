"""What time does to keys: deletion, rotation; with a clock turned by hand."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.call import Call, Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import Identities, IdentityAuthorizer
from sagesse.core.principal import Principal
from sagesse.core.record import Key
from sagesse.core.scope import Scope
from sagesse.core.service import Registry
from sagesse.core.store_sqlite import SqliteStore
from sagesse.engines.vault import Vault
from sagesse.services import kms
from sagesse.services.kms.kind import KEY
from sagesse.testing.clock import HandClock

ACCOUNT = "123456789012"
DAY_S = 86_400.0


class Keyring:
    """KMS without a wire: one call after the other, as the account's root."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.store = SqliteStore(folder / "records.db", durable=False)
        authorizer = IdentityAuthorizer(Identities(self.store, self.clock))
        self.registry = Registry(kms.services(Vault(folder / "master.key"), authorizer))

    def call(self, call: Call) -> Mapping[str, Any]:
        raise NotImplementedError

    async def acall(self, call: Call) -> Mapping[str, Any]:
        raise NotImplementedError

    def wake(self, key: Key, *, after_s: float = 0) -> None:
        """No reconciler runs."""

    def ask(self, operation: str, *, via: str = "", **params: Any) -> Any:
        return self.registry.find("kms", operation).run(self.context(via), params)

    def context(self, via: str = "") -> Context:
        scope = Scope(ACCOUNT, "us-east-1")
        return Context(scope=scope, principal=Principal.root(ACCOUNT), request_id="r", platform=self, via=via)

    def advance(self, key: str) -> float | None:
        ctx = self.context()
        service = next(service for kind, service in self.registry.kinds() if kind.id == KEY.id)
        return service.advance(ctx, KEY.get(ctx, key))


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Keyring]:
    ring = Keyring(tmp_path)
    yield ring
    ring.store.close()


@pytest.fixture
def key(ring: Keyring) -> str:
    return ring.ask("CreateKey")["KeyMetadata"]["KeyId"]


def test_a_key_lives_until_its_waiting_time_is_over(ring: Keyring, key: str) -> None:
    ring.ask("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    ring.clock.turn(6 * DAY_S)
    assert ring.advance(key) == pytest.approx(DAY_S, abs=1)
    assert ring.ask("DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_then_it_goes_with_its_aliases(ring: Keyring, key: str) -> None:
    ring.ask("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    ring.ask("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    ring.clock.turn(7 * DAY_S)
    assert ring.advance(key) is None
    with pytest.raises(ServiceError, match="does not exist"):
        ring.ask("DescribeKey", KeyId=key)
    assert ring.ask("ListAliases")["Aliases"] == []


def test_its_ciphertexts_open_no_more(ring: Keyring, key: str) -> None:
    blob = ring.ask("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    ring.ask("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    ring.clock.turn(7 * DAY_S)
    ring.advance(key)
    with pytest.raises(ServiceError, match="NotFoundException"):
        ring.ask("Decrypt", CiphertextBlob=blob)


def test_material_rotates_when_its_period_is_over(ring: Keyring, key: str) -> None:
    ring.ask("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    before = ring.ask("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    ring.clock.turn(91 * DAY_S)
    after = ring.ask("Encrypt", KeyId=key, Plaintext=b"y")["CiphertextBlob"]
    assert [ring.ask("Decrypt", CiphertextBlob=blob)["Plaintext"] for blob in (before, after)] == [b"x", b"y"]
    (rotation,) = ring.ask("ListKeyRotations", KeyId=key)["Rotations"]
    assert rotation["RotationType"] == "AUTOMATIC"


def test_rotations_missed_while_the_server_was_down_are_one(ring: Keyring, key: str) -> None:
    ring.ask("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    ring.clock.turn(400 * DAY_S)
    status = ring.ask("GetKeyRotationStatus", KeyId=key)
    assert len(ring.ask("ListKeyRotations", KeyId=key)["Rotations"]) == 1
    assert status["NextRotationDate"] == pytest.approx(ring.clock.now() + 50 * DAY_S, abs=1)


def test_a_service_uses_its_managed_key_for_its_callers(ring: Keyring) -> None:
    made = ring.ask("GenerateDataKey", via="s3", KeyId="alias/aws/s3", KeySpec="AES_256")
    opened = ring.ask("Decrypt", via="s3", CiphertextBlob=made["CiphertextBlob"])
    assert opened["Plaintext"] == made["Plaintext"]
    with pytest.raises(ServiceError, match="AccessDenied"):
        ring.ask("Decrypt", via="sagemaker", CiphertextBlob=made["CiphertextBlob"])
