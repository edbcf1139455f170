"""Patterns."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.policy.facts import Facts
from sagesse.core.policy.glob import cut, globs, matcher

NO_FACTS = Facts.of()


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("*", "", True),
        ("a*", "abc", True),
        ("a*", "ba", False),
        ("*c", "abc", True),
        ("*b", "abc", False),
        ("a*c*e", "abcde", True),
        ("a*c*e", "abde", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*a?", "aab", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("a*", "a\nb", True),
        ("", "", True),
        ("", "a", False),
        ("**a**", "xay", True),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "ab", False),
    ],
)
def test_wildcards_match_whole_texts(pattern: str, text: str, is_match: bool) -> None:
    assert globs([pattern])(text, NO_FACTS) is is_match
    assert matcher(cut(pattern, has_variables=False))(text, NO_FACTS) is is_match


def _slow(pattern: str, text: str) -> bool:
    """The definition, by dynamic programming."""
    reach = {0}
    for character in pattern:
        if character == "*":
            reach = {end for start in reach for end in range(start, len(text) + 1)}
        else:
            reach = {i + 1 for i in reach if i < len(text) and character in ("?", text[i])}
    return len(text) in reach


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_every_pattern_matches_as_defined(pattern: str, text: str) -> None:
    assert globs([pattern])(text, NO_FACTS) is _slow(pattern, text)


def test_a_hostile_pattern_is_quick() -> None:
    matches = globs(["*a" * 200 + "b"])
    started = time.perf_counter()
    assert not matches("a" * 2000, NO_FACTS)
    assert time.perf_counter() - started < 0.5


def test_case_is_ignored_when_asked() -> None:
    assert globs(["S3:get*", "iam:PassRole"], ignore_case=True)("s3:GETobject", NO_FACTS)
    assert globs(["iam:PassRole"], ignore_case=True)("IAM:passrole", NO_FACTS)


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/ann/x", True),
        ("arn:aws:s3:::home/${AWS:UserName}/*", "arn:aws:s3:::home/ann/x", True),
        ("arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/bob/x", False),
        ("arn:aws:s3:::home/${aws:nothing}", "arn:aws:s3:::home/", False),
        ("arn:aws:s3:::home/${aws:nothing, 'all'}", "arn:aws:s3:::home/all", True),
        ("arn:aws:s3:::a${*}b", "arn:aws:s3:::a*b", True),
        ("arn:aws:s3:::a${*}b", "arn:aws:s3:::axb", False),
        ("arn:aws:s3:::${$}{x}", "arn:aws:s3:::${x}", True),
    ],
)
def test_variables_are_replaced(pattern: str, text: str, is_match: bool) -> None:
    facts = Facts.of({"aws:username": "ann"})
    assert globs([pattern], has_variables=True)(text, facts) is is_match


def test_a_wildcard_in_a_variables_value_is_literal() -> None:
    facts = Facts.of({"aws:username": "*"})
    matches = globs(["arn:aws:s3:::${aws:username}"], has_variables=True)
    assert matches("arn:aws:s3:::*", facts)
    assert not matches("arn:aws:s3:::other", facts)


def test_a_wildcard_of_an_arn_stays_in_its_segment() -> None:
    matches = matcher(cut("arn:aws:*:us-east-1:*:job/*", has_variables=False), is_arn=True)
    assert matches("arn:aws:sagemaker:us-east-1:1:job/a:b", NO_FACTS)
    assert not matches("arn:aws:x:y:us-east-1:1:job/a", NO_FACTS)
