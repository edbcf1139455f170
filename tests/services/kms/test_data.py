"""Encryption and data keys."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

CONTEXT = {"purpose": "test", "number": "7"}


def test_decrypt_gives_back_what_was_encrypted(kms: Any, key: str) -> None:
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)
    assert b"secret" not in sealed["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", sealed["KeyId"])


@pytest.mark.parametrize("context", [{}, {"purpose": "test"}, {**CONTEXT, "more": "x"}])
def test_another_context_opens_nothing(kms: Any, key: str, context: dict[str, str]) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)


@pytest.mark.parametrize("place", [0, 5, 20, 40, 65, -1])
def test_a_changed_byte_opens_nothing(kms: Any, key: str, place: int) -> None:
    blob = bytearray(kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"])
    blob[place] ^= 1
    with pytest.raises(ClientError) as refusal:
        kms.decrypt(CiphertextBlob=bytes(blob))
    assert refusal.value.response["Error"]["Code"] in {"InvalidCiphertextException", "NotFoundException"}


def test_bytes_that_are_no_ciphertext_are_refused(kms: Any) -> None:
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=b"nonsense")


def test_decrypt_with_another_key_is_refused(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(kms.exceptions.IncorrectKeyException):
        kms.decrypt(CiphertextBlob=blob, KeyId=other)


def test_a_data_key_decrypts_to_its_plaintext(kms: Any, key: str) -> None:
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
    assert len(made["Plaintext"]) == 32
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == made["Plaintext"]


def test_a_data_key_without_plaintext_has_none(kms: Any, key: str) -> None:
    made = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=24)
    assert "Plaintext" not in made
    assert len(kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]) == 24


def test_a_data_key_needs_a_size(kms: Any, key: str) -> None:
    with pytest.raises(ClientError, match="either number of bytes or key spec"):
        kms.generate_data_key(KeyId=key)


def test_re_encrypt_moves_a_secret_to_another_key_and_context(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=other["KeyId"],
        DestinationEncryptionContext={"new": "yes"},
    )
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"new": "yes"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", other["Arn"])


def test_random_bytes_have_the_length_asked_for(kms: Any) -> None:
    assert len(kms.generate_random(NumberOfBytes=100)["Plaintext"]) == 100


def test_a_dry_run_does_nothing(kms: Any, key: str) -> None:
    with pytest.raises(kms.exceptions.DryRunOperationException):
        kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=True)


def test_old_material_decrypts_after_a_rotation(kms: Any, key: str) -> None:
    before = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key)
    after = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    opened = [kms.decrypt(CiphertextBlob=blob) for blob in (before, after)]
    assert [answer["Plaintext"] for answer in opened] == [b"old", b"new"]
    assert opened[0]["KeyMaterialId"] != opened[1]["KeyMaterialId"]


def test_a_rotation_on_demand_is_listed(kms: Any, key: str) -> None:
    assert kms.list_key_rotations(KeyId=key)["Rotations"] == []
    kms.rotate_key_on_demand(KeyId=key)
    (rotation,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert rotation["RotationType"] == "ON_DEMAND"


def test_rotation_can_be_switched_on_and_off(kms: Any, key: str) -> None:
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 100)
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
