import uuid
from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.services.s3.bucket import _check_name, _region
from sagesse.testing.server import Server
from tests.services.s3.conftest import Refusals


def test_a_bucket_is_found_listed_and_deleted(s3: Any, bucket: str) -> None:
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert bucket in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket=bucket)
    assert bucket not in [found["Name"] for found in s3.list_buckets()["Buckets"]]


def test_buckets_are_listed_in_pages(s3: Any) -> None:
    prefix = f"p-{uuid.uuid4().hex}"
    names = [f"{prefix}-{number}" for number in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(Prefix=prefix, PaginationConfig={"PageSize": 2})
    assert [[found["Name"] for found in page["Buckets"]] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]


def test_creating_it_again_is_no_error_in_us_east_1(s3: Any, bucket: str) -> None:
    assert s3.create_bucket(Bucket=bucket)["Location"] == f"/{bucket}"


def test_creating_it_again_is_an_error_elsewhere(s3: Any, server: Server) -> None:
    client = server.client("s3", region="eu-west-1")
    name = f"test-{uuid.uuid4().hex}"
    where = {"LocationConstraint": "eu-west-1"}
    client.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    refused = Refusals(client)
    assert refused("create_bucket", Bucket=name, CreateBucketConfiguration=where) == (
        "BucketAlreadyOwnedByYou",
        409,
    )
    assert Refusals(s3)("create_bucket", Bucket=name) == ("BucketAlreadyOwnedByYou", 409)
    assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    assert refused("create_bucket", Bucket=f"{name}2")[0] == "IllegalLocationConstraintException"


def test_a_bucket_with_objects_is_kept(s3: Any, bucket: str, refused: Refusals) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert refused("delete_bucket", Bucket=bucket) == ("BucketNotEmpty", 409)


def test_a_missing_bucket_is_refused_everywhere(refused: Refusals) -> None:
    assert refused("list_objects_v2", Bucket="not-there") == ("NoSuchBucket", 404)
    assert refused("put_object", Bucket="not-there", Key="k") == ("NoSuchBucket", 404)
    assert refused("head_bucket", Bucket="not-there") == ("404", 404)


def test_another_owner_than_expected_is_refused(bucket: str, refused: Refusals) -> None:
    error = refused("list_objects_v2", Bucket=bucket, ExpectedBucketOwner="000011112222")
    assert error == ("AccessDenied", 403)


def test_what_a_bucket_does_not_have_is_refused(bucket: str, refused: Refusals) -> None:
    name = f"{bucket}-2"[:63]
    assert (
        refused("create_bucket", Bucket=name, ACL="public-read")[0] == "InvalidBucketAclWithObjectOwnership"
    )
    assert refused("get_bucket_replication", Bucket=bucket) == ("NotImplemented", 501)
    assert refused("get_bucket_policy", Bucket=bucket) == ("NoSuchBucketPolicy", 404)


def test_the_acl_is_the_owners(s3: Any, bucket: str) -> None:
    acl = s3.get_bucket_acl(Bucket=bucket)
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
    assert acl["Grants"][0]["Grantee"]["ID"] == acl["Owner"]["ID"]


def test_versioning_was_never_on(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


@pytest.mark.parametrize("name", ["abc", "a.b-c", "0a0", "x" * 63])
def test_good_names_pass(name: str) -> None:
    _check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "x" * 64, "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.1.1"),
        *("xn--a", "a-s3alias", "amzn-s3-demo-x"),
    ],
)
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ServiceError, match="InvalidBucketName"):
        _check_name(name)


def test_us_east_1_creates_anywhere() -> None:
    assert [_region("us-east-1", where) for where in (None, "EU", "ap-south-1")] == [
        "us-east-1",
        "eu-west-1",
        "ap-south-1",
    ]


def test_a_region_that_is_none_is_refused() -> None:
    with pytest.raises(ServiceError, match="InvalidLocationConstraint"):
        _region("us-east-1", "mars-1")
