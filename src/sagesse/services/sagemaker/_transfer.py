"""Objects to files and back, through the S3 API as the job's execution role."""

import asyncio
import io
import os
import stat
import tarfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from sagesse.core.body import FileSlice, FileUpload, Payload, Stream, read_slice
from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.services.sagemaker._output_key import sealed_under

_FAULT, _NOT_BUILT = 500, 501
_FEW, _SMALL_BYTES = 8, 64 * 1024


class Location(NamedTuple):
    """A place in S3; `key` may be a prefix or empty."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The place as ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"


class BadLocation(Exception):  # noqa: N818 - reads as the fact it states
    """The text is no ``s3://bucket/key``."""


class StorageUnavailable(Exception):  # noqa: N818
    """S3 failed for now (5xx): not the job's fault, so the step is tried again."""


def ask(ctx: Context, operation: str, params: dict[str, Any]) -> Mapping[str, Any]:
    """Call S3.

    Raises:
        ServiceError: what S3 answered.
        StorageUnavailable: it failed for now.
    """
    with _told_apart():
        return ctx.call("s3", operation, params)


@contextmanager
def _told_apart() -> Generator[None]:
    """Tell what S3 could not do now from what it refused."""
    try:
        yield
    except ServiceError as error:
        if (error.status or 400) >= _FAULT and error.status != _NOT_BUILT:
            raise StorageUnavailable(str(error)) from error
        raise


def parse_location(uri: str) -> Location:
    """The bucket and key of an S3 URI.

    Raises:
        BadLocation: it is none.
    """
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise BadLocation(f"{uri!r} is no S3 URI; allowed: s3://bucket/key")
    return Location(bucket, key)


def list_keys(ctx: Context, place: Location) -> Iterator[str]:
    """The keys that begin with the place's key, in order; folder markers (``a/``) are left out.

    Raises:
        ServiceError: what S3 answered.
    """
    params: dict[str, Any] = {"Bucket": place.bucket, "Prefix": place.key}
    while True:
        page = ask(ctx, "ListObjectsV2", params)
        yield from (entry["Key"] for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))
        if not page.get("IsTruncated"):
            return
        params = {**params, "ContinuationToken": page["NextContinuationToken"]}


def relative_name(key: str, prefix: str) -> str:
    """Where an object of a prefix lands: its key after the prefix's last folder, its own name for the object itself."""
    if key == prefix:
        return key.rsplit("/", 1)[-1]
    if prefix.endswith("/") or not prefix:
        return key[len(prefix) :]
    rest = key[len(prefix) :]
    return rest[1:] if rest.startswith("/") else key[prefix.rfind("/") + 1 :]


def download(ctx: Context, place: Location, target: Path) -> None:
    """Fetch one object into a file; the file appears whole or not at all.

    Raises:
        ServiceError: what S3 answered.
    """
    save(ask(ctx, "GetObject", {"Bucket": place.bucket, "Key": place.key})["Body"], target)


def save(body: Payload, target: Path) -> None:
    """Write a payload into a file of its own; the file appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as file:
        write_payload(body, file)
    os.replace(partial, target)


def read_object(ctx: Context, place: Location) -> bytes:
    """A small object's bytes.

    Raises:
        ServiceError: what S3 answered.
    """
    content = io.BytesIO()
    write_payload(ask(ctx, "GetObject", {"Bucket": place.bucket, "Key": place.key})["Body"], content)
    return content.getvalue()


def upload(ctx: Context, source: Path | bytes, place: Location, *, kms_key: str = "") -> None:
    """Store a file, or a content, as an object, under a KMS key if one is given.

    Raises:
        ServiceError: what S3 answered.
    """
    target = {"Bucket": place.bucket, "Key": place.key, **sealed_under(kms_key)}
    body = source if isinstance(source, bytes) else FileUpload(source)
    ask(ctx, "PutObject", {**target, "Body": body})


def remove(ctx: Context, place: Location) -> None:
    """Delete an object; nothing happens when there is none.

    Raises:
        ServiceError: what S3 answered.
    """
    ask(ctx, "DeleteObject", {"Bucket": place.bucket, "Key": place.key})


def entries(folder: Path) -> list[Path]:
    """What is in a folder that a job may have removed, or made a link: nothing then."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(folder).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(folder.iterdir()) if is_folder else []


def are_little(paths: Sequence[Path]) -> bool:
    """Whether they are a few small files, which are stored in a moment."""
    return len(paths) <= _FEW and all(_is_small(path) for path in paths)


def pack(folder: Path, archive: Path) -> None:
    """Write the folder's content as a tar.gz, names relative to the folder; owner and group are dropped."""
    partial = archive.with_name(archive.name + ".partial")
    with partial.open("wb") as file:
        _pack(entries(folder), file)
    os.replace(partial, archive)


def packed(paths: Sequence[Path]) -> bytes:
    """As `pack`, for what is in a folder and is little."""
    return _packed(paths) if paths else _empty()


@cache
def _empty() -> bytes:
    return _packed(())


def _packed(paths: Sequence[Path]) -> bytes:
    content = io.BytesIO()
    _pack(paths, content)
    return content.getvalue()


def _pack(paths: Sequence[Path], file: BinaryIO) -> None:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        for path in paths:
            tar.add(path, arcname=path.name, filter=plain)


def _is_small(path: Path) -> bool:
    try:
        facts = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_size <= _SMALL_BYTES


def write_payload(body: Payload, file: BinaryIO) -> None:
    """Append a payload to a file.

    Raises:
        StorageUnavailable: it stopped in the middle.
    """
    match body:
        case bytes():
            file.write(body)
        case FileSlice():
            for chunk in read_slice(body):
                file.write(chunk)
        case Stream():
            with _told_apart():
                asyncio.run(_write_stream(body, file))


async def _write_stream(body: Stream, file: BinaryIO) -> None:
    async for chunk in body.chunks:
        file.write(chunk)
