"""Lifecycle configurations through an unmodified client; `test_expiry` has what they do."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.services.s3.conftest import Refusals


def rule(**members: Any) -> dict[str, Any]:
    return {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}, **members}


def configure(s3: Any, bucket: str, *rules: dict[str, Any]) -> None:
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})


def test_rules_come_back_as_they_were_put(s3: Any, bucket: str) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    rules = [
        {"ID": "one", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}},
        {
            "ID": "two",
            "Status": "Disabled",
            "Filter": {"And": {"Prefix": "x", "Tags": tags, "ObjectSizeGreaterThan": 5}},
            "Expiration": {"Date": datetime(2040, 1, 1, tzinfo=UTC)},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        },
        {
            "ID": "three",
            "Status": "Enabled",
            "Filter": {},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
    ]
    configure(s3, bucket, *rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules


def test_a_rule_without_an_id_gets_one(s3: Any, bucket: str) -> None:
    configure(s3, bucket, rule(), rule())
    names = {entry["ID"] for entry in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert len(names) == 2


def test_rules_can_be_dropped(s3: Any, bucket: str, refused: Refusals) -> None:
    missing = ("NoSuchLifecycleConfiguration", 404)
    assert refused("get_bucket_lifecycle_configuration", Bucket=bucket) == missing
    configure(s3, bucket, rule())
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert refused("get_bucket_lifecycle_configuration", Bucket=bucket) == missing


TAG = {"Tag": {"Key": "a", "Value": "1"}}


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (rule(Status="enabled"), "MalformedXML"),
        (rule(Prefix="a"), "MalformedXML"),
        (rule(Filter={"Prefix": "a", **TAG}), "MalformedXML"),
        (rule(Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True}), "MalformedXML"),
        (rule(Expiration={"Days": 0}), "InvalidArgument"),
        (rule(Expiration={"Date": datetime(2040, 1, 1, 12, tzinfo=UTC)}), "InvalidArgument"),
        (rule(ID="x" * 256), "InvalidArgument"),
        (rule(NoncurrentVersionExpiration={"NoncurrentDays": 0}), "InvalidArgument"),
        (rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0}), "InvalidArgument"),
        (rule(Expiration={"ExpiredObjectDeleteMarker": True}, Filter=TAG), "InvalidRequest"),
        (rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}, Filter=TAG), "InvalidRequest"),
        ({"Status": "Enabled", "Filter": {}}, "InvalidRequest"),
        ({"Status": "Enabled", "Expiration": {"Days": 1}}, "MalformedXML"),
    ],
)
def test_bad_rules_are_refused(refused: Refusals, bucket: str, wish: dict[str, Any], code: str) -> None:
    configuration = {"Rules": [wish]}
    answer = refused(
        "put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration=configuration
    )
    assert answer == (code, 400)


def test_ids_are_unique(refused: Refusals, bucket: str) -> None:
    configuration = {"Rules": [rule(ID="same"), rule(ID="same")]}
    answer = refused(
        "put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration=configuration
    )
    assert answer == ("InvalidArgument", 400)


def test_transitions_are_refused(refused: Refusals, bucket: str) -> None:
    configuration = {"Rules": [rule(Transitions=[{"Days": 30, "StorageClass": "GLACIER"}])]}
    error = refused.error(
        "put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration=configuration
    )
    assert error["Error"]["Code"] == "NotImplemented"
    assert "Transitions" in error["Error"]["Message"]


def test_objects_say_when_they_expire(s3: Any, bucket: str) -> None:
    configure(
        s3, bucket, rule(ID="all of it"), rule(ID="later", Expiration={"Days": 9}), rule(Status="Disabled")
    )
    name = {"Bucket": bucket, "Key": "k"}
    made = s3.put_object(**name, Body=b"x")
    assert made["Expiration"].endswith('00:00:00 GMT", rule-id="all%20of%20it"')
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=name)
    said = [s3.get_object(**name)["Expiration"], s3.head_object(**name)["Expiration"], copied["Expiration"]]
    assert said == [made["Expiration"]] * 3


def test_objects_no_rule_is_about_say_nothing(s3: Any, bucket: str) -> None:
    configure(s3, bucket, rule(Filter={"Prefix": "a/"}), rule(Filter=TAG))
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert "Expiration" in s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=2")


def test_uploads_say_when_they_are_aborted(s3: Any, bucket: str) -> None:
    name = {"Bucket": bucket, "Key": "k"}
    assert "AbortDate" not in s3.create_multipart_upload(**name)
    abort = {"DaysAfterInitiation": 2}
    configure(
        s3, bucket, {"ID": "r", "Status": "Enabled", "Filter": {}, "AbortIncompleteMultipartUpload": abort}
    )
    made = s3.create_multipart_upload(**name)
    listed = s3.list_parts(**name, UploadId=made["UploadId"])
    for answer in (made, listed):
        assert answer["AbortRuleId"] == "r"
        assert (answer["AbortDate"] - datetime.now(UTC)).total_seconds() < 3 * 86_400


def test_rules_that_end_beyond_all_dates_harm_nothing(s3: Any, bucket: str) -> None:
    longest = 2**31 - 1
    abort = {"DaysAfterInitiation": longest}
    past = {"NoncurrentDays": longest}
    rules = rule(
        Expiration={"Days": longest}, AbortIncompleteMultipartUpload=abort, NoncurrentVersionExpiration=past
    )
    configure(s3, bucket, rules)
    name = {"Bucket": bucket, "Key": "k"}
    assert "31 Dec 9999" in s3.put_object(**name, Body=b"x")["Expiration"]
    assert "31 Dec 9999" in s3.get_object(**name)["Expiration"]
    assert s3.create_multipart_upload(**name)["AbortDate"].year == 9999
