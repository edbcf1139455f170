"""The files that name a channel's data: manifests and augmented manifests."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, cast

from sagesse.runtime.feed_list import Entry, Piece
from sagesse.services.sagemaker._transfer import BadLocation, Location, parse_location

_REFERENCE = "-ref"  # an attribute of that ending names an object


class BadManifest(Exception):  # noqa: N818 - reads as the fact it states
    """The file is no manifest; the text says why."""


def read_manifest(content: bytes) -> list[tuple[Location, str]]:
    """The objects of a manifest, and each one's name relative to the prefix, in order and as often as they are named.

    A manifest is a JSON array: first ``{"prefix": "s3://..."}``, then keys relative to it.

    Raises:
        BadManifest: it is none.
    """
    try:
        parts: Any = _parsed(content)
    except ValueError as error:
        raise BadManifest(f"it is no JSON: {error}") from error
    if not isinstance(parts, list) or not parts:
        raise BadManifest('a JSON array is expected that begins with {"prefix": "s3://bucket/prefix/"}')
    head, *names = cast("list[Any]", parts)
    base = _base(head)
    return [(Location(base.bucket, base.key + name), name) for name in map(_name, names)]


def _base(head: Any) -> Location:
    prefix: Any = cast("dict[str, Any]", head).get("prefix") if isinstance(head, dict) else None
    if not isinstance(prefix, str):
        raise BadManifest('its first element must be {"prefix": "s3://bucket/prefix/"}')
    try:
        return parse_location(prefix)
    except BadLocation as error:
        raise BadManifest(f"its prefix is none: {error}") from error


def _name(element: Any) -> str:
    if isinstance(element, str) and element:
        return element
    if isinstance(element, dict) and "prefix" in element:
        raise BadManifest(
            "it has several prefixes; all its objects must be below the one in its first element"
        )
    raise BadManifest(f"{element!r} is no key relative to its prefix")


def read_augmented(lines: Iterator[bytes], names: Sequence[str]) -> Iterator[Entry]:
    """The attributes `names` of each line of an augmented manifest (JSON Lines), in the order of `names`.

    An attribute whose name ends in ``-ref`` is the object it names; of any other, a text is taken as it is and
    everything else as compact JSON. Empty lines are skipped.

    Raises:
        BadManifest: says in which line what is wrong.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found: Any = _parsed(line)
        except ValueError as error:
            raise BadManifest(f"line {number} is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise BadManifest(f"line {number} is no JSON object")
        yield [_piece(cast("dict[str, Any]", found), name, number) for name in names]


def _parsed(content: bytes) -> Any:
    """JSON with numbers of any size kept exactly.

    Raises:
        ValueError: it is none, or nested too deeply; NaN and Infinity are none either.
    """
    try:
        return json.loads(content, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _piece(attributes: dict[str, Any], name: str, number: int) -> Piece:
    if name not in attributes:
        raise BadManifest(f"line {number} has no attribute {name!r}, which AttributeNames asks for")
    value = attributes[name]
    if not name.endswith(_REFERENCE):
        return _text(value)
    try:
        place = parse_location(_text(value))
    except BadLocation as error:
        raise BadManifest(f"line {number}: attribute {name!r}: {error}") from error
    if not place.key:
        raise BadManifest(f"line {number}: attribute {name!r} names a bucket and no object")
    return (place.bucket, place.key)
