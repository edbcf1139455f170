"""Readers of what REST requests carry outside the body: labels, query parameters, headers."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson

from sagesse.wire.codec.malformed import Malformed, MalformedParameter
from sagesse.wire.codec.scalar import text_reader
from sagesse.wire.codec.shape import Reader, Shape
from sagesse.wire.message import WireRequest

Binder: TypeAlias = Callable[
    [WireRequest, Mapping[str, str], dict[str, Any]], None
]  # puts members into the dict
_MOST_FIELDS = 10_000
_DATES = frozenset(("If-Modified-Since", "If-Unmodified-Since"))
_WHOLE = frozenset(("integer", "long"))
_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')


def binders(shape: Shape, *, static_query: frozenset[str]) -> list[Binder]:
    """One binder for each location the members of `shape` use.

    Args:
        shape: the input structure.
        static_query: query parameters that are part of the operation's URI, so of no member.
    """
    found = [
        _labels(_located(shape, "uri")),
        _query(_located(shape, "querystring"), static_query),
        _headers(_located(shape, "header")),
        _prefixes(_located(shape, "headers")),
    ]
    return [binder for binder in found if binder is not None]


def _located(shape: Shape, location: str) -> list[tuple[str, str, Shape]]:
    return [
        (member.wire_name(name), name, member)
        for name, member in shape.members.items()
        if member.location == location
    ]


def _labels(members: list[tuple[str, str, Shape]]) -> Binder | None:
    if not members:
        return None
    table = [(wire, name, text_reader(member.kind)) for wire, name, member in members]

    def bind(request: WireRequest, labels: Mapping[str, str], result: dict[str, Any]) -> None:
        for wire, name, convert in table:
            text = labels.get(wire)
            if text is not None:
                result[name] = convert(text, name)

    return bind


def _query(members: list[tuple[str, str, Shape]], static_query: frozenset[str]) -> Binder | None:
    if not members:
        return None
    table = {wire: (name, _parameter(member, wire)) for wire, name, member in members if member.kind != "map"}
    catch_all = next((name for _, name, member in members if member.kind == "map"), None)

    def bind(request: WireRequest, labels: Mapping[str, str], result: dict[str, Any]) -> None:
        if not request.query:
            return
        rest: dict[str, str] = {}
        for key, texts in parse_parameters(request.query).items():
            entry = table.get(key)
            if entry is not None:
                result[entry[0]] = entry[1](texts, entry[0])
            elif key not in static_query and not key.lower().startswith("x-amz-"):
                rest[key] = texts[0]
        if catch_all is not None and rest:
            result[catch_all] = rest

    return bind


def parse_parameters(query: str) -> dict[str, list[str]]:
    """The values of each query parameter, in order."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Malformed("The query string is not valid") from None
    parameters: dict[str, list[str]] = {}
    for key, value in pairs:
        parameters.setdefault(key, []).append(value)
    return parameters


def _parameter(shape: Shape, wire: str) -> Reader:
    if shape.kind == "list":
        convert_item = _scalar(shape.item.kind, wire)
        return lambda texts, name: [convert_item(text, name) for text in texts]
    convert = _scalar(shape.kind, wire)
    return lambda texts, name: convert(texts[0], name)


def _headers(members: list[tuple[str, str, Shape]]) -> Binder | None:
    if not members:
        return None
    table = {wire.lower(): (name, _header(member, wire)) for wire, name, member in members}

    def bind(request: WireRequest, labels: Mapping[str, str], result: dict[str, Any]) -> None:
        headers = request.headers
        for wire in [name for name in headers if name in table]:  # a few of the many members there are
            name, convert = table[wire]
            result[name] = convert(headers[wire], name)

    return bind


def _header(shape: Shape, wire: str) -> Reader:
    if shape.traits.get("jsonvalue"):
        return _read_json_value
    if shape.kind == "list":
        convert = _scalar(shape.item.kind, wire)
        return lambda text, name: [convert(item, name) for item in _items(text)]
    convert = _scalar(shape.kind, wire)
    if wire in _DATES:
        return lambda text, name: _date_or_none(convert, text, name)
    return convert


def _date_or_none(convert: Reader, text: str, name: str) -> Any:
    """A date of a condition; one that is none is as good as no condition (RFC 9110, 13.1.3)."""
    try:
        return convert(text, name)
    except Malformed:
        return None


def _scalar(kind: str, wire: str) -> Reader:
    """The reader of a scalar that says which header or parameter is wrong."""
    convert = text_reader(kind)
    if kind in {"string", "character"}:
        return convert

    def read(text: str, name: str) -> Any:
        try:
            return convert(text, name)
        except Malformed as error:
            message = (
                f"Provided {wire} not an integer or within integer range" if kind in _WHOLE else str(error)
            )
            raise MalformedParameter(message, wire_name=wire, value=text) from None

    return read


def _items(text: str) -> list[str]:
    """The elements of a comma-separated header; those in double quotes may hold commas."""
    items: list[str] = []
    position = 0
    while position < len(text) and (match := _LIST_ITEM.match(text, position)):
        quoted, plain = match.groups()
        items.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip())
        position = match.end()
    return items


def _read_json_value(text: str, name: str) -> Any:
    try:
        return orjson.loads(base64.b64decode(text, validate=True))
    except ValueError:
        raise Malformed(f"The value at {name} is not base64 of JSON") from None


def _prefixes(members: list[tuple[str, str, Shape]]) -> Binder | None:
    if not members:
        return None
    table = [(wire.lower(), name) for wire, name, _ in members]

    def bind(request: WireRequest, labels: Mapping[str, str], result: dict[str, Any]) -> None:
        names = "\n".join(request.headers)
        for prefix, name in table:
            if prefix in names:
                found = {
                    key[len(prefix) :]: text
                    for key, text in request.headers.items()
                    if key.startswith(prefix)
                }
                if found:
                    result[name] = found

    return bind
