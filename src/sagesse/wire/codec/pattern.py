"""The models' patterns, which are Java's regular expressions, for Python's `regex`."""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

import regex

_MATCH_S = 0.05  # no model needs a hundredth of it; what takes longer backtracks without end
_PAIR = re.compile(r"\\u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})", re.IGNORECASE)
_TOKEN = re.compile(r"\\[pP]\{[^}]*\}|\\.|\[\^?|\]|&&|.", re.DOTALL)
_ATOM = re.compile(r"\\[pP]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{)")
_REPETITION = re.compile(r"[*+]|\{\d*,\d*\}")
_SHORT = 128  # characters
_FEW_STEPS = 1_000_000
_ASCII = {"\\w": "a-zA-Z0-9_", "\\d": "0-9"}  # Java means ASCII by these; so do its POSIX classes
_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": "\\x00-\\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": "!-/:-@\\[-`{-~",
    "Graph": "!-~",
    "Print": "\\x20-~",
    "Blank": "\\x20\\t",
    "Cntrl": "\\x00-\\x1f\\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": "\\x20\\t-\\r",
}
_CONTENTS = frozenset((*_ASCII.values(), *_POSIX.values()))


class PatternTimeout(Exception):  # noqa: N818 - a statement about the text
    """The text makes the pattern backtrack without end."""


class _Compiled(NamedTuple):
    fullmatch: Callable[..., object]
    degree: int | None  # a text of n characters takes at most about n ** degree steps; None: no such bound


def matches(pattern: str, text: str) -> bool:
    """Whether the whole `text` matches, as Java's ``matches``; a pattern that cannot be compiled matches all.

    Raises:
        PatternTimeout: no answer within 50 ms.
    """
    return _matches_short(pattern, text) if len(text) <= _SHORT else _matches(pattern, text)


def _matches(pattern: str, text: str) -> bool:
    compiled = _compile(pattern)
    if compiled is None:
        return True
    if compiled.degree is not None and len(text) ** compiled.degree < _FEW_STEPS:
        return compiled.fullmatch(text) is not None  # a timeout costs ten times the match
    try:
        return compiled.fullmatch(text, timeout=_MATCH_S) is not None
    except TimeoutError:
        raise PatternTimeout from None


def is_known(pattern: str) -> bool:
    """Whether the pattern can be compiled."""
    return _compile(pattern) is not None


_matches_short = lru_cache(4096)(_matches)  # the same few names come again and again


@cache
def _compile(pattern: str) -> _Compiled | None:
    source = java_to_python(pattern)
    try:
        return _Compiled(regex.compile(source).fullmatch, _degree(source))
    except regex.error:
        return None


def _degree(pattern: str) -> int | None:
    """The number of repetitions, None when a group is repeated: those may multiply."""
    bare = _ATOM.sub("x", pattern)
    return None if _REPEATED_GROUP.search(bare) else len(_REPETITION.findall(bare))


def java_to_python(pattern: str) -> str:
    """`pattern` with the meaning it has in Java: surrogate pairs, ASCII classes, unions and intersections."""
    pattern = _PAIR.sub(_join_pair, pattern)
    has_negated = "\\W" in pattern or "\\D" in pattern  # [\w\W] must stay everything
    parts: list[str] = []
    depth, is_nested = 0, False
    for match in _TOKEN.finditer(pattern):
        token = match[0]
        if token[0] == "[":
            is_nested = is_nested or depth > 0
            depth += 1
        elif token == "]" and depth and (parts[-1] not in ("[", "[^")):
            depth -= 1
        elif token == "&&" and depth:
            is_nested = True
        elif content := None if has_negated else _ascii(token):
            if depth and parts[-1] == "-":  # beside a class, a hyphen is only a hyphen
                parts[-1] = "\\-"
            token = content if depth else f"[{content}]"
        elif token == "-" and depth and parts[-1] in _CONTENTS:
            token = "\\-"
        parts.append(token)
    return ("(?V1)" if is_nested else "") + "".join(parts)


def _ascii(token: str) -> str | None:
    """What a class escape stands for in Java, None for those that mean the same in Python."""
    return _ASCII.get(token) or (_POSIX.get(token[3:-1]) if token.startswith("\\p{") else None)


def _join_pair(match: re.Match[str]) -> str:
    high, low = int(match[1], 16), int(match[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"
