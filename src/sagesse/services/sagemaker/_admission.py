"""What SageMaker looks at before it takes a job, so that the call fails and not the job an hour later."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.principal import Credential, Credentials, Principal
from sagesse.services.sagemaker._session import RoleError, role_session
from sagesse.services.sagemaker._source import nothing_found
from sagesse.services.sagemaker._transfer import BadLocation, StorageUnavailable, ask, parse_location


def assume_role(ctx: Context, credentials: Credentials, role_arn: str, *, needed_s: float) -> Credential:
    """A session of the role that a job asks for, which lasts at least `needed_s`; the job goes on with it.

    Raises:
        ServiceError: SageMaker cannot assume it, in AWS's words.
    """
    sagemaker = ctx.acting_as(Principal.service("sagemaker.amazonaws.com", ctx.account))
    try:
        return role_session(sagemaker, credentials, role_arn, {}, needed_s=needed_s)
    except RoleError as error:
        raise validation_error(str(error).removeprefix("ClientError: ")) from error


def check_data(acting: Context, channels: Sequence[Mapping[str, Any]], role_arn: str) -> None:
    """Refuse channels whose prefix has no objects; what their manifests name is looked at when the job starts.

    Args:
        acting: acts as the job's role.

    Raises:
        ServiceError: the first such channel, in AWS's words.
    """
    for channel in channels:
        source = channel["DataSource"].get("S3DataSource")
        if source and source["S3DataType"] == "S3Prefix":
            with suppress(StorageUnavailable):  # the job waits for it
                _check_prefix(acting, source["S3Uri"], role_arn)


def _check_prefix(acting: Context, uri: str, role_arn: str) -> None:
    said = ""
    try:
        place = parse_location(uri)
        listed = {"Bucket": place.bucket, "Prefix": place.key, "MaxKeys": 1}
        if ask(acting, "ListObjectsV2", listed).get("KeyCount"):
            return
    except BadLocation as error:
        raise validation_error(f"InputDataConfig: S3Uri {error}") from error
    except ServiceError as error:
        said = f" Error message from S3: {error.message}"
    raise validation_error(nothing_found(acting, uri, role_arn) + said)
