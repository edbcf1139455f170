"""Writers of XML: the replies of query services and of REST-XML."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from sagesse.core.model import ServiceModel
from sagesse.wire.codec.scalar import text_writer, timestamp_writer, write_iso, write_iso_millis
from sagesse.wire.codec.shape import Shape

Render: TypeAlias = Callable[[Any], str]
_SPECIAL = re.compile("[&<>\"'\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\ufffe\uffff\u2028]")


class _Attribute(NamedTuple):
    member: str
    name: str  # with its prefix: xsi:type


class XmlWriters:
    """Compiles shapes of one service to renderers of text.

    Args:
        service: the model.
        has_millis: whether timestamps always carry milliseconds, as in S3's bodies.
    """

    def __init__(self, service: ServiceModel, *, has_millis: bool) -> None:
        self._service = service
        self._iso = write_iso_millis if has_millis else write_iso
        self._contents: dict[str, Render] = {}

    def element(self, shape: Shape, tag: str) -> Render:
        """The renderer of a whole element; of all its elements for a flat list or map.

        A flat list goes by the name of its elements, when they have one.
        """
        if shape.kind == "list" and shape.is_flat:
            item = self.element(shape.item, shape.item.wire_name(tag))
            return lambda value: "".join([item(part) for part in value if part is not None])
        if shape.kind == "map" and shape.is_flat:
            return self._entries(shape, tag)
        content = self._content(shape)
        start, end = f"<{tag}{_namespace(shape)}", f"</{tag}>"
        attributes = _attributes(shape)
        if attributes:
            return lambda value: f"{start}{_render_attributes(attributes, value)}>{content(value)}{end}"
        start += ">"
        return lambda value: f"{start}{content(value)}{end}"

    def fields(self, members: Mapping[str, tuple[str, Shape]]) -> Render:
        """The renderer of a body made of `members`: wire name -> (member name, shape)."""
        table: list[tuple[str, Render]] = []
        self._fill(table, members)
        return _structure(table)

    def _content(self, shape: Shape) -> Render:
        match shape.kind:
            case "structure":
                return self._structure(shape)
            case "list":
                item = self.element(shape.item, shape.item.wire_name("member"))
                return lambda value: "".join([item(part) for part in value if part is not None])
            case "map":
                return self._entries(shape, "entry")
            case "timestamp":
                timestamp_format = shape.traits.get("timestampFormat")
                return timestamp_writer(timestamp_format) if timestamp_format else self._iso
            case "string" | "character":
                return escape
            case kind:
                return text_writer(kind)

    def _structure(self, shape: Shape) -> Render:
        known = self._contents.get(shape.name)
        if known is None:
            table: list[tuple[str, Render]] = []
            known = self._contents[shape.name] = _structure(table)
            self._fill(table, {m.wire_name(name): (name, m) for name, m in shape.members.items()})
        return known

    def _fill(self, table: list[tuple[str, Render]], members: Mapping[str, tuple[str, Shape]]) -> None:
        for wire, (name, member) in members.items():
            if not member.traits.get("xmlAttribute"):
                table.append((name, self.element(member, wire)))

    def _entries(self, shape: Shape, tag: str) -> Render:
        key = self.element(shape.key, shape.key.wire_name("key"))
        value = self.element(shape.value, shape.value.wire_name("value"))
        start, end = f"<{tag}>", f"</{tag}>"
        return lambda entries: "".join(
            [f"{start}{key(k)}{value(v)}{end}" for k, v in entries.items() if v is not None]
        )


def escape(text: str) -> str:
    """`text` for an element or an attribute, control characters as references, as AWS does."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda match: _ENTITIES.get(match[0]) or f"&#x{ord(match[0]):X};", text)


_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def _structure(table: list[tuple[str, Render]]) -> Render:
    def render(value: Any) -> str:
        get = value.get
        return "".join([show(item) for name, show in table if (item := get(name)) is not None])

    return render


def _attributes(shape: Shape) -> list[_Attribute]:
    if shape.kind != "structure":
        return []
    return [
        _Attribute(name, member.wire_name(name))
        for name, member in shape.members.items()
        if member.traits.get("xmlAttribute")
    ]


def _render_attributes(attributes: list[_Attribute], value: Mapping[str, Any]) -> str:
    return "".join(
        f' {attribute.name}="{escape(value[attribute.member])}"'
        for attribute in attributes
        if value.get(attribute.member) is not None
    )


def _namespace(shape: Shape) -> str:
    match shape.traits.get("xmlNamespace"):
        case {"uri": uri, "prefix": prefix}:
            return f' xmlns:{prefix}="{uri}"'
        case {"uri": uri} | (str() as uri):
            return f' xmlns="{uri}"'
        case _:
            return ""
