import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.core.page import listing_of, read_token, write_token


@given(st.sampled_from(["name", "status"]), st.text(), st.text())
def test_a_text_token_comes_back(sort: str, value: str, name: str) -> None:
    assert read_token(write_token((value, name), sort), sort) == (value, name)


@given(st.floats(allow_nan=False, allow_infinity=False), st.text())
def test_a_time_token_comes_back(value: float, name: str) -> None:
    assert read_token(write_token((value, name), "created"), "created") == (value, name)


@given(st.text())
def test_any_other_text_is_refused_clearly(token: str) -> None:
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        read_token(token, "created")


def test_a_token_of_another_order_is_refused() -> None:
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        read_token(write_token((1.0, "a"), "created"), "modified")


def test_the_order_is_the_documented_default_unless_asked() -> None:
    assert listing_of({}, descending=True, after=None, limit=5).is_descending
    assert not listing_of({"SortOrder": "Ascending"}, descending=True, after=None, limit=5).is_descending
