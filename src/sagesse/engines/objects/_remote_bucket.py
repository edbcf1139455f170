"""A bucket of another S3, through botocore; what it fails to do becomes an answer that our own clients understand.

Calls wait, so they are for threads. Every request is tried three times and waits 15 s at most, so an S3 that is
gone is noticed in about three seconds when it refuses connections, and in 45 s when it is silent.
"""

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.handlers import (  # pyright: ignore[reportMissingTypeStubs]
    add_expect_header,  # pyright: ignore[reportUnknownVariableType]
)
from botocore.session import Session  # pyright: ignore[reportMissingTypeStubs]
from urllib3.exceptions import HTTPError

from sagesse.engines.objects.error import RemoteFailed, bytes_missing
from sagesse.engines.objects.remote import RemotePlace

_TRIES = 3
_CONNECT_S, _ANSWER_S = 5, 15
_CONNECTIONS = 256
_SLOW = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"}
_MISSING = {"NoSuchKey", "InvalidRange"}
_EXPECTED = {"NoSuchKey", "NoSuchUpload", "404"}  # whoever asked knows what it means

_log = logging.getLogger(__name__)


class RemoteUpload(NamedTuple):
    """A multipart upload in progress there."""

    key: str
    id: str


class RemoteBucket:
    """The bucket of a place.

    Raises:
        BotoCoreError: the place cannot even be asked: a URL that is none, a profile that does not exist.
    """

    def __init__(self, place: RemotePlace) -> None:
        self.name = place.bucket
        self._client: Any = _client(place)

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._ask("put_object", Key=key, Body=data)

    def read(self, key: str, offset: int, size_bytes: int, *, chunk_bytes: int) -> Iterator[bytes]:
        """A slice of an object, in chunks of that size; goes on where a connection broke.

        Raises:
            ServiceError: InternalError when the object is gone or shorter.
        """
        position, end, tries = offset, offset + size_bytes, 0
        while position < end:
            begin = position
            try:
                for chunk in self._slice(key, position, end, chunk_bytes):
                    position += len(chunk)
                    yield chunk
            except (HTTPClientError, IncompleteReadError, HTTPError, OSError) as error:
                tries = 1 if position > begin else tries + 1
                if tries == _TRIES:
                    raise _failure("GetObject", error) from error

    def create_upload(self, key: str) -> str:
        """Begin a multipart upload."""
        return self._ask("create_multipart_upload", Key=key)["UploadId"]

    def upload_part(self, upload: RemoteUpload, number: int, data: bytes) -> str:
        """Store a part; its etag."""
        answer = self._ask("upload_part", Key=upload.key, UploadId=upload.id, PartNumber=number, Body=data)
        return answer["ETag"]

    def complete(self, upload: RemoteUpload, etags: Sequence[str]) -> None:
        """Make the object of its parts; also when an earlier try did and its answer was lost."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        try:
            self._ask(
                "complete_multipart_upload",
                Key=upload.key,
                UploadId=upload.id,
                MultipartUpload={"Parts": parts},
            )
        except RemoteFailed as failure:
            if failure.cause != "NoSuchUpload":
                raise
            self._ask("head_object", Key=upload.key)

    def abort(self, upload: RemoteUpload) -> None:
        """Give a multipart upload up; nothing happens when there is none."""
        try:
            self._ask("abort_multipart_upload", Key=upload.key, UploadId=upload.id)
        except RemoteFailed as failure:
            if failure.cause != "NoSuchUpload":
                raise

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""
        self._ask("delete_object", Key=key)

    def keys(self, prefix: str) -> Iterator[str]:
        """The objects below a prefix."""
        for page in self._pages("list_objects_v2", Prefix=prefix):
            for entry in page.get("Contents", ()):
                yield entry["Key"]

    def folders(self, prefix: str) -> Iterator[str]:
        """The next parts of the names below a prefix, without the slash that ends them."""
        for page in self._pages("list_objects_v2", Prefix=prefix, Delimiter="/"):
            for entry in page.get("CommonPrefixes", ()):
                yield entry["Prefix"][len(prefix) : -1]

    def uploads(self, prefix: str) -> Iterator[RemoteUpload]:
        """The multipart uploads in progress below a prefix."""
        for page in self._pages("list_multipart_uploads", Prefix=prefix):
            for entry in page.get("Uploads", ()):
                yield RemoteUpload(entry["Key"], entry["UploadId"])

    def has_versions(self) -> bool:
        """Whether what is deleted there stays as an older version; False when we may not know."""
        try:
            return "Status" in self._ask("get_bucket_versioning")
        except RemoteFailed:
            return False

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _slice(self, key: str, start: int, end: int, chunk_bytes: int) -> Iterator[bytes]:
        try:
            answer = self._ask("get_object", Key=key, Range=f"bytes={start}-{end - 1}")
        except RemoteFailed as failure:
            raise bytes_missing() if failure.cause in _MISSING else failure from failure
        if answer.get("ContentLength") != end - start:
            raise bytes_missing()
        with closing(answer["Body"]) as body:
            while chunk := body.read(chunk_bytes):
                yield chunk

    def _ask(self, operation: str, **members: Any) -> Any:
        with _translated(operation):
            return getattr(self._client, operation)(Bucket=self.name, **members)

    def _pages(self, operation: str, **members: Any) -> Iterator[Any]:
        pages = iter(self._client.get_paginator(operation).paginate(Bucket=self.name, **members))
        while True:
            with _translated(operation):
                page = next(pages, None)
            if page is None:
                return
            yield page


@contextmanager
def _translated(operation: str) -> Generator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise _failure(operation, error) from error


def _failure(operation: str, error: Exception) -> RemoteFailed:
    answer: dict[str, Any] = getattr(error, "response", None) or {}  # connection errors have one that is None
    cause = str(answer.get("Error", {}).get("Code", ""))
    failure = RemoteFailed(str(error), cause, is_slow=cause in _SLOW)
    if cause not in _EXPECTED:
        _log.warning("the S3 that keeps the payloads failed: %s: %s", operation, failure.reason)
    return failure


def _client(place: RemotePlace) -> Any:
    host = urlsplit(place.url).hostname or ""
    is_aws = host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    config = Config(
        signature_version="s3v4",
        connect_timeout=_CONNECT_S,
        read_timeout=_ANSWER_S,
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        s3={"addressing_style": "auto" if is_aws else "path"},
        # Older servers know no checksums in trailers; the signature covers the bytes.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="sagesse",
    )
    session: Any = Session()
    client = session.create_client(
        "s3",
        region_name=place.region,
        endpoint_url=place.url,
        aws_access_key_id=place.access_key_id or None,
        aws_secret_access_key=place.secret_access_key or None,
        config=config,
    )
    # Not to ask for leave before each payload saves a round trip, and a second where nobody answers.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client
