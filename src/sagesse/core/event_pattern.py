"""Event patterns, as EventBridge matches them.

A pattern is an object like the events it wants: lists of allowed values at its leaves, ``$or`` where alternatives are
objects. Numbers are compared as they are written, 300 is not 300.0; ``numeric`` compares their values.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from sagesse.core.event_matcher import BadPattern, Test, compile_value

_MOST_LEVELS = 64
_Values: TypeAlias = list[Any]
_Rule: TypeAlias = Callable[[Mapping[str, Any]], bool]

__all__ = ["BadPattern", "Pattern"]


class Pattern:
    """A compiled pattern.

    Args:
        source: the pattern as JSON has it.

    Raises:
        BadPattern: it is none.
    """

    def __init__(self, source: object) -> None:
        self._rule = _object(source, "", 0)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event, as JSON has it, is wanted."""
        return self._rule(event)


def _object(source: object, path: str, level: int) -> _Rule:
    """The rule for an object: every one of its members must hold."""
    if not isinstance(source, dict):
        raise BadPattern(f"{path or 'Event pattern'} must be an object or an array")
    members: dict[str, Any] = source  # pyright: ignore[reportUnknownVariableType]
    if not members:
        raise BadPattern(f"{path or 'Event pattern'}: empty objects are not allowed")
    if level > _MOST_LEVELS:
        raise BadPattern(f"Event pattern is nested more than {_MOST_LEVELS} levels deep")
    rules = [
        _member(name, value, f"{path}.{name}" if path else name, level) for name, value in members.items()
    ]
    return rules[0] if len(rules) == 1 else lambda event: all(rule(event) for rule in rules)


def _member(name: str, value: object, path: str, level: int) -> _Rule:
    if name == "$or":
        return _alternatives(value, path, level)
    if isinstance(value, list):
        return _leaf(name, value, path)  # pyright: ignore[reportUnknownArgumentType]
    inner = _object(value, path, level + 1)
    return lambda event: any(map(inner, _objects(event.get(name))))


def _alternatives(source: object, path: str, level: int) -> _Rule:
    options: _Values = source if isinstance(source, list) else []  # pyright: ignore[reportUnknownVariableType]
    if len(options) < 2:
        raise BadPattern(f"{path} must be an array of at least two objects")
    rules = [_object(option, path, level + 1) for option in options]
    return lambda event: any(rule(event) for rule in rules)


def _leaf(name: str, allowed: _Values, path: str) -> _Rule:
    """The rule for a list of values: one value of the event's must pass one of them."""
    if not allowed:
        raise BadPattern(f"{path}: empty arrays are not allowed")
    wants_absence, wants_presence = _presence(allowed, False), _presence(allowed, True)
    tests: list[Test] = [compile_value(value, path) for value in allowed if not _is_presence(value)]

    def rule(event: Mapping[str, Any]) -> bool:
        values = [value for value in _flat(event.get(name, ())) if not isinstance(value, dict)]
        if not values:
            return wants_absence
        return wants_presence or any(test(value) for test in tests for value in values)

    return rule


def _is_presence(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"exists"} and isinstance(value["exists"], bool)  # pyright: ignore[reportUnknownArgumentType]


def _presence(allowed: _Values, wanted: bool) -> bool:
    return any(_is_presence(value) and value["exists"] is wanted for value in allowed)


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a member; an empty one where there is none, because what is not there may be asked for."""
    return [found for found in _flat(value) if isinstance(found, dict)] or [{}]


def _flat(value: Any) -> Iterator[Any]:
    """The values of a member: an array stands for each of its elements, however deep."""
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, (list, tuple)):
            stack.extend(reversed(found))  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield found
