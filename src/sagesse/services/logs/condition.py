"""Conditions on JSON messages: `{ ($.level = "warn" || $.took_ms >= 100) && $.user NOT EXISTS }`.

Compares `=`, `!=`, `<`, `<=`, `>`, `>=` with numbers or strings (with `*` as wildcard), and `IS TRUE | FALSE | NULL`,
`EXISTS`, `NOT EXISTS`; joined with `&&`, `||` and parentheses.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import orjson

from sagesse.core.wildcard import fits
from sagesse.services.logs.error import invalid_pattern

Test: TypeAlias = Callable[[Any], bool]
_MISSING: Any = object()
_MAX_DEPTH = 32

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<selector>\$(?:\.[\w\-:/]+|\.?\[\s*(?:\d+|'[^']*'|"[^"]*")\s*\])*)
      | (?P<join>&&|\|\|)
      | (?P<compare>!=|<=|>=|=|<|>)
      | (?P<bracket>[(){}])
      | "(?P<text>(?:[^"\\]|\\.)*)"
      | (?P<regex>%[^%]+%)
      | (?P<word>[^\s(){}=<>!&|"]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.([\w\-:/]+)|\.?\[\s*(?:(\d+)|'([^']*)'|\"([^\"]*)\")\s*\]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Token(NamedTuple):
    kind: str
    text: str


def compile_condition(text: str) -> Callable[[str], bool]:
    """The predicate of a JSON condition; messages that are no JSON objects or arrays do not match.

    Raises:
        ServiceError: the condition is malformed.
    """
    parser = _Parser(_tokens(text))
    parser.expect("{")
    test = parser.either(0)
    parser.expect("}")
    parser.expect_end()

    def matches(message: str) -> bool:
        if message.lstrip()[:1] not in ("{", "["):
            return False
        try:
            return test(orjson.loads(message))
        except orjson.JSONDecodeError:
            return False

    return matches


class _Parser:
    """Recursive descent: either > both > one."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def either(self, depth: int) -> Test:
        if depth > _MAX_DEPTH:
            raise invalid_pattern(f"more than {_MAX_DEPTH} nested parentheses")
        tests = [self._both(depth)]
        while self._take("||"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def expect(self, text: str) -> None:
        if not self._take(text):
            raise invalid_pattern(f"'{text}' expected before '{self._peek().text}'")

    def expect_end(self) -> None:
        if self._at != len(self._tokens):
            raise invalid_pattern(f"nothing expected after '}}', got '{self._peek().text}'")

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._take("&&"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _one(self, depth: int) -> Test:
        if self._take("("):
            test = self.either(depth + 1)
            self.expect(")")
            return test
        selector = self._next()
        if selector.kind != "selector":
            raise invalid_pattern(f"a selector ($.name) expected, got '{selector.text}'")
        steps = _steps(selector.text)
        test = self._test()
        return lambda value: test(_select(value, steps))

    def _test(self) -> Test:
        """What follows a selector: a comparison, `IS ...`, `EXISTS` or `NOT EXISTS`."""
        sign = self._next()
        if sign.kind == "compare":
            return _comparison(sign.text, self._next())
        words = sign.text.upper()
        if words in {"IS", "NOT"}:
            words = f"{words} {self._next().text.upper()}"
        if words not in _WORD_TESTS:
            raise invalid_pattern(
                f"'{words}' is no comparison; allowed: = != < <= > >= {sorted(_WORD_TESTS)}"
            )
        return _WORD_TESTS[words]

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _Token("end", "end of pattern")

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token.kind in {"join", "bracket"} and token.text == text:
            self._at += 1
            return True
        return False


_WORD_TESTS: Mapping[str, Test] = {
    "IS TRUE": lambda value: value is True,
    "IS FALSE": lambda value: value is False,
    "IS NULL": lambda value: value is None,
    "EXISTS": lambda value: value is not _MISSING,
    "NOT EXISTS": lambda value: value is _MISSING,
}


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise invalid_pattern(f"cannot read '{text[at:]}'")
        tokens.append(_Token(found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return tokens


def _steps(selector: str) -> list[str | int]:
    steps: list[str | int] = []
    for name, index, single, double in _STEP.findall(selector):
        steps.append(int(index) if index else name or single or double)
    return steps


def _select(value: Any, steps: Sequence[str | int]) -> Any:
    """The value at `steps`, or `_MISSING`."""
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return _MISSING
    return value


def _comparison(sign: str, operand: _Token) -> Test:
    if operand.kind == "regex":
        raise invalid_pattern(f"Sagesse does not support regular expressions in conditions: {operand.text}")
    if operand.kind not in {"text", "word"}:
        raise invalid_pattern(f"a number or a string expected after '{sign}', got '{operand.text}'")
    if operand.kind == "word" and _NUMBER.fullmatch(operand.text):
        return _number_test(_ORDERS[sign], float(operand.text))
    if sign not in {"=", "!="}:
        raise invalid_pattern(f"'{sign}' compares numbers; '{operand.text}' is none")
    wanted = re.sub(r"\\(.)", r"\1", operand.text)
    return _text_test(wanted, wants_equal=sign == "=")


def _number_test(order: Callable[[float, float], bool], wanted: float) -> Test:
    def test(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and order(value, wanted)

    return test


def _text_test(wanted: str, *, wants_equal: bool) -> Test:
    pieces = wanted.split("*")

    def test(value: Any) -> bool:
        return isinstance(value, str) and fits(value, pieces) == wants_equal

    return test
