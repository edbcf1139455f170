"""What an object store refuses, in S3's codes and words."""

from email.utils import formatdate
from typing import Any

from sagesse.core.error import ServiceError
from sagesse.core.fault import fault_of


def no_such_bucket(name: str) -> ServiceError:
    """The bucket does not exist."""
    return _error("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)


def bucket_already_exists(name: str) -> ServiceError:
    """Another account has a bucket of that name: names are global."""
    return _error(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again.",
        409,
        BucketName=name,
    )


def bucket_already_owned(name: str) -> ServiceError:
    """The caller's account has that bucket already."""
    return _error(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        409,
        BucketName=name,
    )


def bucket_not_empty(name: str, *, has_versions: bool = False) -> ServiceError:
    """A bucket is deleted only when it holds no object and no version."""
    message = "The bucket you tried to delete is not empty"
    if has_versions:
        message += ". You must delete all versions in the bucket."
    return _error("BucketNotEmpty", message, 409, BucketName=name)


def versions_are_locked() -> ServiceError:
    """Object lock needs versions."""
    message = (
        "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
    )
    return _error("InvalidBucketState", message, 409)


def locks_need_versions() -> ServiceError:
    """A bucket must keep versions before it can lock them."""
    message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
    return _error("InvalidBucketState", message, 409)


def no_such_key(key: str) -> ServiceError:
    """The object does not exist."""
    return _error("NoSuchKey", "The specified key does not exist.", 404, Key=key)


def deleted_key(key: str, marker: str) -> ServiceError:
    """The name shows a delete marker."""
    return ServiceError(
        "NoSuchKey",
        "The specified key does not exist.",
        status=404,
        fields={"Key": key},
        headers={"x-amz-delete-marker": "true", "x-amz-version-id": marker},
    )


def no_such_version(key: str, version: str) -> ServiceError:
    """The object has no such version."""
    return _error("NoSuchVersion", "The specified version does not exist.", 404, Key=key, VersionId=version)


def marker_has_no_bytes(version: str, modified: float) -> ServiceError:
    """A delete marker can only be deleted."""
    return ServiceError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        status=405,
        fields={"ResourceType": "DeleteMarker"},
        headers={
            "Allow": "DELETE",
            "Last-Modified": formatdate(modified, usegmt=True),
            "x-amz-delete-marker": "true",
            "x-amz-version-id": version,
        },
    )


def object_locked() -> ServiceError:
    """The version is under retention or a legal hold."""
    return _error("AccessDenied", "Access Denied because object protected by object lock.", 403)


def no_such_upload(upload_id: str) -> ServiceError:
    """The multipart upload does not exist, was completed or aborted."""
    return _error(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
        "or completed.",
        404,
        UploadId=upload_id,
    )


def precondition_failed(condition: str) -> ServiceError:
    """A conditional header did not hold; `condition` is its name."""
    message = "At least one of the pre-conditions you specified did not hold"
    return _error("PreconditionFailed", message, 412, Condition=condition)


def invalid_part(upload_id: str, number: int, etag: str) -> ServiceError:
    """A listed part was never uploaded, or is another one by now."""
    return _error(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag.",
        400,
        UploadId=upload_id,
        PartNumber=number,
        ETag=etag,
    )


def invalid_part_order(upload_id: str) -> ServiceError:
    """Parts are listed in ascending order."""
    message = "The list of parts was not in ascending order. Parts must be ordered by part number."
    return _error("InvalidPartOrder", message, 400, UploadId=upload_id)


def entity_too_small(number: int, etag: str, size_bytes: int, minimum: int) -> ServiceError:
    """Every part but the last has a minimal size."""
    return _error(
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        400,
        ProposedSize=size_bytes,
        MinSizeAllowed=minimum,
        PartNumber=number,
        ETag=etag,
    )


def entity_too_large(size_bytes: int, maximum: int) -> ServiceError:
    """One upload is at most 5 GiB."""
    return _error(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        400,
        ProposedSize=size_bytes,
        MaxSizeAllowed=maximum,
    )


def bad_digest(what: str, expected: str, calculated: str) -> ServiceError:
    """The payload is not what the client hashed; `what` is "Content-MD5" or an algorithm."""
    ending = "what we received." if what == "Content-MD5" else "the calculated checksum."
    return _error(
        "BadDigest",
        f"The {what} you specified did not match {ending}",
        400,
        ExpectedDigest=expected,
        CalculatedDigest=calculated,
    )


def invalid_digest(value: str) -> ServiceError:
    """Content-MD5 is no base64 of 16 bytes."""
    return ServiceError(
        "InvalidDigest",
        "The Content-MD5 you specified was invalid.",
        status=400,
        fields={"Content-MD5": value},
    )


def invalid_request(message: str) -> ServiceError:
    """S3's general refusal."""
    return _error("InvalidRequest", message, 400)


def storage_failed(error: OSError) -> ServiceError:
    """The disk did not take the bytes; nothing was stored."""
    fault = fault_of(error)
    if fault is not None:
        return fault.error("s3")
    return _error("InternalError", f"The object could not be stored: {error.strerror}", 500)


class RemoteFailed(ServiceError):  # noqa: N818 - reads as the fact it states
    """The S3 that keeps the payloads did not do what was asked.

    Args:
        reason: what it said, for the operator; clients are not told.
        cause: its error code; empty when it did not answer.
    """

    def __init__(self, reason: str, cause: str, *, is_slow: bool) -> None:
        code, message = (
            "ServiceUnavailable",
            "The storage behind this service does not answer. Please try again.",
        )
        if is_slow:
            code, message = "SlowDown", "Please reduce your request rate."
        super().__init__(code, message, status=503)
        self.reason = reason
        self.cause = cause


def bytes_missing() -> ServiceError:
    """What the index names is not where it should be, or is shorter."""
    return _error("InternalError", "The bytes of the object are missing where they are kept.", 500)


class ObjectDamaged(ServiceError):  # noqa: N818 - reads as the fact it states
    """An object is not, where it is kept, what was stored.

    Attributes:
        what: the object, for the findings.
        problem: what is wrong with it; clients are not told, for it may name files.
    """

    def __init__(self, bucket: str, key: str, problem: str, *, version: str = "null") -> None:
        self.what = f"s3://{bucket}/{key}" + (f" version {version}" if version != "null" else "")
        self.problem = problem
        super().__init__(
            "InternalError",
            "The stored object is damaged. Run `sagesse doctor` on the server's machine.",
            status=500,
            fields={"Key": key, "BucketName": bucket},
        )


def _error(code: str, message: str, status: int, **fields: Any) -> ServiceError:
    return ServiceError(code, message, status=status, fields=fields)
