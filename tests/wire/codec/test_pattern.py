"""The models' patterns under Python."""

import pytest

from sagesse.core.model import SERVICES, service_model
from sagesse.wire.codec.pattern import PatternTimeout, is_known, java_to_python, matches

UNCOMPILED: set[str] = set()  # patterns that `regex` does not take: their members are not checked


def all_patterns() -> set[str]:
    """Every pattern of every service."""
    shapes = (shape for name in SERVICES for shape in service_model(name).shapes.values())
    return {shape["pattern"] for shape in shapes if "pattern" in shape}


def test_the_patterns_that_are_not_checked_are_known() -> None:
    assert {pattern for pattern in all_patterns() if not is_known(pattern)} == UNCOMPILED


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("[a-z]+", "abc1", False),  # the whole text, as Java's matches
        (r"\w+", "é", False),  # ASCII, as in Java
        (r"[\w-]+", "a-é", False),
        (r"[\W\w]+", "é\n", True),
        (r"[\w- ]+", "a-b c", True),
        (r"[+-\d]+", ",", False),
        (r"\d+", "٣", False),
        (r"\p{L}+", "é", True),
        (r"\p{Alnum}+", "é", False),
        (r"[\p{Alpha}_]+", "a_b", True),
        (r"[a-z&&[^b]]+", "acd", True),
        (r"[a-z&&[^b]]+", "abc", False),
        (r"[a[bc]]+", "abc", True),
        (r"[]a]+", "]a", True),
        (r"[\u0020-\uD7FF\uD800\uDC00-\uDBFF\uDFFF]*", "a😀", True),
        (r"[^\uD800\uDC00-\uDBFF\uDFFF]*", "😀", False),
        (r"a*+b", "aab", True),
    ],
)
def test_a_pattern_means_what_it_means_in_java(pattern: str, text: str, is_match: bool) -> None:
    assert matches(pattern, text) is is_match


def test_endless_backtracking_ends() -> None:
    with pytest.raises(PatternTimeout):
        matches("(a|aa)+$", "a" * 200 + "b")


def test_plain_patterns_are_left_alone() -> None:
    assert java_to_python("^arn:aws[a-z-]*:.*$") == "^arn:aws[a-z-]*:.*$"
