"""Bucket policies, with two accounts: the server's own, and the one that unknown access keys belong to."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from sagesse.services.s3._public import is_public
from sagesse.testing.server import Server
from tests.services.s3.account import OTHER, anonymous_client, open_bucket, other_client, two_accounts
from tests.services.s3.conftest import Refusals


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with two_accounts(tmp_path_factory.mktemp("policy")) as running:
        yield running


@pytest.fixture(scope="module")
def s3(server: Server) -> Any:
    return server.client("s3")


@pytest.fixture(scope="module")
def refused(s3: Any) -> Refusals:
    return Refusals(s3)


@pytest.fixture(scope="module")
def other(server: Server) -> Any:
    return other_client(server)


@pytest.fixture(scope="module")
def nobody(server: Server) -> Any:
    return anonymous_client(server)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = open_bucket(s3)
    s3.put_object(Bucket=name, Key="open/k", Body=b"x", Tagging="colour=blue")
    return name


def policy_of(bucket: str, action: str | list[str], *, path: str = "", **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": action,
        "Resource": f"arn:aws:s3:::{bucket}{path}",
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_is_returned_as_it_was_put(s3: Any, bucket: str) -> None:
    policy = policy_of(bucket, "s3:GetObject", path="/*")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == policy


def test_a_deleted_policy_is_gone(s3: Any, bucket: str, refused: Refusals) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, "s3:ListBucket"))
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    assert refused("get_bucket_policy", Bucket=bucket) == ("NoSuchBucketPolicy", 404)
    assert refused("get_bucket_policy_status", Bucket=bucket) == ("NoSuchBucketPolicy", 404)


def test_everybody_may_read_what_the_policy_opens(s3: Any, nobody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="shut", Body=b"y")
    assert Refusals(nobody)("get_object", Bucket=bucket, Key="open/k") == ("AccessDenied", 403)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, "s3:GetObject", path="/open/*"))
    assert nobody.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"x"
    assert Refusals(nobody)("get_object", Bucket=bucket, Key="shut") == ("AccessDenied", 403)
    assert Refusals(nobody)("put_object", Bucket=bucket, Key="open/k", Body=b"y") == ("AccessDenied", 403)


def test_another_account_may_do_what_the_policy_says(s3: Any, other: Any, bucket: str) -> None:
    refused = Refusals(other)
    assert refused.error("list_objects_v2", Bucket=bucket)["Error"]["Message"] == "Access Denied"
    policy = policy_of(bucket, "s3:PutObject", path="/in/*", Principal={"AWS": OTHER})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    other.put_object(Bucket=bucket, Key="in/k", Body=b"z")
    assert s3.get_object(Bucket=bucket, Key="in/k")["Body"].read() == b"z"
    assert refused("get_object", Bucket=bucket, Key="in/k") == ("AccessDenied", 403)
    assert refused("delete_bucket", Bucket=bucket) == ("AccessDenied", 403)


def test_another_account_sees_no_bucket_of_this_one(other: Any, bucket: str) -> None:
    assert bucket not in {entry["Name"] for entry in other.list_buckets()["Buckets"]}
    assert Refusals(other)("create_bucket", Bucket=bucket) == ("BucketAlreadyExists", 409)
    assert Refusals(other)("head_bucket", Bucket=bucket) == ("403", 403)


def test_a_copy_needs_to_read_the_source(s3: Any, other: Any, bucket: str) -> None:
    mine = f"other-{uuid.uuid4().hex}"
    other.create_bucket(Bucket=mine)
    source = {"Bucket": bucket, "Key": "open/k"}
    assert Refusals(other)("copy_object", Bucket=mine, Key="k", CopySource=source) == ("AccessDenied", 403)
    actions = ["s3:GetObject", "s3:GetObjectTagging"]
    s3.put_bucket_policy(
        Bucket=bucket, Policy=policy_of(bucket, actions, path="/*", Principal={"AWS": OTHER})
    )
    other.copy_object(Bucket=mine, Key="k", CopySource=source)
    assert other.get_object(Bucket=mine, Key="k")["Body"].read() == b"x"


def test_a_deny_holds_for_root_save_for_the_policy(s3: Any, bucket: str, refused: Refusals) -> None:
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, "s3:*", Effect="Deny", Resource=both))
    error = refused.error("get_object", Bucket=bucket, Key="open/k")["Error"]
    assert error["Code"] == "AccessDenied"
    assert "with an explicit deny in a resource-based policy" in error["Message"]
    s3.get_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    s3.get_object(Bucket=bucket, Key="open/k")


def test_the_prefix_of_a_listing_may_be_demanded(s3: Any, nobody: Any, bucket: str) -> None:
    condition = {"StringEquals": {"s3:prefix": ["open/"]}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, "s3:ListBucket", Condition=condition))
    assert nobody.list_objects_v2(Bucket=bucket, Prefix="open/")["KeyCount"] == 1
    assert Refusals(nobody)("list_objects_v2", Bucket=bucket) == ("AccessDenied", 403)
    assert Refusals(nobody)("list_objects_v2", Bucket=bucket, Prefix="o") == ("AccessDenied", 403)


def test_encryption_may_be_demanded(s3: Any, bucket: str, refused: Refusals) -> None:
    condition = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
    policy = policy_of(bucket, "s3:PutObject", path="/*", Effect="Deny", Condition=condition)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert refused("put_object", Bucket=bucket, Key="k", Body=b"") == ("AccessDenied", 403)
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="AES256")


def test_tags_of_the_request_may_be_demanded(s3: Any, other: Any, bucket: str) -> None:
    condition = {"StringEquals": {"s3:RequestObjectTag/colour": "red"}}
    actions = ["s3:PutObject", "s3:PutObjectTagging"]
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, actions, path="/*", Condition=condition))
    other.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="colour=red")
    refused = Refusals(other)
    assert refused("put_object", Bucket=bucket, Key="k", Tagging="colour=blue") == ("AccessDenied", 403)


def test_plain_connections_may_be_denied(s3: Any, bucket: str, refused: Refusals) -> None:
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    policy = policy_of(bucket, "s3:GetObject", path="/*", Effect="Deny", Condition=condition)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert refused("get_object", Bucket=bucket, Key="open/k") == ("AccessDenied", 403)


def test_a_source_address_may_be_demanded(s3: Any, nobody: Any, bucket: str) -> None:
    for address, is_allowed in (("127.0.0.0/8", True), ("10.0.0.0/8", False)):
        condition = {"IpAddress": {"aws:SourceIp": address}}
        policy = policy_of(bucket, "s3:GetObject", path="/*", Condition=condition)
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        if is_allowed:
            nobody.get_object(Bucket=bucket, Key="open/k")
        else:
            assert Refusals(nobody)("get_object", Bucket=bucket, Key="open/k") == ("AccessDenied", 403)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("nonsense", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Effect": "Maybe"}, "Invalid effect: Maybe"),
        ({"Action": "ec2:RunInstances"}, "Policy has invalid action"),
        ({"Action": "GetObject"}, "Policy has invalid action"),
        ({"Resource": "arn:aws:s3:::another/*"}, "Policy has invalid resource"),
        ({"Resource": "*"}, "Policy has invalid resource"),
        ({"Principal": {"AWS": "nobody"}}, "Invalid principal in policy"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
        ({"Surprise": 1}, "Invalid policy syntax."),
        ({"Condition": {"Nearly": {"aws:SourceIp": "1"}}}, "Invalid Condition type : Nearly."),
    ],
)
def test_a_malformed_policy_is_refused(
    bucket: str, refused: Refusals, policy: str | dict[str, Any], message: str
) -> None:
    if isinstance(policy, dict):
        whole = json.loads(policy_of(bucket, "s3:GetObject", path="/*"))
        whole["Statement"][0] |= policy
        whole["Statement"][0] = {
            key: value for key, value in whole["Statement"][0].items() if value is not None
        }
        policy = json.dumps(whole)
    error = refused.error("put_bucket_policy", Bucket=bucket, Policy=policy)
    assert (error["Error"]["Code"], error["Error"]["Message"]) == ("MalformedPolicy", message)


def test_a_policy_has_a_largest_size(bucket: str, refused: Refusals) -> None:
    policy = policy_of(bucket, "s3:GetObject", path="/*", Sid="x" * 21_000)
    assert refused("put_bucket_policy", Bucket=bucket, Policy=policy) == ("MalformedPolicy", 400)


def test_new_buckets_take_no_public_policy(s3: Any, refused: Refusals) -> None:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert len(block) == 4
    public = policy_of(name, "s3:GetObject", path="/*")
    error = refused.error("put_bucket_policy", Bucket=name, Policy=public)["Error"]
    assert error["Code"] == "AccessDenied"
    assert "BlockPublicPolicy" in error["Message"]
    s3.put_bucket_policy(Bucket=name, Policy=policy_of(name, "s3:ListBucket", Principal={"AWS": OTHER}))


def test_a_restricted_bucket_is_open_to_its_account_only(
    s3: Any, other: Any, nobody: Any, bucket: str
) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, "s3:GetObject", path="/*"))
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    for client in (other, nobody):
        assert Refusals(client)("get_object", Bucket=bucket, Key="open/k") == ("AccessDenied", 403)
    s3.get_object(Bucket=bucket, Key="open/k")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={})
    nobody.get_object(Bucket=bucket, Key="open/k")


def test_a_removed_block_is_not_found(bucket: str, refused: Refusals) -> None:
    error = refused("get_public_access_block", Bucket=bucket)
    assert error == ("NoSuchPublicAccessBlockConfiguration", 404)


def test_the_status_says_whether_a_policy_is_public(s3: Any, bucket: str) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, "s3:GetObject", path="/*"))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": OTHER}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "10.1.0.0/16"}}}, True),
        ({"Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": ["vpce-1"]}}}, False),
        ({"Condition": {"StringEquals": {"s3:prefix": "x"}}}, True),
    ],
)
def test_what_is_public(more: dict[str, Any], expected: bool) -> None:
    assert is_public(policy_of("b", "s3:GetObject", path="/*", **more)) is expected


def test_ownership_is_the_buckets_owner_by_default(s3: Any, bucket: str, refused: Refusals) -> None:
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "ObjectWriter"}]
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    error = refused("get_bucket_ownership_controls", Bucket=bucket)
    assert error == ("OwnershipControlsNotFoundError", 404)
