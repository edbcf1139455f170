"""Users."""

import json
from urllib.parse import unquote

import pytest

from sagesse.core.error import ServiceError
from tests.core.policy.build import allow, deny
from tests.services.iam.account import ACCOUNT, TRUST, TestAccount

POLICY = "arn:aws:iam::aws:policy/AmazonS3FullAccess"


def test_a_user_is_shown_as_made(account: TestAccount) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    made = account.ask("CreateUser", UserName="ann", Path="/team/", Tags=tags)["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/ann"
    assert made["UserId"].startswith("AIDA")
    assert len(made["UserId"]) == 21
    assert account.ask("GetUser", UserName="ann")["User"] == made
    assert made["Tags"] == tags


def test_a_name_is_taken_once(account: TestAccount) -> None:
    account.user("ann")
    with pytest.raises(ServiceError) as refusal:
        account.ask("CreateUser", UserName="ann", Path="/other/")
    assert refusal.value.code == "EntityAlreadyExistsException"
    assert refusal.value.message == "User with name ann already exists."


def test_names_differ_by_more_than_their_case(account: TestAccount) -> None:
    account.user("ann")
    account.role("ann")  # another kind
    for operation in ("CreateUser", "CreateRole"):
        trust = {"AssumeRolePolicyDocument": TRUST} if operation == "CreateRole" else {}
        with pytest.raises(ServiceError, match=r"EntityAlreadyExists.*name ann already exists"):
            account.ask(operation, **{f"{operation[6:]}Name": "ANN"}, **trust)


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("GetUser", {}),
        ("DeleteUser", {}),
        ("PutUserPolicy", {"PolicyName": "p", "PolicyDocument": allow()}),
        ("GetUserPolicy", {"PolicyName": "p"}),
        ("DeleteUserPolicy", {"PolicyName": "p"}),
        ("ListUserPolicies", {}),
        ("AttachUserPolicy", {"PolicyArn": POLICY}),
        ("DetachUserPolicy", {"PolicyArn": POLICY}),
        ("ListAttachedUserPolicies", {}),
        ("CreateAccessKey", {}),
        ("ListAccessKeys", {}),
        ("TagUser", {"Tags": []}),
        ("UntagUser", {"TagKeys": []}),
        ("ListUserTags", {}),
        ("PutUserPermissionsBoundary", {"PermissionsBoundary": POLICY}),
        ("DeleteUserPermissionsBoundary", {}),
    ],
)
def test_a_missing_user_is_not_found(
    account: TestAccount, operation: str, members: dict[str, object]
) -> None:
    with pytest.raises(ServiceError) as refusal:
        account.ask(operation, UserName="nobody", **members)
    assert refusal.value.code == "NoSuchEntityException"
    assert refusal.value.message == "The user with name nobody cannot be found."


def test_users_are_listed_in_pages(account: TestAccount) -> None:
    for name in ("c", "a", "b"):
        account.ask("CreateUser", UserName=name)
    first = account.ask("ListUsers", MaxItems=2)
    assert [user["UserName"] for user in first["Users"]] == ["a", "b"]
    assert first["IsTruncated"] is True
    rest = account.ask("ListUsers", MaxItems=2, Marker=first["Marker"])
    assert [user["UserName"] for user in rest["Users"]] == ["c"]
    assert rest["IsTruncated"] is False
    assert "Marker" not in rest


def test_users_are_listed_by_path(account: TestAccount) -> None:
    account.ask("CreateUser", UserName="a", Path="/x/y/")
    account.ask("CreateUser", UserName="b", Path="/z/")
    assert [user["UserName"] for user in account.ask("ListUsers", PathPrefix="/x/")["Users"]] == ["a"]


def test_a_bad_marker_is_refused(account: TestAccount) -> None:
    with pytest.raises(ServiceError, match=r"ValidationError: Invalid Marker\."):
        account.ask("ListUsers", Marker="nonsense")


def test_get_user_without_a_name_is_the_caller(account: TestAccount) -> None:
    ann = account.user("ann", allow("iam:GetUser", "arn:aws:iam::*:user/${aws:username}"))
    assert account.ask("GetUser", ann)["User"]["UserName"] == "ann"


def test_get_user_without_a_name_needs_the_permission(account: TestAccount) -> None:
    ann = account.user("ann")
    with pytest.raises(ServiceError) as refusal:
        account.ask("GetUser", ann)
    assert refusal.value.code == "AccessDenied"
    assert refusal.value.message == (
        f"User: {ann.arn} is not authorized to perform: iam:GetUser on resource: {ann.arn} "
        "because no identity-based policy allows the iam:GetUser action"
    )


