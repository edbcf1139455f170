"""The slice of an object that a request asks for."""

import re
from typing import Any, NamedTuple

from sagesse.core.error import ServiceError
from sagesse.core.service import Params
from sagesse.engines.objects.base import ObjectInfo
from sagesse.engines.objects.error import invalid_request
from sagesse.services.s3._error import invalid_argument

MAX_PARTS = 10_000
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class Slice(NamedTuple):
    """A run of an object's bytes; `is_partial` when the answer is 206."""

    offset: int
    size_bytes: int
    is_partial: bool

    def content_range(self, total: int) -> str:
        """The Content-Range header."""
        return f"bytes {self.offset}-{self.offset + self.size_bytes - 1}/{total}"


def requested_slice(req: Params, info: ObjectInfo) -> Slice:
    """What `Range` or `PartNumber` names; the whole object without, or for a range that is none (RFC 9110, 14.2).

    Raises:
        ServiceError: InvalidRange, InvalidPartNumber.
    """
    header, number = req.get("Range"), req.get("PartNumber")
    if number is not None:
        if header is not None:
            raise invalid_request("Cannot specify both Range header and partNumber query parameter")
        return _part(int(number), info)
    found = _RANGE.fullmatch(str(header).strip()) if header is not None else None
    if found is None or found.groups() == ("", ""):
        return Slice(0, info.size_bytes, is_partial=False)
    return _slice(str(header), *found.groups(), total=info.size_bytes)


def source_slice(header: Any, info: ObjectInfo) -> Slice:
    """The slice of a copy's source; both ends are required.

    Raises:
        ServiceError: InvalidArgument.
    """
    if header is None:
        return Slice(0, info.size_bytes, is_partial=False)
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", str(header), re.ASCII)
    name = "x-amz-copy-source-range"
    if found is None:
        raise invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            name,
            header,
        )
    first, last = int(found[1]), int(found[2])
    if first > last or last >= info.size_bytes:
        raise invalid_argument(
            f"Range specified is not valid for source object of size: {info.size_bytes}", name, header
        )
    return Slice(first, last - first + 1, is_partial=True)


def _slice(header: str, first: str, last: str, *, total: int) -> Slice:
    if not first:
        size = min(int(last), total)
        offset = total - size
    else:
        offset = int(first)
        end = min(int(last), total - 1) if last else total - 1
        if last and int(last) < offset:
            return Slice(0, total, is_partial=False)
        size = end - offset + 1
    if size <= 0:
        raise ServiceError(
            "InvalidRange",
            "The requested range is not satisfiable",
            status=416,
            fields={"RangeRequested": header, "ActualObjectSize": total},
        )
    return Slice(offset, size, is_partial=True)


def _part(number: int, info: ObjectInfo) -> Slice:
    if not 1 <= number <= MAX_PARTS:
        raise invalid_argument(
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive", "partNumber", number
        )
    sizes = [part.size_bytes for part in info.parts] or [info.size_bytes]
    if number > len(sizes):
        raise ServiceError(
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
            status=416,
            fields={"PartNumberRequested": number, "ActualPartCount": len(sizes)},
        )
    size = sizes[number - 1]
    return Slice(sum(sizes[: number - 1]), size, is_partial=size > 0)
