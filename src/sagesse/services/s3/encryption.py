"""Encryption of objects: whose key seals an object, and who may open it again.

SSE-S3 (``AES256``): a key of the object's own, wrapped by the server's vault. SSE-KMS (``aws:kms``): a data key of KMS,
asked for as the caller, whose permissions on the KMS key count. SSE-C: the customer's key, which is never kept.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.model import service_model
from sagesse.core.scope import Scope, parse_arn, partition
from sagesse.core.service import Params
from sagesse.engines.objects.base import Attributes, Bucket
from sagesse.engines.objects.error import invalid_request
from sagesse.engines.objects.seal import Seal, SealBroken
from sagesse.engines.vault import KEY_BYTES, Vault, VaultBroken
from sagesse.services.s3._error import access_denied, invalid_argument, not_implemented
from sagesse.services.s3._setting import ENCRYPTION

_PURPOSE = b"s3 object"
_MANAGED_KEY = "alias/aws/s3"
_ASKING = frozenset(
    {
        "ServerSideEncryption",
        "SSEKMSKeyId",
        "SSECustomerAlgorithm",
        "SSECustomerKey",
        "SSECustomerKeyMD5",
    }
)
_CUSTOMER = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")
_CUSTOMERS = frozenset(_CUSTOMER)


class Sealing(NamedTuple):
    """How an object will be sealed: what is remembered, and the key that is not."""

    seal: Seal
    key: bytes


class Encryption:
    """Makes and opens seals.

    Args:
        vault: wraps the keys of SSE-S3.
        seals_all: objects for which nobody asks for anything get SSE-S3, as in AWS.
    """

    def __init__(self, vault: Vault, *, seals_all: bool = False) -> None:
        self._vault = vault
        self._seals_all = seals_all

    @property
    def seals_all(self) -> bool:
        """Whether objects are encrypted when nobody asks for it."""
        return self._seals_all

    async def begin(
        self, ctx: Context, req: Params, bucket: Bucket, key: str, *, seals: bool = False
    ) -> Sealing | None:
        """How a new object is to be sealed, by the request or else by the bucket; None leaves it plain.

        `seals` wants SSE-S3 where neither says anything.

        Raises:
            ServiceError: InvalidArgument; what KMS answers.
        """
        wish = req if asks(req) else _default_of(bucket)
        if not (wish or seals or self._seals_all):
            return None
        if not _CUSTOMERS.isdisjoint(wish):
            return _customers(wish)
        match wish.get("ServerSideEncryption"):
            case None if "SSEKMSKeyId" in wish:
                raise _not_kms()
            case None if not (seals or self._seals_all):
                return None
            case None | "AES256" if "SSEKMSKeyId" not in wish:
                secret = secrets.token_bytes(KEY_BYTES)
                return Sealing(Seal(kind="AES256", wrapped=self._vault.wrap(secret, _PURPOSE)), secret)
            case "AES256":
                raise _not_kms()
            case "aws:kms":
                return await _from_kms(ctx, wish, req, bucket, key)
            case other:
                if other in service_model("s3").shapes["ServerSideEncryption"]["enum"]:
                    raise not_implemented("ServerSideEncryption", other)
                message = "The encryption method specified is not supported"
                raise invalid_argument(message, "x-amz-server-side-encryption", other)

    async def key_of(self, ctx: Context, req: Params, seal: Seal, *, source: str = "") -> bytes:
        """The key that opens a seal; `source` is the prefix of the members that describe a copy's source.

        Raises:
            ServiceError: the customer's key is missing or another; AccessDenied and others of KMS.
        """
        check_customer_key(req, seal, source=source)
        if seal.kind == "customer":
            return _customers(_customer_members(req, source)).key
        if seal.kind == "AES256":
            try:
                return self._vault.open(seal.wrapped, _PURPOSE)
            except VaultBroken as error:
                raise ServiceError(
                    "InternalError", f"The object cannot be opened: {error}", status=500
                ) from error
        params = {"CiphertextBlob": seal.wrapped, "KeyId": seal.key_arn, "EncryptionContext": seal.context}
        arn = parse_arn(seal.key_arn)
        answer = await _ask_kms(ctx, arn.region if arn else ctx.region, "Decrypt", params)
        return bytes(answer["Plaintext"])

    async def part_key(self, ctx: Context, req: Params, seal: Seal | None) -> bytes | None:
        """The key that seals a part of an upload; None for a plain one.

        Raises:
            ServiceError: the customer's key is missing or another; AccessDenied and others of KMS.
        """
        if seal is not None and seal.kind == "customer":
            if not _customer_members(req, ""):
                raise invalid_request(
                    "The multipart upload initiate requested encryption. Subsequent part requests must include the "
                    "appropriate encryption parameters."
                )
            if not _is_proved(_customers(_customer_members(req, "")).key, seal):
                raise invalid_request(
                    "The provided encryption parameters did not match the ones used originally."
                )
        check_customer_key(req, seal)
        return None if seal is None else await self.key_of(ctx, req, seal)


def vault_keys(vault: Vault) -> Callable[[Seal], bytes | None]:
    """Finds the keys of objects under SSE-S3; others' keys are not ours to ask for.

    Raises (the finder):
        SealBroken: the seal does not open with this vault.
    """

    def find(seal: Seal) -> bytes | None:
        if seal.kind != "AES256":
            return None
        try:
            return vault.open(seal.wrapped, _PURPOSE)
        except VaultBroken:
            raise SealBroken from None

    return find


def sealed(attributes: Attributes, sealing: Sealing | None) -> Attributes:
    """The attributes of an object that is sealed so."""
    return attributes if sealing is None else msgspec.structs.replace(attributes, seal=sealing.seal)


def asks(req: Params) -> bool:
    """Whether a request says how to encrypt."""
    return not _ASKING.isdisjoint(req)


def check_customer_key(req: Params, seal: Seal | None, *, source: str = "") -> None:
    """Refuse a request that brings no customer's key, or another, for an object under one; or one for another object.

    Raises:
        ServiceError: InvalidRequest, InvalidArgument, AccessDenied.
    """
    if seal is None and not source and _CUSTOMERS.isdisjoint(req):
        return
    members = _customer_members(req, source)
    if seal is None or seal.kind != "customer":
        if members:
            raise invalid_request("The encryption parameters are not applicable to this object.")
        return
    if not members:
        raise invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object."
        )
    if not _is_proved(_customers(members).key, seal):
        raise access_denied()


def encryption_members(seal: Seal | None) -> dict[str, Any]:
    """What answers say of an object's encryption."""
    if seal is None:
        return {}
    if seal.kind == "customer":
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": seal.fingerprint}
    members: dict[str, Any] = {"ServerSideEncryption": seal.kind}
    if seal.kind == "aws:kms":
        members["SSEKMSKeyId"] = seal.key_arn
    if seal.has_bucket_key:
        members["BucketKeyEnabled"] = True
    return members


