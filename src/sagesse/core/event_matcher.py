"""The values that event patterns have at their leaves: literals, and objects that say how to compare."""

import ipaddress
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sagesse.core.wildcard import fits

Test: TypeAlias = Callable[[Any], bool]

_BOUND = 5e9
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class BadPattern(ValueError):  # noqa: N818 - reads as the fact it states
    """An event pattern is not valid; the text says why."""


def compile_value(value: object, path: str) -> Test:
    """The test that a leaf's value stands for.

    Raises:
        BadPattern: there is none.
    """
    if isinstance(value, dict):
        matcher: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        if len(matcher) != 1:
            raise BadPattern(f"{path}: only one key is allowed in a match expression; got {list(matcher)}")
        ((name, argument),) = matcher.items()
        if name not in _MATCHERS:
            raise BadPattern(
                f"{path}: unrecognized match type {name!r}; allowed: exists, {', '.join(_MATCHERS)}"
            )
        return _MATCHERS[name](argument, f"{path}.{name}")
    return _literal(value, path)


def _literal(value: object, path: str) -> Test:
    if value is None or isinstance(value, (str, bool, int, float)):
        return lambda found: type(found) is type(value) and found == value
    raise BadPattern(f"{path}: match value must be a string, a number, true, false or null")


def _text(argument: object, path: str) -> str:
    if not isinstance(argument, str):
        raise BadPattern(f"{path} must be a string")
    return argument


def _of_text(test: Callable[[str], bool]) -> Test:
    return lambda found: isinstance(found, str) and test(found)


def _end(has_end: Callable[[str, str], bool]) -> Callable[[object, str], Test]:
    """The matcher of a beginning or an end; within ``equals-ignore-case`` its case does not matter."""

    def compiled(argument: object, path: str) -> Test:
        if isinstance(argument, dict):
            if set(argument) != {"equals-ignore-case"}:  # pyright: ignore[reportUnknownArgumentType]
                raise BadPattern(f"{path}: allowed are a string and an object with equals-ignore-case")
            folded = _text(argument["equals-ignore-case"], path).lower()  # pyright: ignore[reportUnknownArgumentType]
            return _of_text(lambda found: has_end(found.lower(), folded))
        wanted = _text(argument, path)
        return _of_text(lambda found: has_end(found, wanted))

    return compiled


def _ignore_case(argument: object, path: str) -> Test:
    folded = _text(argument, path).lower()
    return _of_text(lambda found: found.lower() == folded)


def _wildcard(argument: object, path: str) -> Test:
    """``*`` stands for any characters; ``\\*`` and ``\\\\`` for themselves."""
    pieces = _pieces(_text(argument, path), path)
    return _of_text(lambda found: fits(found, pieces))


def _pieces(text: str, path: str) -> list[str]:
    """What is between the wildcards of a text."""
    pieces, at = [""], 0
    while at < len(text):
        letter = text[at]
        if letter == "*":
            if text[at + 1 : at + 2] == "*":
                raise BadPattern(f"{path}: consecutive wildcard characters at position {at}")
            pieces.append("")
        else:
            if letter == "\\":
                at += 1
                letter = text[at : at + 1]
                if letter not in {"*", "\\"}:
                    raise BadPattern(f"{path}: invalid escape character at position {at - 1}")
            pieces[-1] += letter
        at += 1
    return pieces


def _numeric(argument: object, path: str) -> Test:
    terms: list[Any] = argument if isinstance(argument, list) else []  # pyright: ignore[reportUnknownVariableType]
    if len(terms) not in {2, 4}:
        raise BadPattern(f"{path} must be an array of one or two comparisons")
    pairs = [(_comparison(terms[at], path), _number(terms[at + 1], path)) for at in range(0, len(terms), 2)]
    if len(terms) == 4 and (
        terms[0] not in {">", ">="} or terms[2] not in {"<", "<="} or pairs[0][1] >= pairs[1][1]
    ):
        raise BadPattern(f"{path}: a range goes from above a number to below a larger one")

    def test(found: Any) -> bool:
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            return False
        return all(compare(found, bound) for compare, bound in pairs)

    return test


def _comparison(name: object, path: str) -> Callable[[float, float], bool]:
    if not isinstance(name, str) or name not in _COMPARISONS:
        raise BadPattern(
            f"{path}: unrecognized numeric range operator {name!r}; allowed: {', '.join(_COMPARISONS)}"
        )
    return _COMPARISONS[name]


def _number(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_BOUND <= value <= _BOUND:
        raise BadPattern(f"{path}: values must be numbers between -5.0e9 and 5.0e9; got {value!r}")
    return value


def _cidr(argument: object, path: str) -> Test:
    try:
        network = ipaddress.ip_network(_text(argument, path), strict=False)
    except ValueError as error:
        raise BadPattern(f"{path}: {error}") from error

    def test(found: str) -> bool:
        try:
            return ipaddress.ip_address(found) in network
        except ValueError:
            return False

    return _of_text(test)


def _anything_but(argument: object, path: str) -> Test:
    """What passes none of the tests: literals, or one kind of comparison with one or several texts."""
    if isinstance(argument, dict):
        matcher: dict[str, Any] = argument  # pyright: ignore[reportUnknownVariableType]
        if len(matcher) != 1 or not set(matcher) <= _IN_ANYTHING_BUT:
            raise BadPattern(
                f"{path}: allowed is one of {', '.join(sorted(_IN_ANYTHING_BUT))}; got {list(matcher)}"
            )
        ((name, texts),) = matcher.items()
        tests = [_MATCHERS[name](_text(text, path), path) for text in _several(texts, path)]
        return lambda found: not any(test(found) for test in tests)
    literals = [_refusable(value, path) for value in _several(argument, path)]
    return lambda found: not any(test(found) for test in literals)


def _several(argument: object, path: str) -> list[Any]:
    values: list[Any] = argument if isinstance(argument, list) else [argument]  # pyright: ignore[reportUnknownVariableType]
    if not values:
        raise BadPattern(f"{path}: empty arrays are not allowed")
    return values


def _refusable(value: object, path: str) -> Test:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadPattern(f"{path}: allowed are strings and numbers; got {value!r}")
    return _literal(value, path)


_MATCHERS: Mapping[str, Callable[[object, str], Test]] = {
    "prefix": _end(str.startswith),
    "suffix": _end(str.endswith),
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}
_IN_ANYTHING_BUT = frozenset({"prefix", "suffix", "equals-ignore-case", "wildcard"})
