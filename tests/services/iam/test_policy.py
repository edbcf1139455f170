"""Managed policies."""

import json
from urllib.parse import unquote

import pytest

from sagesse.core.error import ServiceError
from sagesse.core.policy.aws_managed import managed_policies
from tests.core.policy.build import allow
from tests.services.iam.account import ACCOUNT, TestAccount

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def make(account: TestAccount, name: str = "p", **members: object) -> str:
    return account.ask("CreatePolicy", PolicyName=name, PolicyDocument=allow("s3:*"), **members)["Policy"][
        "Arn"
    ]


def test_a_policy_is_shown_as_made(account: TestAccount) -> None:
    arn = make(account, Path="/team/", Description="d", Tags=[{"Key": "a", "Value": "1"}])
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/team/p"
    shown = account.ask("GetPolicy", PolicyArn=arn)["Policy"]
    assert shown["PolicyId"].startswith("ANPA")
    assert (shown["DefaultVersionId"], shown["AttachmentCount"], shown["Description"]) == ("v1", 0, "d")
    assert shown["Tags"] == [{"Key": "a", "Value": "1"}]
    assert "PolicyDocument" not in shown


def test_a_policy_of_aws_is_there(account: TestAccount) -> None:
    assert account.ask("GetPolicy", PolicyArn=ADMIN)["Policy"]["PolicyName"] == "AdministratorAccess"
    version = account.ask("GetPolicyVersion", PolicyArn=ADMIN, VersionId="v1")["PolicyVersion"]
    assert json.loads(unquote(version["Document"]))["Statement"][0]["Action"] == "*"


def test_permissions_are_about_the_policys_own_arn(account: TestAccount) -> None:
    arn = make(account)
    ann = account.user("ann", allow(["iam:GetPolicy", "iam:ListPolicyTags"], arn))
    assert account.ask("ListPolicyTags", ann, PolicyArn=arn)["Tags"] == []
    with pytest.raises(ServiceError, match="AccessDenied"):
        account.ask("GetPolicy", ann, PolicyArn=ADMIN)


@pytest.mark.parametrize("name", ["p2", "x/p"])
def test_a_missing_policy_is_not_found(account: TestAccount, name: str) -> None:
    make(account)
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    with pytest.raises(ServiceError) as refusal:
        account.ask("GetPolicy", PolicyArn=arn)
    assert refusal.value.code == "NoSuchEntityException"
    assert refusal.value.message == f"Policy {arn} was not found."


def test_a_name_is_taken_once_whatever_the_path(account: TestAccount) -> None:
    make(account)
    with pytest.raises(ServiceError, match="A policy called p already exists"):
        make(account, Path="/other/")


def test_the_default_version_counts(account: TestAccount) -> None:
    arn = make(account)
    ann = account.user("ann")
    account.ask("AttachUserPolicy", UserName="ann", PolicyArn=arn)
    account.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("iam:ListUsers"))
    with pytest.raises(ServiceError, match="AccessDenied"):
        account.ask("ListUsers", ann)
    account.ask("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    assert account.ask("ListUsers", ann)["Users"]


def test_versions_are_listed_and_deleted(account: TestAccount) -> None:
    arn = make(account)
    made = account.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow(), SetAsDefault=True)
    assert made["PolicyVersion"]["VersionId"] == "v2"
    with pytest.raises(ServiceError, match="Cannot delete the default version"):
        account.ask("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    account.ask("DeletePolicyVersion", PolicyArn=arn, VersionId="v1")
    versions = account.ask("ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [(version["VersionId"], version["IsDefaultVersion"]) for version in versions] == [("v2", True)]


def test_a_version_number_is_not_used_again(account: TestAccount) -> None:
    arn = make(account)
    account.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow())
    account.ask("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    made = account.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow())
    assert made["PolicyVersion"]["VersionId"] == "v3"


def test_there_are_five_versions_at_most(account: TestAccount) -> None:
    arn = make(account)
    for _ in range(4):
        account.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow())
    with pytest.raises(ServiceError) as refusal:
        account.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow())
    assert refusal.value.code == "LimitExceededException"


def test_an_attached_policy_stays(account: TestAccount) -> None:
    arn = make(account)
    account.role("r")
    account.ask("AttachRolePolicy", RoleName="r", PolicyArn=arn)
    with pytest.raises(ServiceError, match="Cannot delete a policy attached to entities"):
        account.ask("DeletePolicy", PolicyArn=arn)
    account.ask("DetachRolePolicy", RoleName="r", PolicyArn=arn)
    account.ask("DeletePolicy", PolicyArn=arn)
    assert account.ask("ListPolicies", Scope="Local")["Policies"] == []


def test_a_policy_with_versions_stays(account: TestAccount) -> None:
    arn = make(account)
    account.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow())
    with pytest.raises(ServiceError, match="more than one version"):
        account.ask("DeletePolicy", PolicyArn=arn)


@pytest.mark.parametrize(("scope", "count"), [("AWS", 0), ("Local", 1), ("All", 1)])
def test_policies_are_listed_by_scope(account: TestAccount, scope: str, count: int) -> None:
    make(account)
    listed = account.ask("ListPolicies", Scope=scope, MaxItems=1000)["Policies"]
    own = [policy for policy in listed if ACCOUNT in policy["Arn"]]
    assert len(own) == count
    assert len(listed) - len(own) == (0 if scope == "Local" else len(managed_policies()))


def test_attached_policies_alone_may_be_listed(account: TestAccount) -> None:
    make(account)
    account.role("r", PermissionsBoundary=ADMIN)
    listed = account.ask("ListPolicies", OnlyAttached=True)["Policies"]
    assert [(policy["Arn"], policy["PermissionsBoundaryUsageCount"]) for policy in listed] == [(ADMIN, 1)]


def test_the_holders_of_a_policy_are_listed(account: TestAccount) -> None:
    account.user("ann")
    account.role("r")
    account.ask("AttachUserPolicy", UserName="ann", PolicyArn=ADMIN)
    account.ask("AttachRolePolicy", RoleName="r", PolicyArn=ADMIN)
    found = account.ask("ListEntitiesForPolicy", PolicyArn=ADMIN)
    assert [user["UserName"] for user in found["PolicyUsers"]] == ["ann"]
    assert [role["RoleName"] for role in found["PolicyRoles"]] == ["r"]
    roles = account.ask("ListEntitiesForPolicy", PolicyArn=ADMIN, EntityFilter="Role")
    assert roles["PolicyUsers"] == []


def test_a_large_policy_is_refused(account: TestAccount) -> None:
    large = allow([f"s3:{'x' * 60}{number}" for number in range(120)])
    with pytest.raises(ServiceError, match="Cannot exceed quota for PolicySize: 6144"):
        account.ask("CreatePolicy", PolicyName="p", PolicyDocument=large)