def _default_of(bucket: Bucket) -> Mapping[str, Any]:
    """The bucket's default in the words of a request."""
    rule: Mapping[str, Any] = bucket.settings.get(ENCRYPTION) or {}
    chosen: Mapping[str, Any] = rule.get("ApplyServerSideEncryptionByDefault") or {}
    wish: dict[str, Any] = {}
    if "SSEAlgorithm" in chosen:
        wish["ServerSideEncryption"] = chosen["SSEAlgorithm"]
    if "KMSMasterKeyID" in chosen:
        wish["SSEKMSKeyId"] = chosen["KMSMasterKeyID"]
    return wish


async def _from_kms(ctx: Context, wish: Mapping[str, Any], req: Params, bucket: Bucket, key: str) -> Sealing:
    rule: Mapping[str, Any] = bucket.settings.get(ENCRYPTION) or {}
    has_bucket_key = bool(req.get("BucketKeyEnabled", rule.get("BucketKeyEnabled", False)))
    arn = f"arn:{partition(bucket.region)}:s3:::{bucket.name}"
    context = {"aws:s3:arn": arn if has_bucket_key else f"{arn}/{key}", **_context_of(req)}
    params = {
        "KeyId": wish.get("SSEKMSKeyId") or _MANAGED_KEY,
        "KeySpec": "AES_256",
        "EncryptionContext": context,
    }
    answer = await _ask_kms(ctx, bucket.region, "GenerateDataKey", params)
    seal = Seal(
        kind="aws:kms",
        wrapped=bytes(answer["CiphertextBlob"]),
        key_arn=str(answer["KeyId"]),
        context=context,
        has_bucket_key=has_bucket_key,
    )
    return Sealing(seal, bytes(answer["Plaintext"]))


