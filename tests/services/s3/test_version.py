"""Versions through an unmodified client."""

import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.services.s3.conftest import Refusals


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def body_of(s3: Any, bucket: str, **more: Any) -> bytes:
    return s3.get_object(Bucket=bucket, Key="k", **more)["Body"].read()


def put(s3: Any, bucket: str, body: bytes, key: str = "k") -> str:
    return s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]


def listed(s3: Any, bucket: str, **more: Any) -> dict[str, Any]:
    """Versions and markers of all pages."""
    found: dict[str, Any] = {"Versions": [], "DeleteMarkers": []}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, **more):
        for name, entries in found.items():
            entries.extend(page.get(name, []))
    return found


def test_a_new_bucket_has_no_versioning(s3: Any, bucket: str) -> None:
    answer = s3.get_bucket_versioning(Bucket=bucket)
    assert "Status" not in answer
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert "VersionId" not in s3.get_object(Bucket=bucket, Key="k")


def test_versioning_is_enabled_and_suspended(s3: Any, bucket: str) -> None:
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


def test_a_versioning_without_status_is_refused(refused: Refusals, bucket: str) -> None:
    code = refused("put_bucket_versioning", Bucket=bucket, VersioningConfiguration={})
    assert code == ("IllegalVersioningConfigurationException", 400)


def test_versions_are_read_by_their_ids(s3: Any, versioned: str) -> None:
    first, second = put(s3, versioned, b"1"), put(s3, versioned, b"22" * 100_000)
    assert body_of(s3, versioned, VersionId=first) == b"1"
    assert body_of(s3, versioned) == b"22" * 100_000
    assert s3.head_object(Bucket=versioned, Key="k")["VersionId"] == second
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=first)["ContentLength"] == 1


def test_objects_from_before_are_null(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    put(s3, bucket, b"after")
    assert body_of(s3, bucket, VersionId="null") == b"before"


def test_deleting_leaves_a_marker_that_can_be_deleted(s3: Any, versioned: str, refused: Refusals) -> None:
    put(s3, versioned, b"x")
    answer = s3.delete_object(Bucket=versioned, Key="k")
    assert answer["DeleteMarker"]
    assert refused("get_object", Bucket=versioned, Key="k") == ("NoSuchKey", 404)
    again = s3.delete_object(Bucket=versioned, Key="k", VersionId=answer["VersionId"])
    assert (again["DeleteMarker"], again["VersionId"]) == (True, answer["VersionId"])
    assert body_of(s3, versioned) == b"x"


def test_a_marker_says_that_it_is_one(s3: Any, versioned: str, refused: Refusals) -> None:
    put(s3, versioned, b"x")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    wanted = {"x-amz-delete-marker": "true", "x-amz-version-id": marker}
    for operation in ("get_object", "head_object"):
        missing = refused.error(operation, Bucket=versioned, Key="k")["ResponseMetadata"]
        assert missing["HTTPStatusCode"] == 404
        assert wanted.items() <= missing["HTTPHeaders"].items()
        named = refused.error(operation, Bucket=versioned, Key="k", VersionId=marker)["ResponseMetadata"]
        assert named["HTTPStatusCode"] == 405
        assert (wanted | {"allow": "DELETE"}).items() <= named["HTTPHeaders"].items()
        assert "last-modified" in named["HTTPHeaders"]


def test_deleting_a_version_is_for_good(s3: Any, versioned: str, refused: Refusals) -> None:
    first = put(s3, versioned, b"1")
    answer = s3.delete_object(Bucket=versioned, Key="k", VersionId=first)
    assert answer["VersionId"] == first
    assert "DeleteMarker" not in answer
    assert refused("get_object", Bucket=versioned, Key="k", VersionId=first) == ("NoSuchVersion", 404)


@pytest.mark.parametrize("version", ["nonsense", "0" * 31])
def test_what_is_no_version_id_is_refused(refused: Refusals, versioned: str, version: str) -> None:
    assert refused("get_object", Bucket=versioned, Key="k", VersionId=version) == ("InvalidArgument", 400)


def test_many_versions_are_deleted_at_once(s3: Any, versioned: str) -> None:
    first = put(s3, versioned, b"1")
    put(s3, versioned, b"1", "other")
    wish = [{"Key": "k", "VersionId": first}, {"Key": "other"}, {"Key": "x", "VersionId": "nonsense"}]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": wish})
    deleted = {entry["Key"]: entry for entry in answer["Deleted"]}
    assert deleted["k"] == {"Key": "k", "VersionId": first}
    assert deleted["other"]["DeleteMarker"]
    assert deleted["other"]["DeleteMarkerVersionId"] in str(listed(s3, versioned)["DeleteMarkers"])
    assert [(error["Key"], error["VersionId"], error["Code"]) for error in answer["Errors"]] == [
        ("x", "nonsense", "InvalidArgument")
    ]


def test_versions_are_listed_from_the_newest(s3: Any, versioned: str) -> None:
    ids = [put(s3, versioned, body) for body in (b"1", b"22", b"333")]
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    found = listed(s3, versioned)
    assert [entry["VersionId"] for entry in found["Versions"]] == ids[::-1]
    assert [entry["Size"] for entry in found["Versions"]] == [3, 2, 1]
    assert not any(entry["IsLatest"] for entry in found["Versions"])
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in found["DeleteMarkers"]] == [(marker, True)]


