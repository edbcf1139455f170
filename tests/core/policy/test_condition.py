"""Condition operators, against the IAM user guide's tables."""

from typing import Any

import pytest

from tests.core.policy.build import holds

AGENT = "aws:UserAgent"


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a*", "a*", True),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEqualsIgnoreCase", "a", "A", False),
        ("StringLike", "a*", "abc", True),
        ("StringLike", "a?", "abc", False),
        ("StringNotLike", "a*", "abc", False),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", 10, "10", True),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "9", False),
        ("NumericGreaterThanEquals", "10", "10", True),
        ("NumericEquals", "10", "ten", False),
        ("NumericNotEquals", "10", "ten", True),
        ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", True),
        ("DateLessThan", "2026-01-02", "2026-01-01T12:00:00Z", True),
        ("DateGreaterThan", "2026-01-02", "2026-01-01T12:00:00Z", False),
        ("DateNotEquals", "2026-01-02", "2026-01-02T00:00:00+00:00", False),
        ("DateLessThanEquals", "2026-01-02", "2026-01-02", True),
        ("DateGreaterThanEquals", "2026-01-02", "2026-01-02", True),
        ("Bool", "true", "true", True),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ6", False),
        ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
        ("IpAddress", "203.0.113.0/24", "198.51.100.7", False),
        ("IpAddress", ["198.51.100.7", "2001:db8::/32"], "2001:db8::1", True),
        ("IpAddress", "0.0.0.0/0", "not-an-address", False),
        ("NotIpAddress", "203.0.113.0/24", "198.51.100.7", True),
        ("ArnLike", "arn:aws:sns:*:123456789012:t-*", "arn:aws:sns:eu-west-1:123456789012:t-1", True),
        ("ArnEquals", "arn:aws:sns:*:123456789012:t-*", "arn:aws:sns:eu-west-1:123456789012:t-1", True),
        ("ArnNotLike", "arn:aws:sns:*:*:t", "arn:aws:sns:x:1:u", True),
        ("ArnNotEquals", "arn:aws:sns:*:*:t", "arn:aws:sns:x:1:t", False),
    ],
)
def test_operators_compare_as_documented(operator: str, wanted: Any, value: str, expected: bool) -> None:
    assert holds(operator, AGENT, wanted, {AGENT: value}) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "expected"),
    [
        ("StringEquals", "a", False),
        ("StringNotEquals", "a", True),
        ("StringEqualsIfExists", "a", True),
        ("NumericLessThan", "1", False),
        ("NumericLessThanIfExists", "1", True),
        ("Bool", "false", False),
        ("BoolIfExists", "false", True),
        ("NotIpAddress", "10.0.0.0/8", True),
        ("IpAddress", "10.0.0.0/8", False),
        ("ArnNotLike", "arn:aws:s3:::x", True),
        ("Null", "true", True),
        ("Null", "false", False),
        ("ForAllValues:StringEquals", "a", True),
        ("ForAnyValue:StringEquals", "a", False),
        ("ForAnyValue:StringEqualsIfExists", "a", True),
    ],
)
def test_a_missing_key_decides_as_documented(operator: str, wanted: str, expected: bool) -> None:
    assert holds(operator, "aws:TagKeys", wanted, {}) is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAllValues:StringEquals", ["a"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAllValues:StringNotEquals", ["c", "d"], True),
        ("ForAllValues:StringNotEquals", ["a", "d"], False),
        ("ForAnyValue:StringEquals", ["a", "c"], True),
        ("ForAnyValue:StringEquals", ["c"], False),
        ("ForAnyValue:StringNotEquals", ["a", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], False),
        ("ForAllValues:StringLike", ["a", "b"], True),
    ],
)
def test_set_operators_judge_every_value(operator: str, values: list[str], expected: bool) -> None:
    assert holds(operator, "aws:TagKeys", ["a", "b"], {"aws:TagKeys": values}) is expected


def test_null_asks_for_a_present_key() -> None:
    assert holds("Null", "aws:TagKeys", "false", {"aws:TagKeys": "a"})


def test_keys_are_compared_without_case() -> None:
    assert holds("StringEquals", "AWS:useragent", "a", {"aws:UserAgent": "a"})


def test_values_may_hold_variables() -> None:
    facts = {"aws:username": "ann", "s3:prefix": "home/ann/x"}
    assert holds("StringLike", "s3:prefix", "home/${aws:username}/*", facts)
    assert not holds("StringEquals", "s3:prefix", "home/${aws:nobody}", facts)


def test_an_empty_service_key_is_a_value() -> None:
    assert holds("StringEquals", "s3:prefix", "", {"s3:prefix": ""})


def test_an_empty_global_key_is_absent() -> None:
    assert holds("Null", "aws:username", "true", {"aws:username": ""})
