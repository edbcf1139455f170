"""Metric math: reading an expression into a tree.

Numbers, ids of other queries, `+ - * / ^`, comparisons, `AND` and `OR`, parentheses, `[lists]` and function
calls. Source: "Using metric math" of the CloudWatch user guide.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from sagesse.services.cloudwatch.error import invalid_query

_MAX_DEPTH = 40
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
      | (?P<name>[A-Za-z]\w*)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^()\[\],<>])
    )""",
    re.VERBOSE | re.ASCII,
)
_WORDS = {"AND": "&&", "OR": "||"}
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">="}),
    frozenset({"+", "-"}),
    frozenset({"*", "/"}),
    frozenset({"^"}),
)


class Number(NamedTuple):
    """A constant."""

    value: float


class Text(NamedTuple):
    """A quoted text, the argument of some functions."""

    value: str


class Name(NamedTuple):
    """The id of a query, or a word that a function knows (`REPEAT`)."""

    id: str


class Operation(NamedTuple):
    """Two operands and the sign between them."""

    sign: str
    left: "Node"
    right: "Node"


class Negation(NamedTuple):
    """A minus before an operand."""

    operand: "Node"


class Array(NamedTuple):
    """Several operands in brackets."""

    items: tuple["Node", ...]


class Function(NamedTuple):
    """A function call; the name is in upper case."""

    name: str
    arguments: tuple["Node", ...]


Node: TypeAlias = Number | Text | Name | Operation | Negation | Array | Function


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises:
        ServiceError: it is malformed.
    """
    if re.match(r"\s*SELECT\b", text, re.IGNORECASE):
        raise invalid_query("Sagesse does not support Metrics Insights queries (SELECT ...).")
    parser = _Parser(text)
    node = parser.operation(0, 0)
    parser.expect_end()
    return node


def names(node: Node) -> Iterator[str]:
    """Every name in a tree."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case Name(name):
                yield name
            case Operation(_, left, right):
                waiting += [left, right]
            case Negation(operand):
                waiting.append(operand)
            case Array(items) | Function(_, items):
                waiting += items
            case _:
                pass


class _Parser:
    """Recursive descent, one level of precedence a step."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def operation(self, level: int, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise self._malformed(f"more than {_MAX_DEPTH} levels of nesting")
        if level == len(_LEVELS):
            return self._operand(depth)
        node = self.operation(level + 1, depth)
        while self._kind() == "sign" and self._word() in _LEVELS[level]:
            sign = self._next()
            node = Operation(sign, node, self.operation(level + 1, depth))
        return node

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise self._malformed(f"{self._word()!r} is not expected")

    def _operand(self, depth: int) -> Node:
        kind, word = self._kind(), self._word()
        match kind:
            case "number":
                self._next()
                return Number(float(word))
            case "text":
                self._next()
                return Text(word[1:-1])
            case "name":
                self._next()
                return self._call(word, depth) if self._word() == "(" else Name(word)
            case _:
                return self._bracket(word, depth)

    def _bracket(self, word: str, depth: int) -> Node:
        if word == "-":
            self._next()
            return Negation(self._operand_once(depth))
        if word == "(":
            self._next()
            node = self.operation(0, depth + 1)
            self._expect(")")
            return node
        if word == "[":
            self._next()
            return Array(self._list("]", depth))
        raise self._malformed(f"{word or 'the end'!r} is not expected")

    def _operand_once(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise self._malformed(f"more than {_MAX_DEPTH} levels of nesting")
        return self._operand(depth + 1)

    def _call(self, name: str, depth: int) -> Node:
        self._expect("(")
        return Function(name.upper(), self._list(")", depth))

    def _list(self, end: str, depth: int) -> tuple[Node, ...]:
        items: list[Node] = []
        while self._word() != end:
            items.append(self.operation(0, depth + 1))
            if self._word() != end:
                self._expect(",")
        self._expect(end)
        return tuple(items)

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "end"

    def _word(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        word = self._word()
        self._at += 1
        return word

    def _expect(self, word: str) -> None:
        if self._next() != word:
            raise self._malformed(f"{word!r} is missing")

    def _malformed(self, reason: str) -> Exception:
        return invalid_query(f"Error in expression '{self._text}': {reason}")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise invalid_query(f"Error in expression '{text}': cannot read '{text[at:]}'")
        word, kind = found[found.lastgroup], found.lastgroup
        at = found.end()
        yield ("sign", _WORDS[word]) if word in _WORDS else (kind, word)
