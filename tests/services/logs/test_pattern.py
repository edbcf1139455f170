"""Filter patterns."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.services.logs.pattern import compile_pattern

WARN = (
    '{"level": "warn", "took": 12.5, "user": {"name": "ann", "tags": ["x", "y"]}, "ok": true, "none": null}'
)


@pytest.mark.parametrize(
    ("pattern", "message", "is_match"),
    [
        ("", "anything", True),
        ("ERROR", "[ERROR 400] bad", True),
        ("ERROR", "error", False),
        ("ERROR bad", "bad ERROR", True),
        ("ERROR bad", "ERROR", False),
        ('"out of memory"', "cuda out of memory", True),
        ('"out of memory"', "memory out", False),
        (r'"say \"hi\""', 'they say "hi"', True),
        ("ERROR -retry", "ERROR retry", False),
        ('ERROR -"will retry"', "ERROR gone", True),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "info", False),
        ("loss ?ERROR", "loss", True),
        ("%[0-9]+ms%", "took 15ms", True),
        ("%^[0-9]+ms$%", "took 15ms", False),
        ('{ $.level = "warn" }', WARN, True),
        ('{ $.level != "warn" }', WARN, False),
        ('{ $.level = "w*n" }', WARN, True),
        ('{ $.level = "w*" }', WARN, True),
        ('{ $.level = "*r*n" }', WARN, True),
        ('{ $.level = "war*arn" }', WARN, False),
        ('{ $.level != "*x*" }', WARN, True),
        ("{ $.level = warn }", WARN, True),
        ("{ $.took >= 12.5 }", WARN, True),
        ("{ $.took < 12.5 }", WARN, False),
        ("{ $.user.tags[1] = y }", WARN, True),
        ("{ $['user'].name = ann }", WARN, True),
        ("{ $.ok IS TRUE && $.none IS NULL }", WARN, True),
        ("{ $.missing NOT EXISTS }", WARN, True),
        ("{ $.missing EXISTS }", WARN, False),
        ("{ $.missing != 1 }", WARN, False),
        ('{ ($.took > 99 || $.ok IS TRUE) && $.level = "warn" }', WARN, True),
        ("{ $.took > 1 }", "no json", False),
        ("{ $.took > 1 }", "{broken", False),
    ],
)
def test_patterns(pattern: str, message: str, is_match: bool) -> None:
    assert compile_pattern(pattern)(message) is is_match


@pytest.mark.parametrize(
    "pattern",
    [
        "[a, b]",
        "ERROR %[0-9]+ms%",
        "{ $.level = %w.*% }",
        "%a{1000000000}%",
        '"open',
        "%(a)%",
        "%[a%",
        "%%",
        "{ $.a }",
        "{ $.a = }",
        "{ a = 1 }",
        '{ $.a < "x" }',
        "{ $.a = 1",
        "{}",
    ],
)
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ServiceError, match="InvalidParameterException: Invalid filter pattern"):
        compile_pattern(pattern)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ServiceError, match="nested"):
        compile_pattern("{" + "(" * 500 + "$.a = 1" + ")" * 500 + "}")


def test_a_runaway_expression_matches_nothing() -> None:
    assert not compile_pattern("%[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*1$%")("a" * 5000)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_compiles_or_is_refused(pattern: str, message: str) -> None:
    with suppress(ServiceError):
        assert compile_pattern(pattern)(message) in (True, False)


@given(st.text(alphabet="{}()$.a[0]'\"=!<>&| 1ISNOTEXISTS*\\", max_size=40))
def test_any_condition_compiles_or_is_refused(inside: str) -> None:
    with suppress(ServiceError):
        assert compile_pattern("{" + inside + "}")(WARN) in (True, False)


def test_wildcards_cost_no_more_than_the_text_is_long() -> None:
    matches = compile_pattern('{ $.a = "' + "*a" * 40 + '*b" }')

    assert not matches('{"a": "' + "a" * 5000 + '"}')  # years, if each wildcard began again
