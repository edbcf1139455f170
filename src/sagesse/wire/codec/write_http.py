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
        name: (_header_name(member.wire_name(name)), _safe_text(member))
        for name, member in shape.members.items()
        if member.location == "header"
    }
    prefixes = [
        (name, member.wire_name(name))
        for name, member in shape.members.items()
        if member.location == "headers"
    ]

    def add(result: Mapping[str, Any], headers: Headers) -> None:
        headers += [
            (known[0], known[1](value))
            for name, value in result.items()  # a few of the many members there are
            if value is not None and (known := plain.get(name)) is not None
        ]
        for name, prefix in prefixes:
            entries: Mapping[str, str] | None = result.get(name)
            if entries:
                headers += [(safe_header(prefix + key), safe_header(value)) for key, value in entries.items()]

    return add


def _header_name(name: str) -> str:
    """The one that the server replaces has one spelling."""
    return "content-length" if name.lower() == "content-length" else name


def status_member(shape: Shape) -> str | None:
    """The member that is the HTTP status, if any."""
    return next((name for name, member in shape.members.items() if member.location == "statusCode"), None)


def safe_header(value: object) -> str:
    """Text without control characters (no client may start a header of its own), Latin-1 or RFC 2047."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROL.sub(" ", text)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        packed = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
        return f"=?UTF-8?B?{packed}?="
    return text


def _safe_text(shape: Shape) -> Callable[[Any], str]:
    """The writer of a header's value; only texts may hold what no header may."""
    write = _text(shape)
    match shape.kind:
        case "integer" | "long" | "float" | "double" | "boolean" | "timestamp" | "blob":
            return write
        case "string" | "character" if not shape.traits.get("jsonvalue"):
            return safe_header
        case _:
            return lambda value: safe_header(write(value))


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
