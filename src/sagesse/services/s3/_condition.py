"""Conditional requests: what the headers ask, and whether it holds."""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from sagesse.core.error import ServiceError
from sagesse.core.service import Params
from sagesse.engines.objects.base import Condition, ObjectEntry
from sagesse.engines.objects.error import precondition_failed
from sagesse.services.s3._error import not_implemented

_READ = frozenset({"IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince"})


def write_condition(req: Params) -> Condition:
    """The condition of a write.

    Raises:
        ServiceError: If-None-Match with an etag, which S3 does not do for writes.
    """
    none_match = req.get("IfNoneMatch")
    if none_match is not None and none_match != "*":
        raise not_implemented("If-None-Match", none_match)
    match = req.get("IfMatch")
    return Condition(if_match=None if match is None else bare(str(match)), if_none_match=none_match)


def check_read(req: Params, entry: ObjectEntry) -> None:
    """Answer 412 or 304 instead of the object where the conditions of a GET or HEAD say so (RFC 9110, 13.2.2).

    Raises:
        ServiceError: PreconditionFailed or NotModified.
    """
    if _READ.isdisjoint(req):
        return
    failed = _failed(req, entry, "")
    if failed in {"If-Match", "If-Unmodified-Since"}:
        raise precondition_failed(failed)
    if failed:
        shown = {"ETag": f'"{entry.etag}"', "Last-Modified": formatdate(entry.modified, usegmt=True)}
        raise ServiceError("NotModified", "Not Modified", status=304, headers=shown)


def check_source(req: Params, entry: ObjectEntry) -> None:
    """Refuse a copy whose conditions on the source do not hold.

    Raises:
        ServiceError: PreconditionFailed.
    """
    if failed := _failed(req, entry, "CopySource"):
        raise precondition_failed(f"x-amz-copy-source-{failed}")


def bare(etag: str) -> str:
    """An etag without quotes."""
    return etag.strip().removeprefix("W/").strip('"')


def _failed(req: Mapping[str, Any], entry: ObjectEntry, prefix: str) -> str:
    """The first condition that does not hold, as its header is called; times count in whole seconds."""
    match, none_match = req.get(f"{prefix}IfMatch"), req.get(f"{prefix}IfNoneMatch")
    since, unmodified = req.get(f"{prefix}IfModifiedSince"), req.get(f"{prefix}IfUnmodifiedSince")
    modified = int(entry.modified)
    if match is not None:
        if not _matches(str(match), entry.etag):
            return "If-Match"
    elif unmodified is not None and modified > int(unmodified):
        return "If-Unmodified-Since"
    if none_match is not None:
        return "If-None-Match" if _matches(str(none_match), entry.etag) else ""
    return "If-Modified-Since" if since is not None and modified <= int(since) else ""


def _matches(header: str, etag: str) -> bool:
    return any(bare(candidate) in {"*", etag} for candidate in header.split(","))
