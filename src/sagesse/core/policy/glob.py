"""Wildcards and policy variables: the patterns of Action, Resource and the ...Like conditions.

A pattern is cut once into literals, wildcards and variables. Each wildcard becomes an atomic group that takes
the first place its following text fits, so matching never backtracks from one wildcard into another: hostile
patterns cost no more than their length times the text's.
"""

import re
from collections.abc import Callable, Iterable
from enum import Enum
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeAlias

_SPECIAL = {"*", "?", "$"}
_ARN_SEGMENTS = 5  # colons before the resource part, where a wildcard of ArnLike may cross colons


class Wild(Enum):
    """A wildcard."""

    MANY = "*"
    ONE = "?"


class Variable(NamedTuple):
    """``${aws:username}``, or with a default: ``${aws:PrincipalTag/team, 'none'}``."""

    key: str
    default: str | None


Part: TypeAlias = str | Wild | Variable


class Values(Protocol):
    """Where variables take their values from."""

    def text(self, key: str) -> str | None:
        """The single value of a condition key (lower case), or None."""
        ...


Matches: TypeAlias = Callable[[str, Values], bool]


def cut(pattern: str, *, has_variables: bool, has_wildcards: bool = True) -> tuple[Part, ...]:
    """`pattern` as literals, wildcards and variables."""
    parts: list[Part] = []
    position = 0
    while position < len(pattern):
        if has_variables and pattern.startswith("${", position):
            end = pattern.find("}", position)
            if end > 0:
                parts.append(_variable(pattern[position + 2 : end]))
                position = end + 1
                continue
        character = pattern[position]
        is_wild = has_wildcards and character in "*?"
        parts.append(Wild(character) if is_wild else character)
        position += 1
    return _joined(parts)


def matcher(parts: tuple[Part, ...], *, is_arn: bool = False, ignore_case: bool = False) -> Matches:
    """A test whether a text matches `parts`; a variable without a value matches nothing."""
    if any(isinstance(part, Variable) for part in parts):
        return _with_variables(parts, is_arn, ignore_case)
    if parts == (Wild.MANY,) and not is_arn:
        return lambda text, values: True
    pattern = _regex(parts, is_arn, ignore_case)
    return lambda text, values: pattern.match(text) is not None


def globs(patterns: Iterable[str], *, ignore_case: bool = False, has_variables: bool = False) -> Matches:
    """A test whether a text matches one of `patterns`; plain ones are looked up, the rest tried in one regex."""
    exact: set[str] = set()
    fixed: list[tuple[Part, ...]] = []
    variable: list[Matches] = []
    for pattern in patterns:
        parts = cut(pattern, has_variables=has_variables)
        if any(isinstance(part, Variable) for part in parts):
            variable.append(matcher(parts, ignore_case=ignore_case))
        elif any(isinstance(part, Wild) for part in parts):
            fixed.append(parts)
        else:
            literal = "".join(part for part in parts if isinstance(part, str))
            exact.add(literal.lower() if ignore_case else literal)
    return _any_of(exact, fixed, variable, ignore_case)


def expand(parts: tuple[Part, ...], values: Values) -> tuple[str | Wild, ...] | None:
    """`parts` with the values of their variables; None when one has none."""
    expanded: list[str | Wild] = []
    for part in parts:
        if isinstance(part, Variable):
            value = values.text(part.key)
            value = part.default if value is None else value
            if value is None:
                return None
            expanded.append(value)
        else:
            expanded.append(part)
    return tuple(expanded)


def _any_of(
    exact: set[str], fixed: list[tuple[Part, ...]], variable: list[Matches], ignore_case: bool
) -> Matches:
    if (Wild.MANY,) in fixed:
        return lambda text, values: True
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    pattern = re.compile("|".join(_source(parts, is_arn=False) for parts in fixed) or r"(?!)", flags)

    def matches(text: str, values: Values) -> bool:
        if (text.lower() if ignore_case else text) in exact or pattern.match(text) is not None:
            return True
        return any(test(text, values) for test in variable)

    return matches


def _with_variables(parts: tuple[Part, ...], is_arn: bool, ignore_case: bool) -> Matches:
    def matches(text: str, values: Values) -> bool:
        expanded = expand(parts, values)
        return expanded is not None and _regex(expanded, is_arn, ignore_case).match(text) is not None

    return matches


@lru_cache(maxsize=4096)
def _regex(parts: tuple[Part, ...], is_arn: bool, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(_source(parts, is_arn=is_arn), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _source(parts: tuple[Part, ...], *, is_arn: bool) -> str:
    """A regex of `parts` without variables, anchored at the end."""
    chunks: list[tuple[str, str]] = [("", "")]  # (the wildcard before it, its own regex)
    colons = 0
    for part in parts:
        one = "[^:]" if is_arn and colons < _ARN_SEGMENTS else "."
        if part is Wild.MANY:
            chunks.append((f"{one}*", ""))
            continue
        text = one if part is Wild.ONE else re.escape(str(part))
        colons += str(part).count(":") if isinstance(part, str) else 0
        chunks[-1] = (chunks[-1][0], chunks[-1][1] + text)
    last = len(chunks) - 1
    pieces = [
        f"(?>{wild}?{text})"
        if wild and number < last and text
        else wild * bool(text or number == last) + text
        for number, (wild, text) in enumerate(chunks)
    ]
    return "".join(pieces) + r"\Z"


def _variable(inner: str) -> Part:
    if inner in _SPECIAL:
        return inner
    key, comma, default = inner.partition(",")
    return Variable(key.strip().lower(), default.strip().strip("'") if comma else None)


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """Neighbouring literals as one, neighbouring ``*`` as one."""
    joined: list[Part] = []
    for part in parts:
        previous = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(previous, str):
            joined[-1] = previous + part
        elif part is not Wild.MANY or previous is not Wild.MANY:
            joined.append(part)
    return tuple(joined)
