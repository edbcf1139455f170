"""A shape as one place of the model sees it: the shape's own traits under those of the reference to it."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from threading import RLock
from typing import Any, TypeAlias

from sagesse.core.model import ServiceModel

Reader: TypeAlias = Callable[[Any, str], Any]  # (raw value, member name for messages) -> value
# Held while shapes are compiled: their tables are shared before they are full, so that shapes may be recursive.
COMPILING = RLock()
LOCATIONS = frozenset(("uri", "querystring", "header", "headers", "statusCode"))


class Shape:
    """A referenced shape; `traits` are the shape's, overridden by the reference's, as botocore merges them."""

    def __init__(self, service: ServiceModel, reference: Mapping[str, Any]) -> None:
        self.service = service
        self.name: str = reference["shape"]
        self.traits: Mapping[str, Any] = {**service.shapes[self.name], **reference}
        self.kind: str = self.traits["type"]

    @cached_property
    def members(self) -> Mapping[str, "Shape"]:
        """Members of a structure by name."""
        references = self.traits.get("members", {})
        return {name: Shape(self.service, reference) for name, reference in references.items()}

    @cached_property
    def item(self) -> "Shape":
        """The element of a list."""
        return Shape(self.service, self.traits["member"])

    @cached_property
    def key(self) -> "Shape":
        """The key of a map."""
        return Shape(self.service, self.traits["key"])

    @cached_property
    def value(self) -> "Shape":
        """The value of a map."""
        return Shape(self.service, self.traits["value"])

    @property
    def location(self) -> str | None:
        """Where REST protocols put this member, None for the body."""
        location = self.traits.get("location")
        return location if location in LOCATIONS else None

    @property
    def is_flat(self) -> bool:
        """Whether a list or map has no wrapping element."""
        return bool(self.traits.get("flattened"))

    @property
    def is_document(self) -> bool:
        """Whether the value is free-form JSON."""
        return bool(self.traits.get("document"))

    @property
    def is_event_stream(self) -> bool:
        """Whether the value is a sequence of events."""
        return bool(self.traits.get("eventstream"))

    @property
    def is_streaming(self) -> bool:
        """Whether the value is a payload that need not fit in memory."""
        return self.kind == "blob" and bool(self.traits.get("streaming"))

    def wire_name(self, default: str) -> str:
        """The member's name in the body; also the name of its header, label or query parameter."""
        return self.traits.get("locationName", default)

    def children(self) -> Iterator["Shape"]:
        """The shapes this one is made of."""
        match self.kind:
            case "structure":
                yield from self.members.values()
            case "list":
                yield self.item
            case "map":
                yield self.key
                yield self.value
            case _:
                return

    def reaches(self, is_wanted: Callable[["Shape"], bool]) -> bool:
        """Whether this shape or any shape inside it, at any depth, is wanted."""
        seen: set[str] = set()
        stack: list[Shape] = [self]
        while stack:
            shape = stack.pop()
            if is_wanted(shape):
                return True
            if shape.name not in seen:
                seen.add(shape.name)
                stack.extend(shape.children())
        return False


def input_shape(service: ServiceModel, reference: Mapping[str, Any] | None) -> Shape | None:
    """The shape of an operation's `input` or `output` entry, None when it has none."""
    return Shape(service, reference) if reference else None


def body_members(shape: Shape, *, by_location: bool) -> dict[str, tuple[str, Shape]]:
    """The top-level members of a body: wire name -> (member name, shape).

    Args:
        shape: the input or output structure.
        by_location: True for REST protocols, which put located members elsewhere; otherwise these are in the
            body too, under their member names (their `locationName` is a header's).
    """
    if by_location:
        return {
            member.wire_name(name): (name, member)
            for name, member in shape.members.items()
            if member.location is None
        }
    return {
        name if member.location else member.wire_name(name): (name, member)
        for name, member in shape.members.items()
    }
