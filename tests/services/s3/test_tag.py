from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.services.s3._tag import tags_of_header, tags_of_set
from tests.services.s3.conftest import Refusals


def test_tags_of_an_object_are_replaced_and_removed(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**named, Body=b"", Tagging="a=1&b=x%20y")
    assert s3.get_object_tagging(**named)["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "x y"},
    ]
    s3.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    assert s3.get_object_tagging(**named)["TagSet"] == [{"Key": "c", "Value": ""}]
    s3.delete_object_tagging(**named)
    assert s3.get_object_tagging(**named)["TagSet"] == []


def test_tags_of_a_bucket(s3: Any, bucket: str, refused: Refusals) -> None:
    assert refused("get_bucket_tagging", Bucket=bucket) == ("NoSuchTagSet", 404)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "1"}]
    s3.delete_bucket_tagging(Bucket=bucket)
    assert refused("get_bucket_tagging", Bucket=bucket) == ("NoSuchTagSet", 404)


def test_tags_of_nothing_are_refused(bucket: str, refused: Refusals) -> None:
    assert refused("get_object_tagging", Bucket=bucket, Key="none") == ("NoSuchKey", 404)


@pytest.mark.parametrize(
    "header", ["a", "a=1&a=2", "=1", "aws:x=1", f"{'k' * 129}=1", f"k={'v' * 257}", "a%7B=1", "a=%23"]
)
def test_bad_tags_are_refused(header: str) -> None:
    with pytest.raises(ServiceError, match=r"InvalidTag|InvalidArgument"):
        tags_of_header(header)


def test_an_object_has_ten_tags_at_most() -> None:
    tags = [{"Key": str(number), "Value": ""} for number in range(11)]
    with pytest.raises(ServiceError, match="BadRequest"):
        tags_of_set({"TagSet": tags}, limit=10)


def test_a_tag_has_letters_of_any_language() -> None:
    assert tags_of_header("%C3%BC+1_.%3A%2F%3D%2B-%40=%E6%97%A5") == {"ü 1_.:/=+-@": "日"}
