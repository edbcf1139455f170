"""Key material, and the ciphertexts made with it.

A ciphertext is ``version (1) | account (12) | key id (16) | material id (32) | nonce (12) | AES-256-GCM``; all that is
before the nonce, and the encryption context, is authenticated with it.
"""

import secrets
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sagesse.core.record import Record
from sagesse.engines.vault import Vault
from sagesse.services.kms.error import invalid_ciphertext

_VERSION = b"\x01"
_HEADER_BYTES, _NONCE_BYTES, _TAG_BYTES = 61, 12, 16


class Origin(NamedTuple):
    """Where a ciphertext says it comes from."""

    account: str
    key_id: str
    material: str


def new_material(vault: Vault, arn: str, now: float, sort: str = "") -> dict[str, Any]:
    """Fresh material as a key's record keeps it; `sort` says how the rotation that made it came about."""
    name = secrets.token_hex(32)
    wrapped = vault.wrap(secrets.token_bytes(32), _purpose(arn, name))
    return {"id": name, "wrapped": wrapped, "created": now, "sort": sort}


def seal(vault: Vault, key: Record, secret: bytes, context: Mapping[str, str]) -> bytes:
    """A ciphertext of `secret` under the key's newest material."""
    material = key.state["materials"][-1]
    header = _VERSION + key.account.encode() + uuid.UUID(key.name).bytes + bytes.fromhex(str(material["id"]))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    cipher = _cipher(vault, key, material)
    return header + nonce + cipher.encrypt(nonce, secret, header + _canonical(context))


def read_origin(ciphertext: bytes) -> Origin:
    """Which key a ciphertext is of.

    Raises:
        ServiceError: InvalidCiphertextException.
    """
    account = ciphertext[1:13]
    if (
        len(ciphertext) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES
        or ciphertext[:1] != _VERSION
        or not account.isdigit()
    ):
        raise invalid_ciphertext()
    return Origin(account.decode(), str(uuid.UUID(bytes=ciphertext[13:29])), ciphertext[29:61].hex())


def unseal(vault: Vault, key: Record, ciphertext: bytes, context: Mapping[str, str]) -> bytes:
    """What was sealed, with whichever material it was.

    Raises:
        ServiceError: InvalidCiphertextException; it does not say why.
    """
    wanted = read_origin(ciphertext).material
    material = next((found for found in key.state["materials"] if found["id"] == wanted), None)
    if material is None:
        raise invalid_ciphertext()
    header, rest = ciphertext[:_HEADER_BYTES], ciphertext[_HEADER_BYTES:]
    try:
        return _cipher(vault, key, material).decrypt(
            rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + _canonical(context)
        )
    except InvalidTag:
        raise invalid_ciphertext() from None


def _cipher(vault: Vault, key: Record, material: Mapping[str, Any]) -> AESGCM:
    return AESGCM(vault.open(material["wrapped"], _purpose(key.arn, str(material["id"]))))


def _purpose(arn: str, material: str) -> bytes:
    return f"kms {arn} {material}".encode()


def _canonical(context: Mapping[str, str]) -> bytes:
    """The context as bytes, whatever the order its pairs came in."""
    return orjson.dumps(sorted(context.items()))
