"""Writers of JSON and CBOR bodies: what in a result must change before the encoder takes it."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

import cbor2

from sagesse.core.model import ServiceModel
from sagesse.wire.codec.scalar import timestamp_writer, write_blob
from sagesse.wire.codec.shape import Shape

Convert: TypeAlias = Callable[[Any], Any]


class TreeWriters:
    """Compiles shapes of one service to functions from a result to what the encoder takes."""

    def __init__(self, service: ServiceModel, *, is_binary: bool) -> None:
        self._service = service
        self._is_binary = is_binary
        self._structures: dict[str, Convert] = {}

    def converter(self, shape: Shape) -> Convert | None:
        """The converter of any shape, None when its values go as they are."""
        match shape.kind:
            case "structure":
                return self._structure(shape)
            case "list":
                return _list(self.converter(shape.item))
            case "map":
                return _map(self.converter(shape.value))
            case "timestamp":
                return self._timestamp(shape)
            case "blob":
                return None if self._is_binary else write_blob
            case "float" | "double":
                return None if self._is_binary else _number
            case _:
                return None

    def fields(self, members: Mapping[str, tuple[str, Shape]]) -> Convert:
        """The converter of a body made of `members`: wire name -> (member name, shape)."""
        table: dict[str, tuple[str, Convert | None]] = {}
        self._fill(table, members)
        return _structure(table)

    def _structure(self, shape: Shape) -> Convert | None:
        if shape.is_document:
            return None
        known = self._structures.get(shape.name)
        if known is None:
            table: dict[str, tuple[str, Convert | None]] = {}
            known = self._structures[shape.name] = _structure(table)
            self._fill(table, {m.wire_name(name): (name, m) for name, m in shape.members.items()})
        return known

    def _fill(
        self, table: dict[str, tuple[str, Convert | None]], members: Mapping[str, tuple[str, Shape]]
    ) -> None:
        for wire, (name, member) in members.items():
            table[name] = (wire, self.converter(member))

    def _timestamp(self, shape: Shape) -> Convert | None:
        if self._is_binary:
            return _tagged
        timestamp_format: str = shape.traits.get("timestampFormat", "unixtimestamp")
        return None if timestamp_format.lower() == "unixtimestamp" else timestamp_writer(timestamp_format)


def needs_walk(members: Mapping[str, tuple[str, Shape]]) -> bool:
    """Whether a JSON body made of `members` cannot be encoded from the result as it is."""
    if any(wire != name for wire, (name, _) in members.items()):
        return True
    return any(member.reaches(_is_special) for _, member in members.values())


def _is_special(shape: Shape) -> bool:
    match shape.kind:
        case "blob":
            return True
        case "timestamp":
            return shape.traits.get("timestampFormat", "unixtimestamp").lower() != "unixtimestamp"
        case "structure":
            renamed = any(member.wire_name(name) != name for name, member in shape.members.items())
            return shape.is_document or renamed
        case _:
            return False


def without_nulls(value: Any) -> Any:
    """A copy of `value` without members that are None, with non-finite numbers as AWS spells them."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: without_nulls(item) for key, item in entries.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [without_nulls(item) for item in cast("list[Any]", value)]
    return _number(value) if isinstance(value, float) else value


def _structure(table: Mapping[str, tuple[str, Convert | None]]) -> Convert:
    find = table.get

    def convert(value: Any) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, item in value.items():
            if item is not None and (entry := find(name)) is not None:
                wire, change = entry
                result[wire] = item if change is None else change(item)
        return result

    return convert


def _list(change: Convert | None) -> Convert | None:
    if change is None:
        return None
    return lambda value: [change(item) for item in value]


def _map(change: Convert | None) -> Convert | None:
    if change is None:
        return None
    return lambda value: {key: change(item) for key, item in value.items() if item is not None}


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _tagged(value: float) -> cbor2.CBORTag:
    return cbor2.CBORTag(1, value)
