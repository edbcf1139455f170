"""Writers of what REST replies carry outside the body: the status code and headers."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson

from sagesse.wire.codec.scalar import text_writer, timestamp_writer
from sagesse.wire.codec.shape import Shape

Headers: TypeAlias = list[tuple[str, str]]
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def header_writer(shape: Shape) -> Callable[[Mapping[str, Any], Headers], None]:
    """The function that adds the headers of a result (or of an error's fields) to a list."""
    plain = {
        name: (member.wire_name(name), _text(member))
        for name, member in shape.members.items()
        if member.location == "header"
    }
    prefixes = [
        (name, member.wire_name(name))
        for name, member in shape.members.items()
        if member.location == "headers"
    ]

    def add(result: Mapping[str, Any], headers: Headers) -> None:
        for name, value in result.items():  # a few of the many members there are
            known = plain.get(name)
            if known is not None and value is not None:
                headers.append((known[0], safe_header(known[1](value))))
        for name, prefix in prefixes:
            entries: Mapping[str, str] = result.get(name) or {}
            for key, value in entries.items():
                headers.append((safe_header(prefix + key), safe_header(value)))

    return add


def status_member(shape: Shape) -> str | None:
    """The member that is the HTTP status, if any."""
    return next((name for name, member in shape.members.items() if member.location == "statusCode"), None)


def safe_header(text: str) -> str:
    """`text` without control characters (no client may start a header of its own), Latin-1 or RFC 2047."""
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROL.sub(" ", text)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        packed = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
        return f"=?UTF-8?B?{packed}?="
    return text


def _text(shape: Shape) -> Callable[[Any], str]:
    if shape.traits.get("jsonvalue"):
        return lambda value: base64.b64encode(orjson.dumps(value)).decode("ascii")
    match shape.kind:
        case "timestamp":
            return timestamp_writer(shape.traits.get("timestampFormat", "rfc822"))
        case "list":
            item = _text(shape.item)
            return lambda value: ",".join([_quoted(item(part)) for part in value])
        case kind:
            return text_writer(kind)


def _quoted(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
