"""Object lock through an unmodified client."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.s3.conftest import Refusals

LATER = datetime(2090, 1, 2, 3, 4, 5, tzinfo=UTC)
DENIED = ("AccessDenied", 403)


@pytest.fixture
def locked(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def put(s3: Any, bucket: str, **more: Any) -> dict[str, str]:
    """Store an object; its name and version."""
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x", **more)["VersionId"]
    return {"Bucket": bucket, "Key": "k", "VersionId": version}


def retention(mode: str, until: datetime = LATER) -> dict[str, Any]:
    return {"Mode": mode, "RetainUntilDate": until}


def default(mode: str = "GOVERNANCE", **period: int) -> dict[str, Any]:
    rule = {"DefaultRetention": {"Mode": mode, **period}}
    return {"ObjectLockEnabled": "Enabled", "Rule": rule}


def test_a_bucket_with_locks_keeps_versions(s3: Any, locked: str, refused: Refusals) -> None:
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    answer = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert answer == {"ObjectLockEnabled": "Enabled"}
    suspended = {"Status": "Suspended"}
    code = refused("put_bucket_versioning", Bucket=locked, VersioningConfiguration=suspended)
    assert code == ("InvalidBucketState", 409)


def test_a_bucket_without_locks_says_so(bucket: str, refused: Refusals) -> None:
    code = refused("get_object_lock_configuration", Bucket=bucket)
    assert code == ("ObjectLockConfigurationNotFoundError", 404)
    name = {"Bucket": bucket, "Key": "k"}
    for operation, more in (
        ("put_object", {"ObjectLockLegalHoldStatus": "ON"}),
        ("get_object_retention", {}),
        ("get_object_legal_hold", {}),
        ("put_object_legal_hold", {"LegalHold": {"Status": "ON"}}),
        ("put_object_retention", {"Retention": retention("GOVERNANCE")}),
    ):
        assert refused(operation, **name, **more) == ("InvalidRequest", 400), operation


def test_locks_may_be_turned_on_later(s3: Any, bucket: str, refused: Refusals) -> None:
    wish = {"Bucket": bucket, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    assert refused("put_object_lock_configuration", **wish) == ("InvalidBucketState", 409)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(**wish)
    held = put(s3, bucket, ObjectLockLegalHoldStatus="ON")
    assert refused("delete_object", **held) == DENIED


def test_headers_of_a_put_lock_its_version(s3: Any, locked: str, refused: Refusals) -> None:
    name = put(
        s3,
        locked,
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=LATER,
        ObjectLockLegalHoldStatus="OFF",
    )
    answer = s3.head_object(**name)
    assert answer["ObjectLockMode"] == "COMPLIANCE"
    assert answer["ObjectLockRetainUntilDate"] == LATER
    assert answer["ObjectLockLegalHoldStatus"] == "OFF"
    assert s3.get_object_retention(**name)["Retention"] == retention("COMPLIANCE")
    assert refused("delete_object", **name, BypassGovernanceRetention=True) == DENIED


def test_a_locked_version_may_be_covered_but_not_removed(s3: Any, locked: str, refused: Refusals) -> None:
    name = put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=LATER)
    put(s3, locked)
    s3.delete_object(Bucket=locked, Key="k")
    assert refused("delete_object", **name) == DENIED
    entry = {"Key": "k", "VersionId": name["VersionId"]}
    answer = s3.delete_objects(Bucket=locked, Delete={"Objects": [entry]})
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    answer = s3.delete_objects(Bucket=locked, Delete={"Objects": [entry]}, BypassGovernanceRetention=True)
    assert answer["Deleted"] == [entry]


def test_a_default_retention_locks_what_comes(s3: Any, locked: str) -> None:
    early = put(s3, locked)
    wish = default(Days=2)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wish)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == wish
    upload = {"Bucket": locked, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    s3.copy_object(Bucket=locked, Key="copy", CopySource=early)
    in_two_days = datetime.now(UTC) + timedelta(days=2)
    for name in (put(s3, locked), {"Bucket": locked, "Key": "copy"}, {"Bucket": locked, "Key": "k"}):
        answer = s3.head_object(**name)
        assert answer["ObjectLockMode"] == "GOVERNANCE"
        assert abs(answer["ObjectLockRetainUntilDate"] - in_two_days) < timedelta(minutes=1)
    assert "ObjectLockMode" not in s3.head_object(**early)


def test_a_default_retention_can_be_dropped(s3: Any, locked: str) -> None:
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=default(Years=1))
    plain = {"ObjectLockEnabled": "Enabled"}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=plain)
    assert "ObjectLockMode" not in s3.head_object(**put(s3, locked))


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (default(Days=0), "InvalidRetentionPeriod"),
        (default(Days=36_501), "InvalidRetentionPeriod"),
        (default(Days=1, Years=1), "MalformedXML"),
        (default(), "MalformedXML"),
        (default("governance", Days=1), "MalformedXML"),
        ({"ObjectLockEnabled": "enabled"}, "MalformedXML"),
    ],
)
def test_bad_defaults_are_refused(refused: Refusals, locked: str, wish: dict[str, Any], code: str) -> None:
    answer = refused("put_object_lock_configuration", Bucket=locked, ObjectLockConfiguration=wish)
    assert answer == (code, 400)


def test_a_retention_is_made_longer_but_not_shorter(s3: Any, locked: str, refused: Refusals) -> None:
    name = put(s3, locked)
    for mode in ("GOVERNANCE", "COMPLIANCE"):
        bypass = {"BypassGovernanceRetention": mode == "COMPLIANCE"}
        s3.put_object_retention(**name, Retention=retention(mode), **bypass)
        later = retention(mode, LATER + timedelta(days=1))
        s3.put_object_retention(**name, Retention=later)
        assert s3.get_object_retention(**name)["Retention"] == later
        assert refused("put_object_retention", **name, Retention=retention(mode)) == DENIED
    wish = {"Retention": retention("GOVERNANCE", LATER + timedelta(days=9))}
    assert refused("put_object_retention", **name, **wish, BypassGovernanceRetention=True) == DENIED


def test_governance_is_bypassed_with_its_header(s3: Any, locked: str) -> None:
    name = put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=LATER)
    soon = retention("GOVERNANCE", datetime.now(UTC).replace(microsecond=0) + timedelta(days=1))
    s3.put_object_retention(**name, Retention=soon, BypassGovernanceRetention=True)
    assert s3.get_object_retention(**name)["Retention"] == soon
    s3.delete_object(**name, BypassGovernanceRetention=True)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (retention("SOMETIMES"), "MalformedXML"),
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        (retention("GOVERNANCE", datetime(2020, 1, 1, tzinfo=UTC)), "InvalidArgument"),
    ],
)
def test_bad_retentions_are_refused(
    s3: Any, refused: Refusals, locked: str, wish: dict[str, Any], code: str
) -> None:
    assert refused("put_object_retention", **put(s3, locked), Retention=wish) == (code, 400)


@pytest.mark.parametrize(
    "more",
    [
        {"ObjectLockMode": "GOVERNANCE"},
        {"ObjectLockRetainUntilDate": LATER},
        {"ObjectLockMode": "SOMETIMES", "ObjectLockRetainUntilDate": LATER},
        {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime(2020, 1, 1, tzinfo=UTC)},
        {"ObjectLockLegalHoldStatus": "on"},
    ],
)
def test_bad_locks_of_a_put_are_refused(refused: Refusals, locked: str, more: dict[str, Any]) -> None:
    answer = refused("put_object", Bucket=locked, Key="k", Body=b"x", **more)
    assert answer == ("InvalidArgument", 400)


def test_a_legal_hold_is_put_on_and_taken_off(s3: Any, locked: str, refused: Refusals) -> None:
    name = put(s3, locked)
    assert refused("get_object_legal_hold", **name) == ("NoSuchObjectLockConfiguration", 404)
    assert refused("get_object_retention", **name) == ("NoSuchObjectLockConfiguration", 404)
    s3.put_object_legal_hold(**name, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**name)["LegalHold"] == {"Status": "ON"}
    assert refused("delete_object", **name, BypassGovernanceRetention=True) == DENIED
    s3.put_object_legal_hold(**name, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(**name)["LegalHold"] == {"Status": "OFF"}
    s3.delete_object(**name)


def test_a_bypass_needs_permission(server: Any, s3: Any, locked: str) -> None:
    name = put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=LATER)
    iam, user = server.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    document = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},'
        '{"Effect":"Deny","Action":"s3:BypassGovernanceRetention","Resource":"*"}]}'
    )
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    client = server.client(
        "s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    assert Refusals(client)("delete_object", **name, BypassGovernanceRetention=True) == DENIED
