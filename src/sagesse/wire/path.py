"""A tree over the request URIs of REST services: from a raw path to the rules that fit it.

Literal segments win over labels, labels over greedy ones (``{Key+}``, which take the rest, slashes and all).
Paths are matched as sent, percent-encoded, because an encoded slash is part of a label.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec


class Rule(NamedTuple):
    """One operation behind a path."""

    service: str
    operation: str
    method: str
    labels: tuple[str, ...]
    literals: tuple[tuple[str, str], ...]  # query parameters the URI itself demands
    query: tuple[str, ...]  # required members in the query, in the header
    headers: tuple[str, ...]
    is_deprecated: bool = False
    ends_in_slash: bool = False


class Rules(msgspec.Struct):
    """The rules behind one path and method; `plain` is the one that demands nothing, if there is only one."""

    every: list[Rule] = []
    plain: Rule | None = None
    headers: frozenset[str] = frozenset()  # that rules other than `plain` demand

    def add(self, rule: Rule) -> None:
        """One more."""
        self.every.append(rule)
        undemanding = [rule for rule in self.every if not (rule.literals or rule.query or rule.headers)]
        self.plain = undemanding[0] if len(undemanding) == 1 else None
        self.headers = frozenset(name for rule in self.every if not rule.literals for name in rule.headers)


class Match(NamedTuple):
    """Rules that fit a path, by method, and the raw values of its labels in order."""

    rules: dict[str, Rules]
    values: tuple[str, ...]


class _Node(msgspec.Struct):
    literals: "dict[str, _Node]" = {}
    label: "_Node | None" = None
    greedy: "list[tuple[tuple[str, ...], _Node]]" = []  # literal segments after the greedy label
    rules: dict[str, Rules] = {}


class PathTree:
    """The compiled URIs of one or more services."""

    def __init__(self) -> None:
        self._root = _Node()
        self._is_s3_like = False

    def add(self, path: str, rule: Rule) -> None:
        """Put a rule behind the URI `path` (without query)."""
        node = self._root
        segments = _split(path.removesuffix("/"))
        for index, segment in enumerate(segments):
            if segment.endswith("+}"):
                node = self._greedy_child(node, tuple(segments[index + 1 :]))
                break
            if segment.startswith("{"):
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.literals.setdefault(segment, _Node())
        node.rules.setdefault(rule.method, Rules()).add(rule)
        self._is_s3_like = _is_s3_like(self._root)

    def matches(self, raw_path: str) -> Iterable[Match]:
        """Every way to read `raw_path`, the most literal first."""
        if self._is_s3_like:
            return _read(self._root, raw_path)
        return _walk(self._root, _split(raw_path), 0, ())

    @staticmethod
    def _greedy_child(node: _Node, tail: tuple[str, ...]) -> _Node:
        for known, child in node.greedy:
            if known == tail:
                return child
        child = _Node()
        node.greedy.append((tail, child))
        node.greedy.sort(key=lambda entry: -len(entry[0]))  # a longer literal tail says more
        return child


def _split(path: str) -> list[str]:
    """Segments of a path; the walk drops an empty one at the end unless a greedy label takes it."""
    return path.removeprefix("/").split("/") if path not in {"", "/"} else []


def _is_s3_like(root: _Node) -> bool:
    """Whether below the root are literals, and a label and a greedy one after it (``/{Bucket}/{Key+}``)."""
    label = root.label
    if label is None or root.greedy or label.literals or label.label is not None:
        return False
    return [tail for tail, _ in label.greedy] == [()]


def _read(root: _Node, raw_path: str) -> Iterable[Match]:
    """As `_walk`, for a tree that is s3-like: no need to cut the path into all its segments."""
    first, _, rest = raw_path.removeprefix("/").partition("/")
    label = root.label
    if not first or first in root.literals or label is None:
        return _walk(root, _split(raw_path), 0, ())
    if rest:
        return (Match(label.greedy[0][1].rules, (first, rest)),)
    return (Match(label.rules, (first,)),) if label.rules else ()


def _walk(node: _Node, segments: list[str], at: int, values: tuple[str, ...]) -> Iterator[Match]:
    rest = len(segments) - at
    if (rest == 0 or (rest == 1 and not segments[at])) and node.rules:
        yield Match(node.rules, values)
    if rest == 0:
        return
    segment = segments[at]
    child = node.literals.get(segment)
    if child is not None:
        yield from _walk(child, segments, at + 1, values)
    if node.label is not None and segment:
        yield from _walk(node.label, segments, at + 1, (*values, segment))
    for tail, end in node.greedy:
        stop = len(segments) - len(tail)
        if stop > at and tuple(segments[stop:]) == tail and (value := "/".join(segments[at:stop])):
            yield Match(end.rules, (*values, value))
