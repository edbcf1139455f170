"""Readers of JSON and CBOR bodies: trees whose scalars have types of their own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sagesse.core.model import ServiceModel
from sagesse.wire.codec.malformed import wrong_type
from sagesse.wire.codec.scalar import INTEGER_LIMIT, epoch, read_blob, read_timestamp
from sagesse.wire.codec.shape import Reader, Shape

_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
# Scalars whose value needs no look when it has this class; int needs one, for its range.
_EXACT: Mapping[str, type] = {
    "string": str,
    "character": str,
    "boolean": bool,
    "double": float,
    "float": float,
}


class TreeReaders:
    """Compiles shapes of one service to readers; a structure is compiled once, so shapes may be recursive."""

    def __init__(self, service: ServiceModel, *, is_binary: bool) -> None:
        self._service = service
        self._is_binary = is_binary
        self._structures: dict[str, Reader] = {}

    def reader(self, shape: Shape) -> Reader:
        """The reader of any shape."""
        match shape.kind:
            case "structure":
                return self._structure(shape)
            case "list":
                return _list(self.reader(shape.item), _EXACT.get(shape.item.kind))
            case "map":
                return _map(self.reader(shape.value), _EXACT.get(shape.value.kind))
            case "blob" if self._is_binary:
                return _read_bytes
            case kind:
                return _SCALARS[kind]

    def fields(self, members: Mapping[str, tuple[str, Shape]]) -> Reader:
        """The reader of a body made of `members`: wire name -> (member name, shape)."""
        table: dict[str, tuple[str, type | None, Reader]] = {}
        self._fill(table, members)
        return _structure(table)

    def _structure(self, shape: Shape) -> Reader:
        if shape.is_document:
            return _read_document
        known = self._structures.get(shape.name)
        if known is None:
            table: dict[str, tuple[str, type | None, Reader]] = {}
            known = self._structures[shape.name] = _structure(table)
            members = {member.wire_name(name): (name, member) for name, member in shape.members.items()}
            self._fill(table, members)
        return known

    def _fill(
        self, table: dict[str, tuple[str, type | None, Reader]], members: Mapping[str, tuple[str, Shape]]
    ) -> None:
        for wire, (name, member) in members.items():
            table[wire] = (name, _EXACT.get(member.kind), self.reader(member))


def _structure(table: Mapping[str, tuple[str, type | None, Reader]]) -> Reader:
    find = table.get

    def read(value: Any, name: str) -> dict[str, Any]:
        if value.__class__ is not dict:
            raise wrong_type(value, name, "a structure")
        result: dict[str, Any] = {}
        for key, item in value.items():
            entry = find(key)
            if entry is not None and item is not None:
                member, exact, convert = entry
                result[member] = item if item.__class__ is exact else convert(item, member)
        return result

    return read


def _list(convert: Reader, exact: type | None) -> Reader:
    def read(value: Any, name: str) -> list[Any]:
        if value.__class__ is not list:
            raise wrong_type(value, name, "a list")
        return [item if item.__class__ is exact else convert(item, name) for item in value]

    return read


def _map(convert: Reader, exact: type | None) -> Reader:
    def read(value: Any, name: str) -> dict[str, Any]:
        if value.__class__ is not dict:
            raise wrong_type(value, name, "a map")
        result: dict[str, Any] = {}
        for key, item in value.items():
            if key.__class__ is not str:  # CBOR has keys of any type
                raise wrong_type(key, name, "a String")
            if item is not None:
                result[key] = item if item.__class__ is exact else convert(item, name)
        return result

    return read


def _read_string(value: Any, name: str) -> str:
    if value.__class__ is not str:
        raise wrong_type(value, name, "a String")
    return value


def _read_integer(value: Any, name: str) -> int:
    if value.__class__ is float and value == value // 1 and abs(value) < INTEGER_LIMIT:
        return int(value)  # some clients know only one kind of number
    if value.__class__ is not int or not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        raise wrong_type(value, name, "an Integer")
    return value


def _read_float(value: Any, name: str) -> float:
    if value.__class__ is float:
        return value
    if value.__class__ is int and abs(value) < 1 << 1000:
        return float(value)
    if value.__class__ is str and value in _WORDS:
        return _WORDS[value]
    raise wrong_type(value, name, "a Double")


def _read_boolean(value: Any, name: str) -> bool:
    if value.__class__ is not bool:
        raise wrong_type(value, name, "a Boolean")
    return value


def _read_base64(value: Any, name: str) -> bytes:
    if value.__class__ is not str:
        raise wrong_type(value, name, "a Blob")
    return read_blob(value, name)


def _read_bytes(value: Any, name: str) -> bytes:
    if value.__class__ is not bytes:
        raise wrong_type(value, name, "a Blob")
    return value


def _read_timestamp(value: Any, name: str) -> float:
    if value.__class__ is float or (value.__class__ is int and abs(value) < INTEGER_LIMIT):
        return epoch(value, name)
    if value.__class__ is str:
        return read_timestamp(value, name)
    if isinstance(value, datetime) and value.tzinfo is not None:  # CBOR tag 1, decoded by cbor2
        return value.timestamp()
    raise wrong_type(value, name, "a Timestamp")


def _read_document(value: Any, name: str) -> Any:
    return value


_SCALARS: Mapping[str, Reader] = {
    "string": _read_string,
    "character": _read_string,
    "integer": _read_integer,
    "long": _read_integer,
    "float": _read_float,
    "double": _read_float,
    "boolean": _read_boolean,
    "blob": _read_base64,
    "timestamp": _read_timestamp,
}
