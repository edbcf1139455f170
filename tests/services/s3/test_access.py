import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.model import service_model
from sagesse.core.scope import Scope
from sagesse.core.service import Registry
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.vault import Vault
from sagesse.services import s3 as s3_service
from sagesse.services.s3._access import grants
from sagesse.testing.server import Server
from tests.services.s3.conftest import Refusals

SCOPE = Scope("111122223333", "us-east-1")


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[LocalObjectStore]:
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    yield store
    store.close()


def needed(operation: str, **params: Any) -> set[tuple[str, str]]:
    return {(grant.action, grant.resource) for grant in grants(operation, params, SCOPE)}


def test_listing_is_allowed_on_the_bucket() -> None:
    for operation in ("ListObjects", "ListObjectsV2", "HeadBucket"):
        assert needed(operation, Bucket="b", Prefix="p/") == {("s3:ListBucket", "arn:aws:s3:::b")}


def test_a_copy_reads_its_source() -> None:
    assert needed("CopyObject", Bucket="b", Key="k", CopySource="a/x%20y") == {
        ("s3:PutObject", "arn:aws:s3:::b/k"),
        ("s3:GetObject", "arn:aws:s3:::a/x y"),
    }


def test_tags_need_a_permission_of_their_own() -> None:
    assert needed("PutObject", Bucket="b", Key="k", Tagging="a=1") == {
        ("s3:PutObject", "arn:aws:s3:::b/k"),
        ("s3:PutObjectTagging", "arn:aws:s3:::b/k"),
    }


def test_deleting_many_is_allowed_on_each() -> None:
    wish = {"Objects": [{"Key": "x"}, {"Key": "y"}]}
    assert needed("DeleteObjects", Bucket="b", Delete=wish) == {
        ("s3:DeleteObject", "arn:aws:s3:::b/x"),
        ("s3:DeleteObject", "arn:aws:s3:::b/y"),
    }


def test_every_operation_needs_something(objects: LocalObjectStore, tmp_path: Path) -> None:
    registry = Registry(s3_service.services(objects, Vault(tmp_path / "master.key")))
    names = [name for _, name in registry.operations()]
    assert "GetObject" in names
    wish = {"Bucket": "b", "Key": "k", "CopySource": "a/x", "Delete": {"Objects": [{"Key": "x"}]}}
    for name in names:
        for action, resource in needed(name, **wish):
            assert action.startswith("s3:")
            assert resource == "*" or resource.startswith("arn:aws:s3:::")
        assert needed(name, **wish)
        assert name in service_model("s3").operations


def test_a_version_by_its_id_needs_more() -> None:
    assert needed("GetObject", Bucket="b", Key="k", VersionId="v") == {
        ("s3:GetObjectVersion", "arn:aws:s3:::b/k")
    }


def test_an_acl_needs_a_permission_of_its_own() -> None:
    assert ("s3:PutObjectAcl", "arn:aws:s3:::b/k") in needed("PutObject", Bucket="b", Key="k", ACL="private")
    assert ("s3:PutBucketAcl", "arn:aws:s3:::b") in needed("CreateBucket", Bucket="b", ACL="private")


def test_a_user_may_do_what_the_policy_says_and_no_more(s3: Any, bucket: str, server: Server) -> None:
    iam = server.client("iam")
    iam.create_user(UserName="reader")
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/open/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="shut/k", Body=b"x")
    reader = server.client(
        "s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    refused = Refusals(reader)
    assert reader.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"x"
    assert refused("get_object", Bucket=bucket, Key="shut/k") == ("AccessDenied", 403)
    assert refused("put_object", Bucket=bucket, Key="open/k", Body=b"y") == ("AccessDenied", 403)
    assert refused("list_objects_v2", Bucket=bucket) == ("AccessDenied", 403)
