from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.core.page import listing_of, read_token, scan, write_token
from sagesse.core.record import Listing
from sagesse.core.store_sqlite import SqliteStore
from sagesse.testing.store import SCOPE, make_record


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


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_a_scan_reads_everything_in_order(tmp_path: Path, limit: int) -> None:
    store = SqliteStore(tmp_path / "records.db", durable=False)
    for number in range(20):
        store.insert(make_record(f"a{number:02}", created=float(number // 3)))
    found = [record.name for record in scan(store, "test:Thing", SCOPE, Listing(limit=limit))]
    store.close()
    assert found == [f"a{number:02}" for number in range(20)]
