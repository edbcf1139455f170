"""Payloads in another S3: which one, whether it can be used, and what binds it to a store.

A store and the place of its payloads belong together for good, for the index alone says what the payloads are. So the
first start writes ``<prefix><store id>/store.json`` there and ``remote.json`` beside the index, and every other start
looks for both.
"""

import os
import secrets
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sagesse.core.error import ServiceError
from sagesse.core.folder import make_folder
from sagesse.engines.objects._blob import sync_folder
from sagesse.engines.objects.error import RemoteFailed

if TYPE_CHECKING:
    from sagesse.engines.objects._blob_store import BlobStore
    from sagesse.engines.objects._remote_bucket import RemoteBucket

_BINDING = "remote.json"
_ABOUT = "Payloads of a Sagesse object store, which only its index can name. Do not change or remove anything here."
_FIXES = {
    "NoSuchBucket": "Create the bucket there, or name another one with objects_bucket.",
    "AccessDenied": "Let the key get, put, delete and list objects there and abort uploads (docs/services/s3.md).",
    "": "Is it running, and are objects_url and the keys right?",
}


class RemotePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket of another S3 and how to get there. Without an access key botocore looks for one as it always does."""

    url: str
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = ""

    def __repr__(self) -> str:
        return f"bucket {self.bucket!r} at {self.url}"


class RemoteUnusable(Exception):  # noqa: N818 - reads as the fact it states
    """Payloads cannot be kept there; `fix` says what to do."""

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class _Binding(msgspec.Struct, frozen=True):
    """Where the payloads of a store are; the URL may change, as when the other S3 moves."""

    bucket: str
    prefix: str
    id: str

    @property
    def root(self) -> str:
        """What the names of the payloads begin with."""
        return f"{self.prefix}{self.id}/"

    @property
    def marker(self) -> str:
        """The object that says so there."""
        return f"{self.root}store.json"


def open_blobs(folder: Path, place: RemotePlace | None) -> "BlobStore | None":
    """Where the payloads of the store in `folder` are kept: in the place, or in files (None).

    Raises:
        RemoteUnusable: the place does not work, or the store's payloads are elsewhere.
    """
    bound = _bound_to(folder / _BINDING)
    _check_bound(folder, bound, place)
    if place is None:
        return None
    from sagesse.engines.objects._remote_blob import RemoteBlobs  # noqa: PLC0415 - needs botocore

    with _usable(place):
        bucket = _connect(place)
        probe_bucket(bucket, place.prefix)
        binding = bound or _bind(folder, bucket, place)
        _check_marker(place, bucket, binding)
    return RemoteBlobs(bucket, binding.root)


def try_place(place: RemotePlace) -> bool:
    """Write, read and delete there.

    Returns:
        Whether the bucket keeps versions, and so for ever what we delete.

    Raises:
        RemoteUnusable: it does not work.
    """
    with _usable(place), closing(_connect(place)) as bucket:
        probe_bucket(bucket, place.prefix)
        return bucket.has_versions()


def probe_bucket(bucket: "RemoteBucket", prefix: str) -> None:
    """Do once what a store does all the time.

    Raises:
        ServiceError: it failed.
    """
    key = f"{prefix}probe-{secrets.token_hex(8)}"
    bucket.put(key, b"probe")
    if b"".join(bucket.read(key, 1, 3, chunk_bytes=10)) != b"rob":
        raise RemoteFailed("it gives other bytes than it took", "", is_slow=False)
    list(bucket.keys(key))
    list(bucket.uploads(key))
    bucket.delete(key)


def _connect(place: RemotePlace) -> "RemoteBucket":
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]

    from sagesse.engines.objects._remote_bucket import RemoteBucket  # noqa: PLC0415 - needs botocore

    try:
        return RemoteBucket(place)
    except (BotoCoreError, ValueError) as error:
        raise RemoteFailed(str(error), "", is_slow=False) from error


@contextmanager
def _usable(place: RemotePlace) -> Generator[None]:
    try:
        yield
    except RemoteFailed as failure:
        fix = _FIXES.get(failure.cause, _FIXES[""])
        raise RemoteUnusable(f"payloads cannot be kept in {place!r}: {failure.reason}", fix=fix) from failure
    except ServiceError as error:
        text = f"payloads cannot be kept in {place!r}: it does not give a range of what it took"
        raise RemoteUnusable(text, fix="Choose another S3.") from error


def _bound_to(path: Path) -> _Binding | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Binding)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise RemoteUnusable(
            f"{path} is damaged: {error}", fix="Take it from a backup of the data directory."
        ) from error


def _check_bound(folder: Path, bound: _Binding | None, place: RemotePlace | None) -> None:
    """A store does not change places."""
    if bound is not None and (place is None or (place.bucket, place.prefix) != (bound.bucket, bound.prefix)):
        raise RemoteUnusable(
            f"the payloads of {folder} are in the bucket {bound.bucket!r} of another S3 under {bound.root!r}, "
            f"not {f'in {place!r} under {place.prefix!r}' if place else 'in files'}",
            fix=f"Set objects_url, objects_bucket={bound.bucket} and objects_prefix={bound.prefix}, or choose another "
            "data directory.",
        )
    if bound is None and place is not None and any((folder / "blobs").glob("*/*/*")):
        raise RemoteUnusable(
            f"the payloads of {folder} are in files there, not in {place!r}",
            fix="Choose a new data directory and copy the buckets with a client, or take objects_url away.",
        )


def _bind(folder: Path, bucket: "RemoteBucket", place: RemotePlace) -> _Binding:
    """Begin a store there. A crash in between leaves a marker that nobody looks for."""
    binding = _Binding(place.bucket, place.prefix, secrets.token_hex(8))
    bucket.put(binding.marker, msgspec.json.encode({"about": _ABOUT, "id": binding.id}))
    make_folder(folder)
    partial = folder / f"{_BINDING}.partial"
    with partial.open("wb") as file:
        file.write(msgspec.json.encode(binding))
        file.flush()
        os.fsync(file.fileno())
    partial.rename(folder / _BINDING)
    sync_folder(folder)
    return binding


def _check_marker(place: RemotePlace, bucket: "RemoteBucket", binding: _Binding) -> None:
    if binding.marker in bucket.keys(binding.marker):
        return
    raise RemoteUnusable(
        f"{place!r} has not the payloads of this store: there is no {binding.marker}",
        fix="Is objects_url the right one? The payloads must be where they were, or be copied there.",
    )
