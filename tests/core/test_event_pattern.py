"""Event patterns: a table of what EventBridge documents, and properties over generated events."""

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.event_pattern import BadPattern, Pattern

EVENT = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "account": "123456789012",
    "resources": ["arn:aws:s3:::a", "arn:aws:s3:::b"],
    "detail": {
        "bucket": {"name": "photos"},
        "object": {"key": "cats/one.JPG", "size": 300, "ratio": 0.5, "etag": None, "is-new": True},
        "source-ip-address": "10.0.0.7",
        "parts": [{"name": "x", "size": 1}, {"name": "y", "size": 9}],
        "empty": [],
        "nested": [["p", ["q"]]],
    },
}


def on(field: str, *allowed: Any) -> dict[str, Any]:
    return {"detail": {"object": {field: list(allowed)}}}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"source": ["aws.s3"]}, True),
        ({"source": ["aws.ec2", "aws.s3"]}, True),
        ({"source": ["aws.ec2"]}, False),
        ({"source": ["aws.s3"], "account": ["2"]}, False),
        ({"resources": ["arn:aws:s3:::b"]}, True),
        ({"resources": ["arn:aws:s3:::c"]}, False),
        ({"detail": {"bucket": {"name": ["photos"]}}}, True),
        ({"detail": {"bucket": ["photos"]}}, False),
        ({"detail": {"nested": ["q"]}}, True),
        (on("size", 300), True),
        (on("size", 300.0), False),
        (on("size", "300"), False),
        (on("is-new", True), True),
        (on("is-new", 1), False),
        (on("etag", None), True),
        (on("etag", ""), False),
        (on("missing", None), False),
        (on("key", {"prefix": "cats/"}), True),
        (on("key", {"prefix": "Cats/"}), False),
        (on("key", {"prefix": {"equals-ignore-case": "Cats/"}}), True),
        (on("key", {"suffix": ".JPG"}), True),
        (on("key", {"suffix": {"equals-ignore-case": ".jpg"}}), True),
        (on("key", {"equals-ignore-case": "CATS/ONE.jpg"}), True),
        (on("key", {"wildcard": "cats/*.JPG"}), True),
        (on("key", {"wildcard": "*o*e*"}), True),
        (on("key", {"wildcard": "cats/*.png"}), False),
        (on("key", {"wildcard": "cats\\*"}), False),
        (on("key", {"anything-but": "cats/one.JPG"}), False),
        (on("key", {"anything-but": ["a", "b"]}), True),
        (on("key", {"anything-but": {"prefix": "cats/"}}), False),
        (on("key", {"anything-but": {"prefix": ["dogs/", "cats/"]}}), False),
        (on("key", {"anything-but": {"suffix": ".png"}}), True),
        (on("key", {"anything-but": {"equals-ignore-case": ["CATS/one.jpg"]}}), False),
        (on("key", {"anything-but": {"wildcard": "*/one*"}}), False),
        (on("size", {"anything-but": [300]}), False),
        (on("missing", {"anything-but": "a"}), False),
        (on("size", {"numeric": ["=", 300]}), True),
        (on("size", {"numeric": ["=", 3.0e2]}), True),
        (on("size", {"numeric": [">", 0, "<=", 300]}), True),
        (on("size", {"numeric": [">", 300]}), False),
        (on("ratio", {"numeric": ["<", 1]}), True),
        (on("key", {"numeric": ["<", 1]}), False),
        (on("is-new", {"numeric": ["=", 1]}), False),
        (on("key", {"exists": True}), True),
        (on("missing", {"exists": True}), False),
        (on("missing", {"exists": False}), True),
        (on("key", {"exists": False}), False),
        (on("missing", {"exists": False}, "x"), True),
        ({"detail": {"bucket": [{"exists": True}]}}, False),  # only leaves exist
        ({"detail": {"empty": [{"exists": False}]}}, True),
        ({"none": {"at": {"all": [{"exists": False}]}}}, True),
        ({"detail": {"source-ip-address": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"detail": {"source-ip-address": [{"cidr": "10.0.1.0/24"}]}}, False),
        ({"detail": {"parts": {"name": ["x"], "size": [1]}}}, True),
        ({"detail": {"parts": {"name": ["x"], "size": [9]}}}, False),  # of two different elements
        ({"$or": [{"source": ["no"]}, {"account": ["123456789012"]}]}, True),
        ({"$or": [{"source": ["no"]}, {"account": ["no"]}]}, False),
        ({"source": ["aws.s3"], "detail": {"$or": [{"x": ["1"]}, {"bucket": {"name": ["photos"]}}]}}, True),
    ],
)
def test_patterns_match_as_eventbridge_has_them(pattern: dict[str, Any], matches: bool) -> None:
    assert Pattern(pattern).matches(EVENT) is matches


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ([], "must be an object"),
        ({}, "empty objects"),
        ({"source": "aws.s3"}, "source must be an object or an array"),
        ({"detail": {"x": []}}, "detail.x: empty arrays"),
        ({"a": [["x"]]}, "match value"),
        ({"a": [{"like": "x"}]}, "unrecognized match type 'like'"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "only one key"),
        ({"a": [{"prefix": 1}]}, "must be a string"),
        ({"a": [{"exists": "yes"}]}, "unrecognized match type 'exists'"),
        ({"a": [{"wildcard": "a**b"}]}, "consecutive wildcard characters at position 1"),
        ({"a": [{"wildcard": "a\\b"}]}, "invalid escape character at position 1"),
        ({"a": [{"numeric": [">"]}]}, "one or two comparisons"),
        ({"a": [{"numeric": ["~", 1]}]}, "unrecognized numeric range operator '~'"),
        ({"a": [{"numeric": ["<", 5e10]}]}, "between -5.0e9 and 5.0e9"),
        ({"a": [{"numeric": [">", 5, "<", 1]}]}, "a range goes from"),
        ({"a": [{"anything-but": []}]}, "empty arrays"),
        ({"a": [{"anything-but": {"numeric": ["<", 1]}}]}, "allowed is one of"),
        ({"a": [{"cidr": "10.0.0/33"}]}, "10.0.0/33"),
        ({"$or": [{"a": ["x"]}]}, "at least two objects"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(pattern: Any, said: str) -> None:
    with pytest.raises(BadPattern, match=said.replace("(", r"\(").replace(".", r"\.")):
        Pattern(pattern)


def test_a_pattern_nested_too_deep_is_refused() -> None:
    pattern: dict[str, Any] = {"a": ["x"]}
    for _ in range(500):
        pattern = {"a": pattern}
    with pytest.raises(BadPattern, match="64 levels"):
        Pattern(pattern)


NAMES = st.sampled_from(["a", "b", "c", "$or"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text("ab*\\.", max_size=4)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
EVENTS = st.dictionaries(NAMES, JSON, max_size=3)
MATCHERS = st.sampled_from(
    ["prefix", "suffix", "exists", "anything-but", "numeric", "equals-ignore-case", "wildcard", "cidr"]
)
LEAVES = st.lists(SCALARS | st.dictionaries(MATCHERS, JSON, min_size=1, max_size=1), min_size=1, max_size=3)
PATTERNS = st.recursive(
    st.dictionaries(NAMES, LEAVES, min_size=1, max_size=3),
    lambda inner: st.dictionaries(
        NAMES, inner | LEAVES | st.lists(inner, min_size=2, max_size=2), min_size=1
    ),
    max_leaves=6,
)


def compiled(source: Any) -> Pattern | None:
    try:
        return Pattern(source)
    except BadPattern:
        return None


def leaf(value: Any, *allowed: Any) -> bool:
    return Pattern({"a": list(allowed)}).matches({"a": value})


@given(PATTERNS | JSON, EVENTS)
def test_any_pattern_is_refused_or_answers(source: Any, event: dict[str, Any]) -> None:
    pattern = compiled(source)
    assert pattern is None or pattern.matches(event) in {True, False}


@given(EVENTS, PATTERNS, PATTERNS)
def test_or_is_any_of_its_patterns(event: dict[str, Any], one: Any, other: Any) -> None:
    first, second = compiled(one), compiled(other)
    if first and second:
        either = Pattern({"$or": [one, other]})
        assert either.matches(event) == (first.matches(event) or second.matches(event))


@given(EVENTS, LEAVES, LEAVES)
def test_members_of_a_pattern_must_all_hold(event: dict[str, Any], one: Any, other: Any) -> None:
    first, second = compiled({"a": one}), compiled({"b": other})
    if first and second:
        assert Pattern({"a": one, "b": other}).matches(event) == (
            first.matches(event) and second.matches(event)
        )


@given(SCALARS, st.lists(SCALARS, min_size=1, max_size=3))
def test_a_list_of_literals_is_any_of_them(value: Any, allowed: list[Any]) -> None:
    expected = any(type(value) is type(one) and value == one for one in allowed)
    assert leaf(value, *allowed) == expected


@given(SCALARS, st.text("ab", max_size=3) | st.integers(-9, 9))
def test_anything_but_is_the_opposite_for_single_values(value: Any, refused: Any) -> None:
    assert leaf(value, {"anything-but": refused}) != leaf(value, refused)


@given(SCALARS)
def test_what_is_there_exists_and_nothing_else(value: Any) -> None:
    assert leaf(value, {"exists": True})
    assert not leaf(value, {"exists": False})
    assert Pattern({"b": [{"exists": False}]}).matches({"a": value})


@given(st.text("abc", max_size=12), st.text("abc*", max_size=8).filter(lambda text: "**" not in text))
def test_wildcards_are_those_of_file_names(value: str, wildcard: str) -> None:
    assert leaf(value, {"wildcard": wildcard}) == fnmatch.fnmatchcase(value, wildcard)


@given(st.floats(-9, 9) | st.integers(-9, 9), st.integers(-9, 8), st.sampled_from([(">", "<="), (">=", "<")]))
def test_a_range_is_both_of_its_comparisons(value: float, low: int, signs: tuple[str, str]) -> None:
    both = leaf(value, {"numeric": [signs[0], low, signs[1], low + 1]})
    each = [
        leaf(value, {"numeric": [sign, bound]}) for sign, bound in zip(signs, (low, low + 1), strict=True)
    ]
    assert both == all(each)
