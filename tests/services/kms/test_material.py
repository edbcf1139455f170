"""Ciphertexts as bytes from outside."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.core.record import Record
from sagesse.engines.vault import Vault
from sagesse.services.kms._material import new_material, read_origin, seal, unseal

ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    folder: Path = tmp_path_factory.mktemp("vault")
    return Vault(folder / "master.key")


@pytest.fixture(scope="module")
def key(vault: Vault) -> Record:
    return Record(
        kind="kms:Key",
        account="123456789012",
        region="us-east-1",
        name=ARN.rpartition("/")[2],
        arn=ARN,
        created=0,
        modified=0,
        request={},
        state={"materials": [new_material(vault, ARN, 0)]},
    )


@given(data=st.binary(max_size=200))
def test_whatever_bytes_come_they_are_refused_in_kms_words(vault: Vault, key: Record, data: bytes) -> None:
    with pytest.raises(ServiceError) as refusal:
        unseal(vault, key, data, {})
    assert refusal.value.code == "InvalidCiphertextException"


@given(secret=st.binary(max_size=64), place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_no_changed_byte_opens(vault: Vault, key: Record, secret: bytes, place: float, change: int) -> None:
    blob = bytearray(seal(vault, key, secret, {"a": "b"}))
    blob[int(place * len(blob))] ^= change
    with pytest.raises(ServiceError):
        unseal(vault, key, bytes(blob), {"a": "b"})


@given(
    secret=st.binary(max_size=64),
    context=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4),
)
def test_the_order_of_the_context_does_not_matter(
    vault: Vault, key: Record, secret: bytes, context: dict[str, str]
) -> None:
    blob = seal(vault, key, secret, context)
    backwards = dict(reversed(list(context.items())))
    assert unseal(vault, key, blob, backwards) == secret


def test_a_ciphertext_names_its_key(vault: Vault, key: Record) -> None:
    origin = read_origin(seal(vault, key, b"x", {}))
    assert (origin.account, origin.key_id) == (key.account, key.name)
