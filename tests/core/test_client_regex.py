"""Regexes of clients."""

import pytest

from sagesse.core.client_regex import compile_regex


@pytest.mark.parametrize(
    "text",
    [
        "a{1000000000}",
        "((a{1000}){1000}){1000}",
        "(?:[a-z]{999}){999}",
        "a{99999999999999999999}",
        r"(\({9999}x){99}",
        "(",
        "a**",
    ],
)
def test_what_would_take_all_memory_or_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compile_regex(text)


@pytest.mark.parametrize(
    "text",
    [
        r"\d{4}-\d{2}-\d{2}T(\d{2}:){2}\d{2}",
        r"loss: ([0-9]{1,9}\.[0-9]+)",
        "[a-z]{0,1000}",
        "[]{9999999}]",
        ".{999}",
    ],
)
def test_what_people_write_is_compiled(text: str) -> None:
    assert compile_regex(text).pattern == text
