"""Writers of XML: the replies of query services and of REST-XML.

A list of structures is written member by member: what a member costs is paid for all of them at once.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from sagesse.core.model import ServiceModel
from sagesse.wire.codec.scalar import text_writer, timestamp_writer, write_iso, write_iso_millis
from sagesse.wire.codec.shape import Shape

Render: TypeAlias = Callable[[Any], str]
_RenderMany: TypeAlias = Callable[[list[Any]], list[str]]
_CONTROLS = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\ufffe\uffff\u2028"
_SPECIAL, _CONTROL = re.compile(f"[&<>\"'{_CONTROLS}]"), re.compile(f"[{_CONTROLS}]")


class _Writer(NamedTuple):
    """How a shape is rendered: `one` value, or `many` of a list at once; None is never among them."""

    one: Render
    many: _RenderMany


class _Attribute(NamedTuple):
    member: str
    name: str  # with its prefix: xsi:type


_Table: TypeAlias = list[tuple[str, Render, _RenderMany]]  # member name, the writer of its element


class XmlWriters:
    """Compiles shapes of one service to renderers of text.

    Args:
        service: the model.
        has_millis: whether timestamps always carry milliseconds, as in S3's bodies.
    """

    def __init__(self, service: ServiceModel, *, has_millis: bool) -> None:
        self._service = service
        self._iso = write_iso_millis if has_millis else write_iso
        self._structures: dict[str, _Writer] = {}

    def fields(self, members: Mapping[str, tuple[str, Shape]]) -> Render:
        """The renderer of a body made of `members`: wire name -> (member name, shape)."""
        table: _Table = []
        self._fill(table, members)
        return _one_structure(table)

    def _element(self, shape: Shape, tag: str) -> _Writer:
        """The writer of a whole element; of all its elements for a flat list or map.

        A flat list goes by the name of its elements, when they have one.
        """
        if shape.kind == "list" and shape.is_flat:
            return self._items(shape, tag)
        if shape.kind == "map" and shape.is_flat:
            return self._entries(shape, tag)
        content = self._content(shape)
        start, end = f"<{tag}{_namespace(shape)}", f"</{tag}>"
        if attributes := _attributes(shape):
            one = content.one
            return _each(lambda value: f"{start}{_render_attributes(attributes, value)}>{one(value)}{end}")
        element = _enclosed(content, f"{start}>", end)
        known = _known_values(shape)
        return _each(_Known(element.one, known).__getitem__) if known else element

    def _content(self, shape: Shape) -> _Writer:
        match shape.kind:
            case "structure":
                return self._structure(shape)
            case "list":
                return self._items(shape, "member")
            case "map":
                return self._entries(shape, "entry")
            case "timestamp":
                timestamp_format = shape.traits.get("timestampFormat")
                return _each(timestamp_writer(timestamp_format) if timestamp_format else self._iso)
            case "string" | "character":
                return _Writer(escape, _escape_many)
            case kind:
                return _each(text_writer(kind))

    def _structure(self, shape: Shape) -> _Writer:
        known = self._structures.get(shape.name)
        if known is None:
            table: _Table = []
            known = self._structures[shape.name] = _Writer(_one_structure(table), _many_structures(table))
            self._fill(table, {m.wire_name(name): (name, m) for name, m in shape.members.items()})
        return known

    def _fill(self, table: _Table, members: Mapping[str, tuple[str, Shape]]) -> None:
        for wire, (name, member) in members.items():
            if not member.traits.get("xmlAttribute"):
                one, many = self._element(member, wire)
                table.append((name, one, many))

    def _items(self, shape: Shape, tag: str) -> _Writer:
        render_many = self._element(shape.item, shape.item.wire_name(tag)).many
        return _each(lambda value: "".join(render_many([part for part in value if part is not None])))

    def _entries(self, shape: Shape, tag: str) -> _Writer:
        key = self._element(shape.key, shape.key.wire_name("key")).one
        value = self._element(shape.value, shape.value.wire_name("value")).one
        start, end = f"<{tag}>", f"</{tag}>"
        return _each(
            lambda entries: "".join(
                [f"{start}{key(k)}{value(v)}{end}" for k, v in entries.items() if v is not None]
            )
        )


def escape(text: str) -> str:
    """`text` for an element or an attribute, control characters as references, as AWS does."""
    if _SPECIAL.search(text) is None:
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = text.replace('"', "&quot;").replace("'", "&#39;")
    return _CONTROL.sub(lambda match: f"&#x{ord(match[0]):X};", text)


def _escape_many(texts: list[str]) -> list[str]:
    """Each as `escape` does it, looked at in one piece: a line break stays as it is."""
    escaped = escape("\n".join(texts)).split("\n")
    return escaped if len(escaped) == len(texts) else [escape(text) for text in texts]


class _Known(dict[Any, str]):
    """Elements made beforehand, of the values the model knows; others are rendered when they come."""

    def __init__(self, render: Render, values: Iterable[Any]) -> None:
        super().__init__((value, render(value)) for value in values)
        self._render = render

    def __missing__(self, value: Any) -> str:
        return self._render(value)


def _known_values(shape: Shape) -> Iterable[Any]:
    """Those of an enumeration, true and false; none for other shapes."""
    return (True, False) if shape.kind == "boolean" else shape.traits.get("enum", ())


def _each(render: Render) -> _Writer:
    def render_many(values: list[Any]) -> list[str]:
        return list(map(render, values))

    return _Writer(render, render_many)


def _enclosed(content: _Writer, start: str, end: str) -> _Writer:
    one, many = content

    def render(value: Any) -> str:
        return f"{start}{one(value)}{end}"

    def render_many(values: list[Any]) -> list[str]:
        return [f"{start}{text}{end}" for text in many(values)]

    return _Writer(render, render_many)


def _one_structure(table: _Table) -> Render:
    def render(value: Any) -> str:
        get = value.get
        return "".join([one(item) for name, one, _ in table if (item := get(name)) is not None])

    return render


def _many_structures(table: _Table) -> _RenderMany:
    def render(values: list[Any]) -> list[str]:
        columns = [_column(name, many, values) for name, _, many in table]
        return ["".join(row) for row in zip([""] * len(values), *filter(None, columns), strict=True)]

    return render


def _column(name: str, many: _RenderMany, rows: list[Any]) -> list[str]:
    """A member of all `rows`, empty text where one lacks it; nothing where all do."""
    present = [value for row in rows if (value := row.get(name)) is not None]
    if not present or len(present) == len(rows):
        return many(present)
    texts = iter(many(present))
    return ["" if row.get(name) is None else next(texts) for row in rows]


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
