"""Readers of form bodies: ``Tags.member.1.Key=a`` becomes a tree of texts, the tree becomes values."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from sagesse.core.model import ServiceModel
from sagesse.wire.codec.malformed import Malformed
from sagesse.wire.codec.scalar import text_reader
from sagesse.wire.codec.shape import Reader, Shape

_MOST_FIELDS = 100_000
_MOST_LEVELS = 64
_MOST_DIGITS = 9


class QueryReaders:
    """Compiles shapes of one service to readers of form trees."""

    def __init__(self, service: ServiceModel) -> None:
        self._service = service
        self._structures: dict[str, Reader] = {}

    def reader(self, shape: Shape) -> Reader:
        """The reader of any shape."""
        match shape.kind:
            case "structure":
                return self._structure(shape)
            case "list":
                return _list(
                    self.reader(shape.item), None if shape.is_flat else shape.item.wire_name("member")
                )
            case "map":
                names = (shape.key.wire_name("key"), shape.value.wire_name("value"))
                return _map(self.reader(shape.key), self.reader(shape.value), names, is_flat=shape.is_flat)
            case kind:
                return _scalar(text_reader(kind))

    def fields(self, members: Mapping[str, tuple[str, Shape]]) -> Reader:
        """The reader of a body made of `members`: wire name -> (member name, shape)."""
        table: dict[str, tuple[str, Reader]] = {}
        self._fill(table, members)
        return _structure(table)

    def _structure(self, shape: Shape) -> Reader:
        known = self._structures.get(shape.name)
        if known is None:
            table: dict[str, tuple[str, Reader]] = {}
            known = self._structures[shape.name] = _structure(table)
            self._fill(table, {m.wire_name(name): (name, m) for name, m in shape.members.items()})
        return known

    def _fill(self, table: dict[str, tuple[str, Reader]], members: Mapping[str, tuple[str, Shape]]) -> None:
        for wire, (name, member) in members.items():
            entry = (name, self.reader(member))
            table[wire] = entry
            if member.kind == "list" and member.is_flat:  # a flat list goes by the name of its elements
                table.setdefault(member.item.wire_name(wire), entry)


def parse_form(text: str) -> dict[str, Any]:
    """The fields of a form as a tree, one level for each dot of their names."""
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Malformed("The request body is not a valid form") from None
    tree: dict[str, Any] = {}
    for key, value in fields:
        *parents, leaf = key.split(".")
        if len(parents) > _MOST_LEVELS:
            raise Malformed(f"The parameter {key[:100]}... is nested too deeply")
        node: dict[str, Any] = tree
        for part in parents:
            if node.get(part).__class__ is not dict:  # an empty text may precede the parts of the same member
                node[part] = {}
            node = node[part]
        node.setdefault(leaf, value)
    return tree


def _structure(table: Mapping[str, tuple[str, Reader]]) -> Reader:
    find = table.get

    def read(node: Any, name: str) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in _branches(node, name).items():
            entry = find(key)
            if entry is not None:
                result[entry[0]] = entry[1](item, entry[0])
        return result

    return read


def _list(convert: Reader, item_name: str | None) -> Reader:
    def read(node: Any, name: str) -> list[Any]:
        branches = _branches(node, name)
        if item_name is not None:  # tolerate the flat form, and "member" for a renamed element
            branches = branches.get(item_name, branches.get("member", branches))
        return [convert(item, name) for item in _numbered(branches, name)]

    return read


def _map(read_key: Reader, read_value: Reader, names: tuple[str, str], *, is_flat: bool) -> Reader:
    def read(node: Any, name: str) -> dict[str, Any]:
        branches = _branches(node, name)
        result: dict[str, Any] = {}
        for entry in _numbered(branches if is_flat else branches.get("entry", branches), name):
            pair = _branches(entry, name)
            if names[0] not in pair:
                raise Malformed(f"An entry of {name} has no {names[0]}")
            result[read_key(pair[names[0]], name)] = read_value(pair.get(names[1], ""), name)
        return result

    return read


def _scalar(convert: Reader) -> Reader:
    def read(node: Any, name: str) -> Any:
        if node.__class__ is not str:
            raise Malformed(f"{name} has parts where a single value is expected")
        return convert(node, name)

    return read


def _branches(node: Any, name: str) -> dict[str, Any]:
    """The parts of `node`; an empty text stands for none."""
    if node.__class__ is dict:
        return node
    if node == "":
        return {}
    raise Malformed(f"'{node[:100]}' at {name} is a single value where parts are expected")


def _numbered(node: Any, name: str) -> list[Any]:
    """The parts of `node` in the order of their numbers."""
    branches = _branches(node, name)
    if not all(key.isascii() and key.isdigit() and len(key) <= _MOST_DIGITS for key in branches):
        raise Malformed(f"The elements of {name} are not numbered")
    return [branches[key] for key in sorted(branches, key=int)]
