from typing import Any

import pytest

from tests.services.s3.conftest import Refusals

KEYS = ["a", "b/1", "b/2", "b/c/3", "d+e f", "z", "é/x"]


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def keys(page: dict[str, Any]) -> list[str]:
    return [entry["Key"] for entry in page.get("Contents", [])]


def groups(page: dict[str, Any]) -> list[str]:
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_join(s3: Any, filled: str, operation: str, size: int) -> None:
    pages = list(s3.get_paginator(operation).paginate(Bucket=filled, PaginationConfig={"PageSize": size}))
    assert [key for page in pages for key in keys(page)] == KEYS


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_pages_of_groups_join(s3: Any, filled: str, operation: str) -> None:
    pages = list(
        s3.get_paginator(operation).paginate(Bucket=filled, Delimiter="/", PaginationConfig={"PageSize": 2})
    )
    assert [group for page in pages for group in groups(page)] == ["b/", "é/"]
    assert [key for page in pages for key in keys(page)] == ["a", "d+e f", "z"]


def test_an_entry_says_what_the_object_is(s3: Any, filled: str) -> None:
    (entry,) = s3.list_objects_v2(Bucket=filled, Prefix="a", FetchOwner=True)["Contents"]
    head = s3.head_object(Bucket=filled, Key="a")
    assert (entry["Size"], entry["ETag"], entry["LastModified"]) == (1, head["ETag"], head["LastModified"])
    assert (entry["StorageClass"], len(entry["Owner"]["ID"])) == ("STANDARD", 64)


def test_a_page_says_what_was_asked(s3: Any, filled: str) -> None:
    page = s3.list_objects_v2(Bucket=filled, Prefix="b/", Delimiter="/", StartAfter="b/1", MaxKeys=1)
    shown = {name: page[name] for name in ("Prefix", "Delimiter", "StartAfter", "MaxKeys", "KeyCount")}
    assert shown == {"Prefix": "b/", "Delimiter": "/", "StartAfter": "b/1", "MaxKeys": 1, "KeyCount": 1}
    assert (page["IsTruncated"], keys(page)) == (True, ["b/2"])


def test_a_marker_within_a_group_keeps_the_group(s3: Any, filled: str) -> None:
    assert groups(s3.list_objects(Bucket=filled, Delimiter="/", Marker="b/1")) == ["b/", "é/"]


def test_a_marker_that_is_a_group_skips_it(s3: Any, filled: str) -> None:
    assert groups(s3.list_objects(Bucket=filled, Delimiter="/", Marker="b/")) == ["é/"]


def test_bad_parameters_are_refused(filled: str, refused: Refusals) -> None:
    assert refused("list_objects_v2", Bucket=filled, MaxKeys=-1) == ("InvalidArgument", 400)
    assert refused("list_objects_v2", Bucket=filled, ContinuationToken="?")[0] == "InvalidArgument"
