import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.clock import SystemClock
from sagesse.core.model import service_model
from sagesse.core.policy import Identities, IdentityAuthorizer
from sagesse.core.scope import Scope
from sagesse.core.service import Registry
from sagesse.core.store_sqlite import SqliteStore
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.vault import Vault
from sagesse.services import s3 as s3_service
from sagesse.services.s3._access import deletion_grants, grants
from sagesse.testing.server import Server
from tests.services.s3.account import anonymous_client
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


def test_each_of_many_deletions_needs_what_it_would_alone() -> None:
    def of(entry: dict[str, str], *, bypasses: bool = False) -> list[tuple[str, str]]:
        return list(deletion_grants("b", entry, "us-east-1", bypasses_governance=bypasses))

    assert of({"Key": "x"}) == [("s3:DeleteObject", "arn:aws:s3:::b/x")]
    assert of({"Key": "x", "ETag": "*"}) == [("s3:DeleteObject", "arn:aws:s3:::b/x")]
    assert of({"Key": "x", "ETag": "e"})[1:] == [("s3:GetObject", "arn:aws:s3:::b/x")]
    assert of({"Key": "x", "VersionId": "v"}, bypasses=True) == [
        ("s3:DeleteObjectVersion", "arn:aws:s3:::b/x"),
        ("s3:BypassGovernanceRetention", "arn:aws:s3:::b/x"),
    ]


def test_every_operation_needs_something(objects: LocalObjectStore, tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "records.db")) as records:
        authorizer = IdentityAuthorizer(Identities(records, SystemClock()))
        families = s3_service.services(objects, Vault(tmp_path / "master.key"), authorizer)
    names = [name for _, name in Registry(families).operations() if name != "DeleteObjects"]
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


def test_comparing_an_etag_needs_to_read() -> None:
    read = ("s3:GetObject", "arn:aws:s3:::b/k")
    for operation in ("PutObject", "DeleteObject", "CompleteMultipartUpload"):
        assert read in needed(operation, Bucket="b", Key="k", IfMatch='"e"')
        assert read not in needed(operation, Bucket="b", Key="k", IfMatch="*")


def test_conditional_deletions_may_be_demanded(s3: Any, bucket: str, server: Server) -> None:
    arn = f"arn:aws:s3:::{bucket}/*"
    careful = user_client(server, "careful", {"Action": "s3:*", "Resource": arn})
    demand: dict[str, Any] = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": arn,
    }
    demand["Condition"] = {"Null": {"s3:if-match": "true"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [demand]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    wish = {"Objects": [{"Key": "k"}]}
    assert careful.delete_objects(Bucket=bucket, Delete=wish)["Errors"][0]["Code"] == "AccessDenied"
    wish = {"Objects": [{"Key": "k", "ETag": etag}]}
    assert careful.delete_objects(Bucket=bucket, Delete=wish)["Deleted"] == [{"Key": "k"}]


def test_an_acl_needs_a_permission_of_its_own() -> None:
    assert ("s3:PutObjectAcl", "arn:aws:s3:::b/k") in needed("PutObject", Bucket="b", Key="k", ACL="private")
    assert ("s3:PutBucketAcl", "arn:aws:s3:::b") in needed("CreateBucket", Bucket="b", ACL="private")


def user_client(server: Server, name: str, *allowed: dict[str, str]) -> Any:
    """S3 as a new user who may do that and no more."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    statements = [{"Effect": "Allow", **statement} for statement in allowed]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client(
        "s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


def test_a_user_may_do_what_the_policy_says_and_no_more(s3: Any, bucket: str, server: Server) -> None:
    reader = user_client(
        server, "reader", {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/open/*"}
    )
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="shut/k", Body=b"x")
    refused = Refusals(reader)
    assert reader.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"x"
    assert refused("get_object", Bucket=bucket, Key="shut/k") == ("AccessDenied", 403)
    assert refused("put_object", Bucket=bucket, Key="open/k", Body=b"y") == ("AccessDenied", 403)
    assert refused("list_objects_v2", Bucket=bucket) == ("AccessDenied", 403)


def test_each_of_many_deletions_is_refused_alone(s3: Any, bucket: str, server: Server) -> None:
    cleaner = user_client(
        server, "cleaner", {"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/open/*"}
    )
    for key in ("open/k", "shut/k"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    wish = {"Objects": [{"Key": "open/k"}, {"Key": "shut/k"}, {"Key": "open/k", "VersionId": "null"}]}
    answer = cleaner.delete_objects(Bucket=bucket, Delete=wish)
    assert [found["Key"] for found in answer["Deleted"]] == ["open/k"]
    assert [(found["Key"], found["Code"]) for found in answer["Errors"]] == [
        ("shut/k", "AccessDenied"),
        ("open/k", "AccessDenied"),
    ]
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["shut/k"]


def test_who_may_not_list_is_not_told_what_is_missing(s3: Any, bucket: str, server: Server) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    getter = {"Action": "s3:GetObject*", "Resource": f"{arn}/*"}
    blind = user_client(server, "blind", getter, {"Action": "s3:PutObject", "Resource": f"{arn}/*"})
    refused = Refusals(blind)
    error = refused.error("get_object", Bucket=bucket, Key="no")["Error"]
    assert error["Code"] == "AccessDenied"
    assert "s3:ListBucket" in error["Message"]
    assert refused("head_object", Bucket=bucket, Key="no") == ("403", 403)
    wish = {"Bucket": bucket, "Key": "no", "ObjectAttributes": ["ETag"]}
    assert refused("get_object_attributes", **wish) == ("AccessDenied", 403)
    assert refused("copy_object", Bucket=bucket, Key="k", CopySource=f"{bucket}/no") == ("AccessDenied", 403)
    lister = user_client(server, "lister", getter, {"Action": "s3:ListBucket", "Resource": arn})
    assert Refusals(lister)("get_object", Bucket=bucket, Key="no") == ("NoSuchKey", 404)


def test_everybody_is_told_that_there_is_no_such_bucket(server: Server) -> None:
    for client in (
        anonymous_client(server),
        user_client(server, "stranger", {"Action": "s3:Get*", "Resource": "*"}),
    ):
        refused = Refusals(client)
        assert refused("get_object", Bucket="no-such-bucket", Key="k") == ("NoSuchBucket", 404)
        assert refused("head_bucket", Bucket="no-such-bucket") == ("404", 404)
        assert refused("put_object", Bucket="no-such-bucket", Key="k", Body=b"") == ("NoSuchBucket", 404)
        assert refused("create_bucket", Bucket="no-such-bucket") == ("AccessDenied", 403)
