"""The input channels of a training job: from S3 to ``/opt/ml/input/data/<channel>``."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.services.sagemaker._error import refuse_unsupported
from sagesse.services.sagemaker._share import ALL, Share
from sagesse.services.sagemaker._transfer import (
    BadLocation,
    Location,
    download,
    list_keys,
    parse_location,
    read_object,
    relative_name,
)

_UNSUPPORTED = {
    "DataSource.FileSystemDataSource": "file-system sources are not built yet; use S3DataSource",
    "DataSource.DatasetSource": "hub datasets are not built yet; use S3DataSource",
    "ShuffleConfig": "shuffling of channels is not built yet",
}


class ChannelError(Exception):
    """A channel could not be fetched; the text is for FailureReason."""


def check_channel(channel: Mapping[str, Any], input_mode: str) -> None:
    """Refuse what a channel asks for and does not get.

    Raises:
        ServiceError: names the channel and the member.
    """
    refuse_unsupported(channel, _UNSUPPORTED)
    name = channel["ChannelName"]
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise validation_error(f"InputDataConfig: channel {name!r} needs DataSource.S3DataSource.")
    if channel.get("InputMode", input_mode) == "Pipe":
        raise validation_error(
            f"Sagesse does not support InputMode Pipe yet (channel {name!r}); allowed: File, FastFile."
        )
    if channel.get("CompressionType", "None") != "None":
        raise validation_error(
            f"Sagesse does not support CompressionType Gzip yet (channel {name!r}); allowed: None."
        )
    if channel.get("RecordWrapperType", "None") != "None":
        raise validation_error(
            f"Sagesse does not support RecordWrapperType yet (channel {name!r}); allowed: None."
        )
    if source["S3DataType"] not in {"S3Prefix", "ManifestFile"}:
        raise validation_error(
            f"Sagesse does not support S3DataType {source['S3DataType']} yet (channel {name!r}); "
            "allowed: S3Prefix, ManifestFile."
        )


def fetch_channel(ctx: Context, channel: Mapping[str, Any], folder: Path, *, share: Share = ALL) -> None:
    """Download a channel's objects into `folder`, those of the `share` if they are sharded; may be repeated.

    Raises:
        ChannelError: nothing there, or not allowed.
    """
    fetch_source(ctx, channel["DataSource"]["S3DataSource"], folder, share=share)


def fetch_source(ctx: Context, source: Mapping[str, Any], folder: Path, *, share: Share = ALL) -> None:
    """Download what `S3Uri` and `S3DataType` of a source name into `folder`; may be repeated.

    With `S3DataDistributionType` ShardedByS3Key only the `share` of it, which may be nothing.

    Raises:
        ChannelError: nothing there, or not allowed.
    """
    try:
        place = parse_location(source["S3Uri"])
        objects = (
            _from_manifest(ctx, place) if source["S3DataType"] == "ManifestFile" else _from_prefix(ctx, place)
        )
        first = next(objects, None)
        if first is not None:
            is_sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
            folder.mkdir(parents=True, exist_ok=True)
            for item, name in (share if is_sharded else ALL).take(chain([first], objects)):
                download(ctx, item, _inside(folder, name))
    except ServiceError as error:
        raise ChannelError(_explain(error, source["S3Uri"])) from error
    except (BadLocation, NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise ChannelError(f"ClientError: Data download failed: {error}") from error
    if first is None:
        raise ChannelError(
            f"ClientError: Data download failed:No S3 objects found under S3 URL {source['S3Uri']!r} given in input "
            f"data source. Please ensure that the bucket exists in the selected region ({ctx.region}), that objects "
            "exist under that S3 prefix, and that the execution role may list the bucket and get its objects."
        )


def _from_prefix(ctx: Context, place: Location) -> Iterator[tuple[Location, str]]:
    for key in list_keys(ctx, place):
        yield Location(place.bucket, key), relative_name(key, place.key)


def _from_manifest(ctx: Context, place: Location) -> Iterator[tuple[Location, str]]:
    """The objects of a manifest: a JSON array, first ``{"prefix": "s3://..."}``, then keys relative to it."""
    try:
        head, *names = orjson.loads(read_object(ctx, place))
        base = parse_location(head["prefix"])
    except (ValueError, TypeError, KeyError) as error:
        raise ChannelError(
            f"ClientError: Data download failed: {place.uri} is no manifest; a JSON array is expected that begins "
            'with {"prefix": "s3://bucket/prefix/"} and goes on with keys relative to it'
        ) from error
    for name in names:
        yield Location(base.bucket, base.key + str(name)), str(name)


def _inside(folder: Path, name: str) -> Path:
    """The file for an object, which may not leave the channel's folder whatever its key is."""
    target = Path(folder, *[part for part in name.split("/") if part not in {"", ".", ".."}])
    if target == folder:
        raise ChannelError(f"ClientError: Data download failed: the key {name!r} is no file name")
    return target


def _explain(error: ServiceError, uri: str) -> str:
    return f"ClientError: Data download failed:{error.code}: {error.message} (S3 URL {uri!r})"
