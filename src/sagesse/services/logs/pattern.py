"""Filter patterns: which messages a FilterLogEvents call wants.

Terms (`ERROR "exact phrase" -excluded ?either ?or`), one regular expression (`%[0-9]+ms%`) or a condition on JSON
messages (`{ $.level = "warn" }`, see `condition`).

Source: "Filter pattern syntax" of the CloudWatch Logs user guide.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sagesse.core.client_regex import compile_regex
from sagesse.services.logs.condition import compile_condition
from sagesse.services.logs.error import invalid_pattern

Matcher: TypeAlias = Callable[[str], bool]

_TERM = re.compile(r'\s*(?P<sign>[-?]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"]+))')
_IS_REGEX = re.compile(r"%.+%\Z")
_REGEX_SIGNS = re.compile(r"[A-Za-z0-9:_#=@/;,\-\s^$?\[\]{}|\\*+.]+")
_REGEX_LIMIT_S = 0.05  # for one message: a pattern that backtracks longer does not match


def compile_pattern(pattern: str) -> Matcher:
    """The predicate of a filter pattern.

    Raises:
        ServiceError: it is malformed, or of a form that is not supported.
    """
    text = pattern.strip()
    if not text:
        return lambda _: True
    if text.startswith("{"):
        return compile_condition(text)
    if text.startswith("["):
        raise invalid_pattern("Sagesse does not support space-delimited patterns ([a, b, ...]) yet")
    if text.startswith("%"):
        return _regular_expression(text)
    return _terms(text)


def _terms(text: str) -> Matcher:
    required: list[str] = []
    excluded: list[str] = []
    optional: list[str] = []
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise invalid_pattern(f"Invalid character(s) in term '{text[at:]}'")
        if _IS_REGEX.match(found["word"] or ""):
            raise invalid_pattern(
                f"Sagesse supports a regular expression only by itself, not '{found['word']}'"
            )
        word = found["word"] or re.sub(r"\\(.)", r"\1", found["phrase"] or "")
        {"-": excluded, "?": optional}.get(found["sign"], required).append(word)
        at = found.end()
    return _match_terms(required, excluded, optional)


def _match_terms(required: Sequence[str], excluded: Sequence[str], optional: Sequence[str]) -> Matcher:
    """All of `required` and none of `excluded`; any of `optional`, which count only when alone."""
    if optional and not required and not excluded:
        return lambda message: any(term in message for term in optional)

    def matches(message: str) -> bool:
        return all(term in message for term in required) and not any(term in message for term in excluded)

    return matches


def _regular_expression(text: str) -> Matcher:
    if len(text) < 3 or not text.endswith("%") or not _REGEX_SIGNS.fullmatch(text[1:-1]):
        raise invalid_pattern(f"Invalid regular expression '{text}'; parentheses and '!' are not supported")
    try:
        compiled = compile_regex(text[1:-1])
    except ValueError as error:
        raise invalid_pattern(f"Invalid regular expression '{text}': {error}") from error

    def matches(message: str) -> bool:
        try:
            return compiled.search(message, timeout=_REGEX_LIMIT_S, concurrent=True) is not None
        except TimeoutError:
            return False

    return matches