def test_pages_of_versions_join(s3: Any, versioned: str) -> None:
    for key in ("a", "b ü", "c"):
        for body in (b"1", b"2", b"3"):
            put(s3, versioned, body, key)
        s3.delete_object(Bucket=versioned, Key=key)
    whole = listed(s3, versioned)
    for size in (1, 2, 5):
        assert listed(s3, versioned, PaginationConfig={"PageSize": size}) == whole
    assert {entry["Key"] for entry in whole["Versions"]} == {"a", "b ü", "c"}


def test_versions_have_prefixes_and_common_prefixes(s3: Any, versioned: str) -> None:
    for key in ("a/1", "a/1", "b/1", "c"):
        put(s3, versioned, b"", key)
    answer = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [entry["Prefix"] for entry in answer["CommonPrefixes"]] == ["a/", "b/"]
    assert [entry["Key"] for entry in answer["Versions"]] == ["c"]
    assert len(s3.list_object_versions(Bucket=versioned, Prefix="a/")["Versions"]) == 2


def test_a_version_marker_needs_a_key_marker(refused: Refusals, versioned: str) -> None:
    code = refused("list_object_versions", Bucket=versioned, VersionIdMarker="0" * 32)
    assert code == ("InvalidArgument", 400)


def test_an_emptied_bucket_goes(s3: Any, versioned: str, refused: Refusals) -> None:
    put(s3, versioned, b"1")
    s3.delete_object(Bucket=versioned, Key="k")
    assert refused("delete_bucket", Bucket=versioned) == ("BucketNotEmpty", 409)
    found = listed(s3, versioned)
    everything = [
        {"Key": entry["Key"], "VersionId": entry["VersionId"]} for part in found.values() for entry in part
    ]
    s3.delete_objects(Bucket=versioned, Delete={"Objects": everything})
    s3.delete_bucket(Bucket=versioned)


def test_an_old_version_is_restored_by_a_copy(s3: Any, versioned: str) -> None:
    first = put(s3, versioned, b"good")
    put(s3, versioned, b"bad")
    source = {"Bucket": versioned, "Key": "k", "VersionId": first}
    answer = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert answer["CopySourceVersionId"] == first
    assert answer["VersionId"] not in {first, None}
    assert body_of(s3, versioned) == b"good"


def test_a_marker_is_no_source(s3: Any, versioned: str, refused: Refusals) -> None:
    put(s3, versioned, b"x")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    source = {"Bucket": versioned, "Key": "k"}
    assert refused("copy_object", Bucket=versioned, Key="c", CopySource=source) == ("NoSuchKey", 404)
    source["VersionId"] = marker
    assert refused("copy_object", Bucket=versioned, Key="c", CopySource=source) == ("InvalidRequest", 400)


def test_an_upload_makes_a_version(s3: Any, versioned: str) -> None:
    first = put(s3, versioned, b"x" * 10)
    name = {"Bucket": versioned, "Key": "k"}
    upload = s3.create_multipart_upload(**name)["UploadId"]
    source = {**name, "VersionId": first}
    part = s3.upload_part_copy(**name, UploadId=upload, PartNumber=1, CopySource=source)
    assert part["CopySourceVersionId"] == first
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    made = s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(**name)["VersionId"] == made["VersionId"] != first


def test_tags_and_attributes_are_those_of_the_version(s3: Any, versioned: str) -> None:
    first, second = put(s3, versioned, b"1"), put(s3, versioned, b"22")
    name = {"Bucket": versioned, "Key": "k"}
    tags = {"TagSet": [{"Key": "t", "Value": "1"}]}
    assert s3.put_object_tagging(**name, VersionId=first, Tagging=tags)["VersionId"] == first
    assert s3.get_object_tagging(**name, VersionId=first)["TagSet"] == tags["TagSet"]
    assert s3.get_object_tagging(**name)["TagSet"] == []
    size = s3.get_object_attributes(**name, VersionId=first, ObjectAttributes=["ObjectSize"])
    assert (size["ObjectSize"], size["VersionId"]) == (1, first)
    assert s3.delete_object_tagging(**name, VersionId=second)["VersionId"] == second


def test_conditions_hold_for_versions(s3: Any, versioned: str, refused: Refusals) -> None:
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"1")
    put(s3, versioned, b"2")
    name = {"Bucket": versioned, "Key": "k"}
    assert refused("get_object", **name, IfMatch=first["ETag"]) == ("PreconditionFailed", 412)
    assert body_of(s3, versioned, VersionId=first["VersionId"], IfMatch=first["ETag"]) == b"1"
    s3.delete_object(**name)
    s3.put_object(**name, Body=b"3", IfNoneMatch="*")


def test_an_unchanged_object_answers_with_its_etag(s3: Any, bucket: str, refused: Refusals) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, headers={"If-None-Match": etag}))
    with caught.value as answer:
        assert (answer.code, answer.headers["ETag"]) == (304, etag)


def test_a_listing_goes_on_after_an_invented_version(s3: Any, versioned: str) -> None:
    put(s3, versioned, b"1")
    put(s3, versioned, b"2", key="later")
    for invented, left in (("f" * 32, ["k", "later"]), ("0" * 32, ["later"])):
        page = s3.list_object_versions(Bucket=versioned, KeyMarker="k", VersionIdMarker=invented)
        assert [entry["Key"] for entry in page["Versions"]] == left
