"""Encryption, decryption and data keys."""

import secrets
from collections.abc import Mapping
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.record import Record
from sagesse.core.scope import Scope
from sagesse.core.service import Params, Result
from sagesse.services.kms._family import Family, end_dry_run, refuse_recipient, require_usable
from sagesse.services.kms._material import read_origin, seal, unseal
from sagesse.services.kms._rotate import rotated
from sagesse.services.kms.error import incorrect_key, invalid_ciphertext, unsupported
from sagesse.services.kms.kind import KEY

_ALGORITHM = "SYMMETRIC_DEFAULT"
_SPEC_BYTES = {"AES_256": 32, "AES_128": 16}


class DataKeys(Family):
    """What keys are for."""

    def encrypt(self, ctx: Context, req: Params) -> Result:
        """A ciphertext of up to 4 KiB, bound to the encryption context."""
        key, context = self._for_encryption(ctx, req, "Encrypt")
        _check_algorithm(req, "EncryptionAlgorithm")
        blob = seal(self._vault, key, bytes(req["Plaintext"]), context)
        return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": _ALGORITHM}

    def decrypt(self, ctx: Context, req: Params) -> Result:
        """The plaintext again; the ciphertext says which key it is of."""
        refuse_recipient(req)
        _check_algorithm(req, "EncryptionAlgorithm")
        context: Mapping[str, str] = req.get("EncryptionContext", {})
        blob = bytes(req["CiphertextBlob"])
        key = self._origin(ctx, blob, "Decrypt", req.get("KeyId"), context)
        end_dry_run(req)
        return {
            "KeyId": key.arn,
            "Plaintext": unseal(self._vault, key, blob, context),
            "EncryptionAlgorithm": _ALGORITHM,
            "KeyMaterialId": read_origin(blob).material,
        }

    def re_encrypt(self, ctx: Context, req: Params) -> Result:
        """The same secret under another key or context; the plaintext stays inside."""
        for member in ("SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"):
            _check_algorithm(req, member)
        blob, before = bytes(req["CiphertextBlob"]), req.get("SourceEncryptionContext", {})
        source = self._origin(ctx, blob, "ReEncryptFrom", req.get("SourceKeyId"), before)
        after: Mapping[str, str] = req.get("DestinationEncryptionContext", {})
        name = str(req["DestinationKeyId"])
        target = self._key(ctx, name, "ReEncryptTo", takes_alias=True, context=after)
        require_usable(target)
        end_dry_run(req)
        target = rotated(ctx, self._vault, target)
        secret = unseal(self._vault, source, blob, before)
        return {
            "CiphertextBlob": seal(self._vault, target, secret, after),
            "SourceKeyId": source.arn,
            "KeyId": target.arn,
            "SourceEncryptionAlgorithm": _ALGORITHM,
            "DestinationEncryptionAlgorithm": _ALGORITHM,
            "SourceKeyMaterialId": read_origin(blob).material,
            "DestinationKeyMaterialId": target.state["materials"][-1]["id"],
        }

    def generate_data_key(self, ctx: Context, req: Params) -> Result:
        """A fresh key, in the clear and encrypted."""
        return self._data_key(ctx, req, "GenerateDataKey")

    def generate_data_key_without_plaintext(self, ctx: Context, req: Params) -> Result:
        """A fresh key, encrypted only."""
        answer = self._data_key(ctx, req, "GenerateDataKeyWithoutPlaintext")
        return {member: value for member, value in answer.items() if member != "Plaintext"}

    def generate_random(self, ctx: Context, req: Params) -> Result:
        """Random bytes of the operating system."""
        refuse_recipient(req)
        if "CustomKeyStoreId" in req:
            raise unsupported("Sagesse has no custom key stores.")
        return {"Plaintext": secrets.token_bytes(int(req.get("NumberOfBytes", 32)))}

    def _data_key(self, ctx: Context, req: Params, action: str) -> dict[str, Any]:
        refuse_recipient(req)
        if ("KeySpec" in req) == ("NumberOfBytes" in req):
            raise validation_error("Please specify either number of bytes or key spec.")
        size = int(req["NumberOfBytes"]) if "NumberOfBytes" in req else _SPEC_BYTES[req["KeySpec"]]
        key, context = self._for_encryption(ctx, req, action)
        secret = secrets.token_bytes(size)
        return {
            "CiphertextBlob": seal(self._vault, key, secret, context),
            "Plaintext": secret,
            "KeyId": key.arn,
            "KeyMaterialId": key.state["materials"][-1]["id"],
        }

    def _for_encryption(self, ctx: Context, req: Params, action: str) -> tuple[Record, Mapping[str, str]]:
        """The enabled key with current material, and the encryption context."""
        context: Mapping[str, str] = req.get("EncryptionContext", {})
        key = self._key(ctx, str(req["KeyId"]), action, takes_alias=True, context=context)
        require_usable(key)
        end_dry_run(req)
        return rotated(ctx, self._vault, key), context

    def _origin(
        self, ctx: Context, blob: bytes, action: str, named: str | None, context: Mapping[str, str]
    ) -> Record:
        """The key a ciphertext was made with.

        Raises:
            ServiceError: InvalidCiphertextException, IncorrectKeyException, NotFoundException, AccessDeniedException.
        """
        origin = read_origin(blob)
        arn = KEY.arn(Scope(origin.account, ctx.region), origin.key_id)
        try:
            key = self._key(ctx, arn, action, context=context)
        except ServiceError as error:
            if error.code == "NotFoundException" and origin.account != ctx.account:
                raise invalid_ciphertext() from None
            raise
        if (
            named is not None
            and self._key(ctx, named, action, takes_alias=True, context=context).arn != key.arn
        ):
            raise incorrect_key()
        require_usable(key)
        return key


def _check_algorithm(req: Params, member: str) -> None:
    if req.get(member, _ALGORITHM) != _ALGORITHM:
        raise ServiceError(
            "InvalidKeyUsageException", f"{member} {req[member]} does not fit a symmetric encryption key."
        )