def test_get_user_of_root_is_the_account(account: TestAccount) -> None:
    assert account.ask("GetUser")["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_inline_policies_are_kept(account: TestAccount) -> None:
    account.user("ann", allow("s3:*"))
    answer = account.ask("GetUserPolicy", UserName="ann", PolicyName="p0")
    assert json.loads(unquote(answer["PolicyDocument"])) == json.loads(allow("s3:*"))
    assert account.ask("ListUserPolicies", UserName="ann")["PolicyNames"] == ["p0"]
    account.ask("DeleteUserPolicy", UserName="ann", PolicyName="p0")
    with pytest.raises(ServiceError, match="The user policy with name p0 cannot be found"):
        account.ask("GetUserPolicy", UserName="ann", PolicyName="p0")


def test_a_malformed_inline_policy_is_refused(account: TestAccount) -> None:
    account.user("ann")
    with pytest.raises(ServiceError) as refusal:
        account.ask("PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument="{}")
    assert refusal.value.code == "MalformedPolicyDocumentException"


def test_inline_policies_have_a_quota(account: TestAccount) -> None:
    account.user("ann")
    large = allow([f"s3:{'x' * 40}{number}" for number in range(60)])
    with pytest.raises(ServiceError) as refusal:
        account.ask("PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=large)
    assert refusal.value.code == "LimitExceededException"
    assert refusal.value.message == "Maximum policy size of 2048 bytes exceeded for user ann"
    assert account.ask("ListUserPolicies", UserName="ann")["PolicyNames"] == []


def test_policies_are_limited_by_arn_and_boundary(account: TestAccount) -> None:
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    keys = {"iam:PolicyARN": POLICY, "iam:PermissionsBoundary": boundary}
    admin = account.user(
        "admin",
        allow(["iam:CreateUser", "iam:AttachUserPolicy"], Condition={"StringEqualsIfExists": keys}),
        deny("iam:*", Condition={"StringNotEquals": {"iam:PermissionsBoundary": boundary}}),
    )
    account.ask("CreateUser", UserName="free")
    account.ask("CreateUser", admin, UserName="bound", PermissionsBoundary=boundary)
    account.ask("AttachUserPolicy", admin, UserName="bound", PolicyArn=POLICY)

    for operation, members in [
        ("CreateUser", {"UserName": "other"}),
        ("CreateUser", {"UserName": "other", "PermissionsBoundary": POLICY}),
        ("AttachUserPolicy", {"UserName": "free", "PolicyArn": POLICY}),
        ("AttachUserPolicy", {"UserName": "bound", "PolicyArn": boundary}),
    ]:
        with pytest.raises(ServiceError, match=r"AccessDenied"):
            account.ask(operation, admin, **members)


def test_a_user_with_policies_or_keys_stays(account: TestAccount) -> None:
    account.user("ann", allow("s3:*"))
    account.ask("AttachUserPolicy", UserName="ann", PolicyArn=POLICY)
    key = account.ask("ListAccessKeys", UserName="ann")["AccessKeyMetadata"][0]
    for message, remove in (
        ("must delete access keys", ("DeleteAccessKey", {"AccessKeyId": key["AccessKeyId"]})),
        ("must detach all policies", ("DetachUserPolicy", {"PolicyArn": POLICY})),
        ("must delete policies", ("DeleteUserPolicy", {"PolicyName": "p0"})),
    ):
        with pytest.raises(ServiceError, match=message) as refusal:
            account.ask("DeleteUser", UserName="ann")
        assert refusal.value.code == "DeleteConflictException"
        account.ask(remove[0], UserName="ann", **remove[1])
    account.ask("DeleteUser", UserName="ann")
    assert account.ask("ListUsers")["Users"] == []


def test_tags_are_added_and_removed(account: TestAccount) -> None:
    account.user("ann")
    account.ask("TagUser", UserName="ann", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    account.ask("UntagUser", UserName="ann", TagKeys=["a", "unknown"])
    assert account.ask("ListUserTags", UserName="ann")["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_tag_key_is_given_once(account: TestAccount) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    with pytest.raises(ServiceError, match=r"InvalidInput.*Duplicate tag keys found"):
        account.ask("CreateUser", UserName="ann", Tags=tags)


def test_a_tag_is_overwritten_and_removed_whatever_the_case_of_its_key(account: TestAccount) -> None:
    account.user("ann", Tags=[{"Key": "Team", "Value": "1"}])
    account.ask("TagUser", UserName="ann", Tags=[{"Key": "team", "Value": "2"}])
    assert account.ask("ListUserTags", UserName="ann")["Tags"] == [{"Key": "Team", "Value": "2"}]
    account.ask("UntagUser", UserName="ann", TagKeys=["TEAM"])
    assert account.ask("ListUserTags", UserName="ann")["Tags"] == []


def test_more_than_fifty_tags_are_refused(account: TestAccount) -> None:
    account.user("ann")
    with pytest.raises(ServiceError) as refusal:
        account.ask("TagUser", UserName="ann", Tags=[{"Key": str(n), "Value": ""} for n in range(51)])
    assert refusal.value.code == "LimitExceededException"