async def _ask_kms(ctx: Context, region: str, operation: str, params: dict[str, Any]) -> Mapping[str, Any]:
    """Call KMS as the caller, where the key is; its refusals are S3's with a prefix.

    Raises:
        ServiceError: AccessDenied, KMS.NotFoundException, KMS.DisabledException, ...
    """
    if ctx.principal.kind == "anonymous":
        raise invalid_argument(
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
            "Authorization",
            "null",
        )
    there = msgspec.structs.replace(ctx, scope=Scope(ctx.account, region))
    try:
        return await there.acall("kms", operation, params)
    except ServiceError as error:
        if error.code == "AccessDeniedException":
            raise ServiceError("AccessDenied", error.message, status=403) from error
        if error.status is not None and error.status >= 500:
            raise
        raise ServiceError(f"KMS.{error.code}", error.message, status=400) from error


def _context_of(req: Params) -> dict[str, str]:
    """The encryption context that a request adds."""
    text = req.get("SSEKMSEncryptionContext")
    if text is None:
        return {}
    try:
        return msgspec.json.decode(base64.b64decode(str(text), validate=True), type=dict[str, str])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise invalid_argument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which "
            "represents a string-string map",
            "x-amz-server-side-encryption-context",
            text,
        ) from None


def _customer_members(req: Params, source: str) -> dict[str, Any]:
    """What a request says of a customer's key, without the prefix of a copy's source."""
    return {member: req[source + member] for member in _CUSTOMER if source + member in req}


def _customers(wish: Mapping[str, Any]) -> Sealing:
    """A seal by the customer's key.

    Raises:
        ServiceError: something is missing, wrong, or does not fit together.
    """
    if "ServerSideEncryption" in wish or "SSEKMSKeyId" in wish:
        raise invalid_argument(
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            "x-amz-server-side-encryption",
            wish.get("ServerSideEncryption", ""),
        )
    algorithm, text, fingerprint = (wish.get(member) for member in _CUSTOMER)
    for value, what in (
        (algorithm, "a valid encryption algorithm"),
        (text, "an appropriate secret key"),
        (fingerprint, "the client calculated MD5 of the secret key"),
    ):
        if not value:
            raise _customer_error(f"must provide {what}.")
    if algorithm != "AES256":
        raise ServiceError(
            "InvalidEncryptionAlgorithmError",
            "The Encryption request you specified is not valid. Supported value: AES256.",
            status=400,
        )
    key = _secret(str(text))
    if base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode() != fingerprint:
        raise _customer_error(
            "The calculated MD5 hash of the key did not match the hash that was provided.", whole=True
        )
    salt = secrets.token_bytes(16)
    return Sealing(
        Seal(kind="customer", salt=salt, proof=_proof(key, salt), fingerprint=str(fingerprint)), key
    )


def _secret(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise _customer_error("The secret key was invalid for the specified algorithm.", whole=True)
    return key


def _proof(key: bytes, salt: bytes) -> bytes:
    return hmac.digest(key, b"sagesse customer key" + salt, hashlib.sha256)


def _is_proved(key: bytes, seal: Seal) -> bool:
    return hmac.compare_digest(_proof(key, seal.salt), seal.proof)


def _customer_error(text: str, *, whole: bool = False) -> ServiceError:
    """The value is not repeated: it may be a key."""
    start = "" if whole else "Requests specifying Server Side Encryption with Customer provided keys "
    return invalid_argument(start + text, "x-amz-server-side-encryption-customer", "")


def _not_kms() -> ServiceError:
    return invalid_argument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        "x-amz-server-side-encryption",
        "",
    )
