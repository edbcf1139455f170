"""Readers of XML bodies."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree

from sagesse.core.model import ServiceModel
from sagesse.wire.codec.malformed import Malformed
from sagesse.wire.codec.scalar import text_reader
from sagesse.wire.codec.shape import Reader, Shape

_MOST_PARTS = (
    500_000  # tags and attributes; 10,000 parts of an upload with all their checksums have half of it
)
_NOT_WELL_FORMED = "The XML you provided was not well-formed or did not validate against our published schema"


class _Entry(NamedTuple):
    member: str
    convert: Reader  # of one element
    flat: type | None  # list or dict when elements of this name repeat


class XmlReaders:
    """Compiles shapes of one service to readers of elements."""

    def __init__(self, service: ServiceModel) -> None:
        self._service = service
        self._structures: dict[str, Reader] = {}

    def reader(self, shape: Shape) -> Reader:
        """The reader of any shape, from the element that holds it."""
        match shape.kind:
            case "structure":
                return self._structure(shape)
            case "list":
                return _list(self.reader(shape.item))
            case "map":
                return _map(self._pair(shape))
            case kind:
                return _scalar(text_reader(kind))

    def fields(self, members: Mapping[str, tuple[str, Shape]]) -> Reader:
        """The reader of a body made of `members`: wire name -> (member name, shape)."""
        table: dict[str, _Entry] = {}
        attributes: dict[str, str] = {}
        self._fill(table, attributes, members)
        return _structure(table, attributes)

    def _structure(self, shape: Shape) -> Reader:
        known = self._structures.get(shape.name)
        if known is None:
            table: dict[str, _Entry] = {}
            attributes: dict[str, str] = {}
            known = self._structures[shape.name] = _structure(table, attributes)
            members = {m.wire_name(name): (name, m) for name, m in shape.members.items()}
            self._fill(table, attributes, members)
        return known

    def _fill(
        self, table: dict[str, _Entry], attributes: dict[str, str], members: Mapping[str, tuple[str, Shape]]
    ) -> None:
        for wire, (name, member) in members.items():
            if member.traits.get("xmlAttribute"):
                attributes[wire.rpartition(":")[2]] = name
            elif member.kind == "list" and member.is_flat:
                entry = _Entry(name, self.reader(member.item), list)
                table[wire] = entry
                table.setdefault(member.item.wire_name(wire), entry)
            elif member.kind == "map" and member.is_flat:
                table[wire] = _Entry(name, self._pair(member), dict)
            else:
                table[wire] = _Entry(name, self.reader(member), None)

    def _pair(self, shape: Shape) -> Reader:
        names = (shape.key.wire_name("key"), shape.value.wire_name("value"))
        return _pair(self.reader(shape.key), self.reader(shape.value), names)


def parse_xml(body: bytes, *, root: str | None = None) -> ElementTree.Element:
    """The root of a UTF-8 document without a DTD (whose entities could expand without bound), an element `root`."""
    if b"\0" in body or b"<!DOCTYPE" in body or body.count(b"<") + body.count(b"=") > _MOST_PARTS:
        raise Malformed(_NOT_WELL_FORMED)
    parser = ElementTree.XMLParser(encoding="utf-8")
    try:
        parser.feed(body)
        found = parser.close()
    except (ElementTree.ParseError, ValueError):
        raise Malformed(_NOT_WELL_FORMED) from None
    if root is not None and local_name(found.tag) != root:
        raise Malformed(_NOT_WELL_FORMED)
    return found


def local_name(tag: str) -> str:
    """`tag` without its namespace."""
    return tag.rpartition("}")[2]


def _structure(table: Mapping[str, _Entry], attributes: Mapping[str, str]) -> Reader:
    find = table.get

    def read(element: ElementTree.Element, name: str) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for child in element:
            entry = find(local_name(child.tag))
            if entry is None:
                continue
            value = entry.convert(child, entry.member)
            if entry.flat is None:
                result[entry.member] = value
            elif entry.flat is list:
                result.setdefault(entry.member, []).append(value)
            else:
                result.setdefault(entry.member, {}).update((value,))
        if attributes:
            for key, text in element.attrib.items():
                if (member := attributes.get(local_name(key))) is not None:
                    result[member] = text
        return result

    return read


def _list(convert: Reader) -> Reader:
    def read(element: ElementTree.Element, name: str) -> list[Any]:
        return [convert(child, name) for child in element]

    return read


def _map(read_pair: Reader) -> Reader:
    def read(element: ElementTree.Element, name: str) -> dict[str, Any]:
        return dict(read_pair(child, name) for child in element)

    return read


def _pair(read_key: Reader, read_value: Reader, names: tuple[str, str]) -> Reader:
    def read(element: ElementTree.Element, name: str) -> tuple[Any, Any]:
        parts = {local_name(child.tag): child for child in element}
        if names[0] not in parts or names[1] not in parts:
            raise Malformed(f"An entry of {name} lacks its {names[0]} or {names[1]}")
        return read_key(parts[names[0]], name), read_value(parts[names[1]], name)

    return read


def _scalar(convert: Reader) -> Reader:
    def read(element: ElementTree.Element, name: str) -> Any:
        return convert(element.text or "", name)

    return read
