"""Bringing a channel's data to a job: files in a folder, or the list from which its pipes are filled."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.engines.channel_cache import ChannelCache
from sagesse.runtime.feed_list import Entry, write_entries
from sagesse.services.sagemaker._channel import FEED_LIST, seed_of, share_of
from sagesse.services.sagemaker._channel_files import lay_files
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._manifest import BadManifest, read_augmented
from sagesse.services.sagemaker._share import ALL, Share
from sagesse.services.sagemaker._source import bad_manifest, nothing_there, source_objects
from sagesse.services.sagemaker._transfer import BadLocation, Location, parse_location, read_object


def fetch_channel(
    ctx: Context,
    channel: Mapping[str, Any],
    folder: Path,
    *,
    mode: str,
    cache: ChannelCache | None,
    share: Share = ALL,
) -> None:
    """Lay out a channel's S3 data in `folder`; may be repeated.

    Args:
        ctx: acts as the job's role.
        mode: the channel's InputMode; Pipe writes what to send instead of files.
        cache: None makes files that may be written to.
        share: the host's, for a channel that is ShardedByS3Key.

    Raises:
        ChannelError: nothing there, or not allowed.
    """
    source = channel["DataSource"]["S3DataSource"]
    share, seed = share_of(channel, share), seed_of(channel)
    try:
        if mode == "Pipe":
            entries = _entries(ctx, source)
            given = entries if seed is not None else share.take(entries)
            folder.mkdir(parents=True, exist_ok=True)
            write_entries(folder / FEED_LIST, given)
            return
        objects = list(source_objects(ctx, source))
        if seed is not None:
            Random(seed).shuffle(objects)
        lay_files(ctx, share.take(objects), folder, cache)
    except ServiceError as error:
        raise _refused(error, source["S3Uri"]) from error
    except (BadLocation, OSError) as error:
        raise ChannelError(f"ClientError: Data download failed: {error}") from error


def fetch_source(
    ctx: Context,
    source: Mapping[str, Any],
    folder: Path,
    *,
    cache: ChannelCache | None,
    share: Share = ALL,
) -> None:
    """Put the objects that a processing input names into `folder`; may be repeated.

    Args:
        cache: None makes files that may be written to.
        share: the host's, for a source that is ShardedByS3Key.

    Raises:
        ChannelError: nothing there, or not allowed.
    """
    is_sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
    try:
        objects = source_objects(ctx, source)
        lay_files(ctx, share.take(objects) if is_sharded else objects, folder, cache)
    except ServiceError as error:
        raise _refused(error, source["S3Uri"]) from error
    except (BadLocation, OSError) as error:
        raise ChannelError(f"ClientError: Data download failed: {error}") from error


def _entries(ctx: Context, source: Mapping[str, Any]) -> Sequence[Entry]:
    uri: str = source["S3Uri"]
    if source["S3DataType"] != "AugmentedManifestFile":
        return [[_piece(place)] for place, _ in source_objects(ctx, source)]
    lines = io.BytesIO(read_object(ctx, parse_location(uri)))
    try:
        entries = list(read_augmented(lines, source["AttributeNames"]))
    except BadManifest as error:
        raise bad_manifest(uri, error) from error
    if not entries:
        raise nothing_there(ctx, uri)
    return entries


def _piece(place: Location) -> tuple[str, str]:
    return (place.bucket, place.key)


def _refused(error: ServiceError, uri: str) -> ChannelError:
    return ChannelError(f"ClientError: Data download failed:{error.code}: {error.message} (S3 URL {uri!r})")
