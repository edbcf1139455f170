from typing import Any

import pytest

from tests.services.s3.conftest import Refusals


@pytest.fixture(params=[10, 300_000])
def source(s3: Any, bucket: str, request: pytest.FixtureRequest) -> dict[str, str]:
    body = bytes(request.param)
    s3.put_object(
        Bucket=bucket, Key="a b/ü", Body=body, Metadata={"m": "1"}, ContentType="a/b", Tagging="t=1"
    )
    return {"Bucket": bucket, "Key": "a b/ü"}


def test_a_copy_has_bytes_and_attributes(s3: Any, bucket: str, source: dict[str, str]) -> None:
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource=source)["CopyObjectResult"]
    found = s3.get_object(Bucket=bucket, Key="to")
    assert found["Body"].read() == s3.get_object(**source)["Body"].read()
    assert (found["Metadata"], found["ContentType"], found["TagCount"]) == ({"m": "1"}, "a/b", 1)
    assert copied["ETag"] == found["ETag"]


def test_attributes_may_be_replaced(s3: Any, bucket: str, source: dict[str, str]) -> None:
    s3.copy_object(
        Bucket=bucket, Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"}
    )
    head = s3.head_object(Bucket=bucket, Key="to")
    assert (head["Metadata"], head["ContentType"]) == ({"n": "2"}, "binary/octet-stream")


def test_a_copy_onto_itself_must_change_something(
    s3: Any, bucket: str, source: dict[str, str], refused: Refusals
) -> None:
    assert refused("copy_object", **source, CopySource=source) == ("InvalidRequest", 400)
    s3.copy_object(**source, CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"})
    assert s3.head_object(**source)["Metadata"] == {"n": "2"}
    s3.copy_object(**source, CopySource=source, StorageClass="STANDARD")


@pytest.mark.parametrize("what", ["Metadata", "Tagging"])
def test_a_directive_is_one_of_two(bucket: str, source: dict[str, str], refused: Refusals, what: str) -> None:
    wish = {"Bucket": bucket, "Key": "to", "CopySource": source, f"{what}Directive": "KEEP"}
    error = refused.error("copy_object", **wish)["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidArgument", f"Unknown {what.lower()} directive.")


def test_conditions_on_the_source(s3: Any, bucket: str, source: dict[str, str], refused: Refusals) -> None:
    etag = s3.head_object(**source)["ETag"]
    wish = {"Bucket": bucket, "Key": "to", "CopySource": source}
    assert refused("copy_object", **wish, CopySourceIfMatch='"x"') == ("PreconditionFailed", 412)
    assert refused("copy_object", **wish, CopySourceIfNoneMatch=etag) == ("PreconditionFailed", 412)
    s3.copy_object(**wish, CopySourceIfMatch=etag)


def test_a_missing_source_is_refused(bucket: str, refused: Refusals) -> None:
    assert refused("copy_object", Bucket=bucket, Key="to", CopySource=f"{bucket}/none") == ("NoSuchKey", 404)
    assert refused("copy_object", Bucket=bucket, Key="to", CopySource="not-there/k") == ("NoSuchBucket", 404)
    assert refused("copy_object", Bucket=bucket, Key="to", CopySource="nonsense") == ("InvalidArgument", 400)
