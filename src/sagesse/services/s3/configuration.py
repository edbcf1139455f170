"""Configurations of buckets that are kept and shown: default encryption, logging, who pays."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.model import service_model
from sagesse.core.service import Params, Result
from sagesse.services.s3._error import invalid_argument, malformed_xml, not_implemented
from sagesse.services.s3._family import Family
from sagesse.services.s3._setting import ENCRYPTION, LOGGING, PAYER

_BUILT_IN = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}


class Configurations(Family):
    """What is put here is validated, kept and shown; docs/services/s3.md says what of it has an effect."""

    async def get_bucket_encryption(self, ctx: Context, req: Params) -> Result:
        """The default encryption; where nothing was put AES256, as in AWS, if that is so (setting encrypt_objects)."""
        bucket = self._bucket(req)
        rule = bucket.settings.get(ENCRYPTION, _BUILT_IN if self._encryption.seals_all else None)
        if rule is None:
            raise ServiceError(
                "ServerSideEncryptionConfigurationNotFoundError",
                "The server side encryption configuration was not found",
                status=404,
                fields={"BucketName": bucket.name},
            )
        return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}

    async def put_bucket_encryption(self, ctx: Context, req: Params) -> Result:
        """Set the default encryption."""
        bucket = self._bucket(req)
        rules: list[dict[str, Any]] = req["ServerSideEncryptionConfiguration"].get("Rules") or []
        if len(rules) != 1 or "ApplyServerSideEncryptionByDefault" not in rules[0]:
            raise malformed_xml()
        await self._objects.configure_bucket(bucket.name, ENCRYPTION, _encryption_rule(rules[0]))
        return None

    async def delete_bucket_encryption(self, ctx: Context, req: Params) -> Result:
        """Go back to the built-in default."""
        bucket = self._bucket(req)
        await self._objects.configure_bucket(bucket.name, ENCRYPTION, None)
        return None

    async def get_bucket_logging(self, ctx: Context, req: Params) -> Result:
        """Where access logs are to go; nothing when they are off."""
        logging = self._bucket(req).settings.get(LOGGING)
        return {"LoggingEnabled": logging} if logging else {}

    async def put_bucket_logging(self, ctx: Context, req: Params) -> Result:
        """Say where access logs are to go, a bucket of the same owner, or switch them off."""
        bucket = self._bucket(req)
        logging: dict[str, Any] | None = req["BucketLoggingStatus"].get("LoggingEnabled")
        if logging is not None:
            target = self._objects.find_bucket(str(logging["TargetBucket"]))
            if target is None or target.account != bucket.account:
                raise ServiceError(
                    "InvalidTargetBucketForLogging",
                    "The target bucket for logging does not exist or is not owned by you",
                    status=400,
                    fields={"TargetBucket": logging["TargetBucket"]},
                )
        await self._objects.configure_bucket(bucket.name, LOGGING, logging)
        return None

    async def get_bucket_request_payment(self, ctx: Context, req: Params) -> Result:
        """Who pays for requests."""
        return {"Payer": self._bucket(req).settings.get(PAYER, "BucketOwner")}

    async def put_bucket_request_payment(self, ctx: Context, req: Params) -> Result:
        """Say who pays for requests."""
        bucket = self._bucket(req)
        payer = req["RequestPaymentConfiguration"].get("Payer")
        if payer not in {"BucketOwner", "Requester"}:
            raise malformed_xml()
        await self._objects.configure_bucket(bucket.name, PAYER, payer)
        return None


def _encryption_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule as it is kept.

    Raises:
        ServiceError: an algorithm or a restriction we do not have, or a key for an algorithm without keys.
    """
    default: dict[str, str] = rule["ApplyServerSideEncryptionByDefault"]
    algorithm = default.get("SSEAlgorithm")
    if algorithm not in service_model("s3").shapes["ServerSideEncryption"]["enum"]:
        raise malformed_xml()
    if algorithm not in {"AES256", "aws:kms"}:
        raise not_implemented("SSEAlgorithm", algorithm)
    if "KMSMasterKeyID" in default and algorithm != "aws:kms":
        raise invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "ApplyServerSideEncryptionByDefault",
            default["KMSMasterKeyID"],
        )
    blocking: dict[str, list[str]] = rule.get("BlockedEncryptionTypes") or {}
    blocked = blocking.get("EncryptionType") or ["NONE"]
    if blocked != ["NONE"]:
        raise not_implemented("BlockedEncryptionTypes", blocked)
    return {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": bool(rule.get("BucketKeyEnabled")),
    }
