"""The KMS key under which S3 keeps what a job stores, as SSE-KMS; the job's role asks for it."""

import msgspec

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.scope import partition
from sagesse.services.sagemaker._job import JobFailed


def sealed_under(kms_key: str) -> dict[str, str]:
    """The members of a PutObject under a key (id, ARN or alias); none for no key: the bucket decides."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}


def check_output_key(ctx: Context, kms_key: str, uri: str) -> None:
    """Fail a job whose key cannot be used before it runs for hours: KMS is asked as S3 will ask it.

    Args:
        ctx: acts as the job's role.
        kms_key: empty for none.
        uri: where objects will be put under it.

    Raises:
        JobFailed: there is no such key, it is disabled, or the role may not use it.
    """
    if not kms_key:
        return
    object_arn = f"arn:{partition(ctx.region)}:s3:::{uri.removeprefix('s3://')}"
    asked = {"KeyId": kms_key, "KeySpec": "AES_256", "EncryptionContext": {"aws:s3:arn": object_arn}}
    try:
        msgspec.structs.replace(ctx, service="s3").call("kms", "GenerateDataKey", asked)
    except ServiceError as error:
        said = f"ClientError: The KMS key {kms_key} cannot be used: {error.code}: {error.message}"
        raise JobFailed(said) from error
