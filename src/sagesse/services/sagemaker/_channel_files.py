"""A channel as files: the objects of a source in a folder, linked where this machine has their bytes already.

A link shares its bytes with S3 or with the cache, so nothing may write to these files: a job sees them read-only, or
under a layer of its own that takes its changes (`runtime.sandbox`).
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sagesse.core.body import FileSlice, Payload
from sagesse.core.call import Context
from sagesse.engines.channel_cache import ChannelCache, Content, TornContent
from sagesse.engines.objects.base import ALGORITHMS
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._transfer import Location, ask, save, write_payload


def lay_files(
    ctx: Context, objects: Iterable[tuple[Location, str]], folder: Path, cache: ChannelCache | None
) -> None:
    """Put each object below `folder` under its name; may be repeated.

    Args:
        cache: None makes files that share nothing and may be written to.

    Raises:
        ChannelError: a name is no file name.
        ServiceError: what S3 answered.
        OSError: two names cannot be in one folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for place, name in objects:
        target = _inside(folder, name)
        answer = _get(ctx, place)
        if cache is None or _needs_own_file(answer, cache):
            save(answer["Body"], target)
        elif not _link(answer, target, cache):
            save(_get(ctx, place)["Body"], target)  # the first body may have been read in vain


def _get(ctx: Context, place: Location) -> Mapping[str, Any]:
    return ask(ctx, "GetObject", {"Bucket": place.bucket, "Key": place.key, "ChecksumMode": "ENABLED"})


def _needs_own_file(answer: Mapping[str, Any], cache: ChannelCache) -> bool:
    """Whether linking is not worth it (a few bytes), or would keep open what S3 keeps encrypted."""
    body: Payload = answer["Body"]
    if isinstance(body, bytes):
        return True
    is_ready = isinstance(body, FileSlice) and _is_whole_file(body)
    return not is_ready and ("ServerSideEncryption" in answer or not cache.takes(_content(answer)))


def _link(answer: Mapping[str, Any], target: Path, cache: ChannelCache) -> bool:
    """Make `target` a link to the object's file or to its entry in the cache; False: that cannot be."""
    body: Payload = answer["Body"]
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if isinstance(body, FileSlice) and _is_whole_file(body):
            target.unlink(missing_ok=True)
            os.link(body.path, target)
        else:
            cache.link(_content(answer), target, lambda file: write_payload(body, file))
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise
    except (TornContent, OSError):  # another file system, or a file with as many links as it can have
        return False
    return True


def _is_whole_file(piece: FileSlice) -> bool:
    return piece.offset == 0 and piece.path.stat().st_size == piece.size_bytes


def _content(answer: Mapping[str, Any]) -> Content:
    names = ALGORITHMS if answer.get("ChecksumType") == "FULL_OBJECT" else ()
    checksums = {name: answer[f"Checksum{name}"] for name in names if f"Checksum{name}" in answer}
    return Content(str(answer["ETag"]).strip('"'), int(answer["ContentLength"]), checksums)


def _inside(folder: Path, name: str) -> Path:
    """The file for an object, which may not leave the channel's folder whatever its key is."""
    target = Path(folder, *[part for part in name.split("/") if part not in {"", ".", ".."}])
    if target == folder:
        raise ChannelError(f"ClientError: Data download failed: the key {name!r} is no file name")
    return target
