"""Access control lists, with two accounts."""

from collections.abc import Iterator
from typing import Any

import pytest

from sagesse.core.scope import canonical_id
from sagesse.testing.server import Server
from tests.services.s3.account import OTHER, OWN, anonymous_client, open_bucket, other_client, two_accounts
from tests.services.s3.conftest import Refusals

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with two_accounts(tmp_path_factory.mktemp("acl")) as running:
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
    own(s3, name, "ObjectWriter")
    return name


def own(s3: Any, bucket: str, ownership: str) -> None:
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": ownership}]}
    )


def permissions(acl: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (grant["Grantee"].get("ID") or grant["Grantee"]["URI"], grant["Permission"])
        for grant in acl["Grants"]
    }


def test_a_public_object_is_read_by_everybody(s3: Any, nobody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="open", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="shut", Body=b"x")
    assert nobody.get_object(Bucket=bucket, Key="open")["Body"].read() == b"x"
    assert Refusals(nobody)("get_object", Bucket=bucket, Key="shut") == ("AccessDenied", 403)
    assert Refusals(nobody)("list_objects_v2", Bucket=bucket) == ("AccessDenied", 403)


def test_a_public_bucket_is_listed_and_written_by_everybody(s3: Any, nobody: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    nobody.put_object(Bucket=bucket, Key="k", Body=b"y")
    assert [entry["Key"] for entry in nobody.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


def test_an_authenticated_reader_is_signed(s3: Any, nobody: Any, other: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="authenticated-read")
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert Refusals(nobody)("get_object", Bucket=bucket, Key="k") == ("AccessDenied", 403)


def test_an_account_is_granted_by_its_canonical_id(s3: Any, other: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", GrantRead=f'id="{canonical_id(OTHER)}"')
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert Refusals(other)("get_object_acl", Bucket=bucket, Key="k") == ("AccessDenied", 403)


def test_the_list_of_a_bucket_is_replaced_by_a_document(s3: Any, other: Any, bucket: str) -> None:
    acl = s3.get_bucket_acl(Bucket=bucket)
    grantee = {"Type": "CanonicalUser", "ID": canonical_id(OTHER)}
    grants = [*acl["Grants"], {"Grantee": grantee, "Permission": "READ"}]
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": acl["Owner"], "Grants": grants})
    assert permissions(s3.get_bucket_acl(Bucket=bucket)) == {
        (canonical_id(OWN), "FULL_CONTROL"),
        (canonical_id(OTHER), "READ"),
    }
    other.list_objects_v2(Bucket=bucket)


def test_the_list_of_an_object_is_replaced(s3: Any, nobody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert (EVERYBODY, "READ") in permissions(s3.get_object_acl(Bucket=bucket, Key="k"))
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    assert permissions(s3.get_object_acl(Bucket=bucket, Key="k")) == {(canonical_id(OWN), "FULL_CONTROL")}
    assert Refusals(nobody)("get_object", Bucket=bucket, Key="k") == ("AccessDenied", 403)


def test_a_new_body_has_a_new_list(s3: Any, nobody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"y")
    for key in ("k", "copy"):
        assert Refusals(nobody)("get_object", Bucket=bucket, Key=key) == ("AccessDenied", 403)


def test_a_multipart_upload_has_the_list_it_began_with(s3: Any, nobody: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ACL="public-read")["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize(("ownership", "owner"), [("ObjectWriter", OTHER), ("BucketOwnerPreferred", OWN)])
def test_who_owns_what_another_account_writes(
    s3: Any, other: Any, bucket: str, ownership: str, owner: str
) -> None:
    own(s3, bucket, ownership)
    s3.put_bucket_acl(Bucket=bucket, GrantWrite=f"id={canonical_id(OTHER)}")
    other.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    acl = s3.get_object_acl(Bucket=bucket, Key="k")
    assert acl["Owner"]["ID"] == canonical_id(owner)
    assert (canonical_id(OWN), "FULL_CONTROL") in permissions(acl)


def test_public_lists_are_blocked_and_ignored(s3: Any, nobody: Any, bucket: str, refused: Refusals) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert Refusals(nobody)("get_object", Bucket=bucket, Key="k") == ("AccessDenied", 403)
    assert refused("put_object", Bucket=bucket, Key="k", ACL="public-read") == ("AccessDenied", 403)
    assert refused("put_object_acl", Bucket=bucket, Key="k", ACL="public-read") == ("AccessDenied", 403)
    assert refused("put_bucket_acl", Bucket=bucket, ACL="public-read") == ("AccessDenied", 403)


def test_lists_do_not_count_where_the_owner_owns_all(
    s3: Any, nobody: Any, bucket: str, refused: Refusals
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    own(s3, bucket, "BucketOwnerEnforced")
    assert Refusals(nobody)("get_object", Bucket=bucket, Key="k") == ("AccessDenied", 403)
    assert permissions(s3.get_object_acl(Bucket=bucket, Key="k")) == {(canonical_id(OWN), "FULL_CONTROL")}
    for operation, more in (("put_bucket_acl", {}), ("put_object_acl", {"Key": "k"})):
        error = refused(operation, Bucket=bucket, ACL="private", **more)
        assert error == ("AccessControlListNotSupported", 400)


def test_a_list_hinders_taking_lists_away(s3: Any, bucket: str, refused: Refusals) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    error = refused("put_bucket_ownership_controls", Bucket=bucket, OwnershipControls=controls)
    assert error == ("InvalidBucketAclWithObjectOwnership", 400)


def test_a_bucket_may_be_created_with_a_list(s3: Any, other: Any, bucket: str, refused: Refusals) -> None:
    name = f"{bucket[:50]}-2"
    public = refused("create_bucket", Bucket=name, ACL="public-read", ObjectOwnership="ObjectWriter")
    assert public == ("InvalidBucketAclWithBlockPublicAccessError", 400)
    assert refused("create_bucket", Bucket=name, ObjectOwnership="Everybody") == ("InvalidArgument", 400)
    reader = f'id="{canonical_id(OTHER)}"'
    s3.create_bucket(Bucket=name, GrantRead=reader, ObjectOwnership="BucketOwnerPreferred")
    other.list_objects_v2(Bucket=name)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "MissingSecurityHeader"),
        ({"ACL": "private", "GrantRead": f"uri={EVERYBODY}"}, "InvalidRequest"),
        ({"GrantRead": "everybody"}, "InvalidArgument"),
        ({"GrantRead": "id=short"}, "InvalidArgument"),
        ({"GrantRead": "uri=http://example.com"}, "InvalidArgument"),
        ({"GrantRead": 'emailAddress="a@example.com"'}, "UnresolvableGrantByEmailAddress"),
        ({"ACL": "everybody"}, "InvalidArgument"),
        ({"AccessControlPolicy": {"Grants": []}}, "MalformedXML"),
        ({"AccessControlPolicy": {}}, "MalformedXML"),
        ({"GrantRead": ",".join(["id=" + "0" * 64] * 101)}, "MalformedACLError"),
        ({"GrantRead": "id=" + " " * 50_000 + '""x'}, "InvalidArgument"),
        ({"AccessControlPolicy": {"Owner": {"ID": "0" * 64}, "Grants": []}}, "InvalidArgument"),
    ],
)
def test_a_wrong_list_is_refused(bucket: str, refused: Refusals, more: dict[str, Any], code: str) -> None:
    assert refused("put_bucket_acl", Bucket=bucket, **more) == (code, 400)


def test_an_unknown_ownership_is_refused(bucket: str, refused: Refusals) -> None:
    wish = {"Rules": [{"ObjectOwnership": "Everybody"}]}
    error = refused("put_bucket_ownership_controls", Bucket=bucket, OwnershipControls=wish)
    assert error == ("MalformedXML", 400)


def test_existing_tags_may_be_demanded_of_a_reader(s3: Any, nobody: Any, bucket: str) -> None:
    condition = '{"StringEquals": {"s3:ExistingObjectTag/colour": "blue"}}'
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", '
        f'"Resource": "arn:aws:s3:::{bucket}/*", "Condition": {condition}}}]}}'
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    s3.put_object(Bucket=bucket, Key="blue", Body=b"x", Tagging="colour=blue")
    s3.put_object(Bucket=bucket, Key="red", Body=b"x", Tagging="colour=red")
    nobody.get_object(Bucket=bucket, Key="blue")
    assert Refusals(nobody)("get_object", Bucket=bucket, Key="red") == ("AccessDenied", 403)
