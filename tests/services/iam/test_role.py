"""Roles."""

import json
from urllib.parse import unquote

import pytest

from sagesse.core.call import Call
from sagesse.core.error import ServiceError
from sagesse.core.principal import Principal
from tests.core.policy.build import allow, document, statement
from tests.services.iam.account import ACCOUNT, TRUST, TestAccount

POLICY = "arn:aws:iam::aws:policy/AmazonS3FullAccess"


def test_a_role_is_shown_as_made(account: TestAccount) -> None:
    made = account.ask(
        "CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST, Path="/service-role/", Description="d"
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/service-role/r"
    assert made["RoleId"].startswith("AROA")
    assert made["MaxSessionDuration"] == 3600
    assert json.loads(unquote(made["AssumeRolePolicyDocument"])) == json.loads(TRUST)
    shown = account.ask("GetRole", RoleName="r")["Role"]
    assert shown == {**made, "RoleLastUsed": {}}


def test_a_bad_trust_policy_is_refused(account: TestAccount) -> None:
    with pytest.raises(ServiceError) as refusal:
        account.ask("CreateRole", RoleName="r", AssumeRolePolicyDocument=allow())
    assert refusal.value.code == "MalformedPolicyDocumentException"


def test_a_trust_policy_has_a_quota(account: TestAccount) -> None:
    names = [f"arn:aws:iam::{ACCOUNT}:user/{number:040d}" for number in range(40)]
    trust = document(statement(Action="sts:AssumeRole", Principal={"AWS": names}))
    with pytest.raises(ServiceError, match="Cannot exceed quota for ACLSizePerRole: 2048"):
        account.ask("CreateRole", RoleName="r", AssumeRolePolicyDocument=trust)


def test_a_missing_role_is_not_found(account: TestAccount) -> None:
    with pytest.raises(ServiceError) as refusal:
        account.ask("GetRole", RoleName="nobody")
    assert refusal.value.code == "NoSuchEntityException"
    assert refusal.value.message == "The role with name nobody cannot be found."


def test_a_role_is_updated(account: TestAccount) -> None:
    account.role("r")
    account.ask("UpdateRole", RoleName="r", Description="new", MaxSessionDuration=7200)
    role = account.ask("GetRole", RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 7200)


def test_the_trust_policy_is_replaced(account: TestAccount) -> None:
    account.role("r")
    trust = document(statement(Action="sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"}))
    account.ask("UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=trust)
    shown = account.ask("GetRole", RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    assert json.loads(unquote(shown)) == json.loads(trust)


def test_attached_policies_are_listed(account: TestAccount) -> None:
    account.role("r")
    account.ask("AttachRolePolicy", RoleName="r", PolicyArn=POLICY)
    account.ask("AttachRolePolicy", RoleName="r", PolicyArn=POLICY)
    listed = account.ask("ListAttachedRolePolicies", RoleName="r")["AttachedPolicies"]
    assert listed == [{"PolicyName": "AmazonS3FullAccess", "PolicyArn": POLICY}]


def test_an_unknown_policy_is_not_attachable(account: TestAccount) -> None:
    account.role("r")
    arn = "arn:aws:iam::aws:policy/Unknown"
    with pytest.raises(ServiceError) as refusal:
        account.ask("AttachRolePolicy", RoleName="r", PolicyArn=arn)
    assert refusal.value.code == "NoSuchEntityException"
    assert refusal.value.message == f"Policy {arn} does not exist or is not attachable."


def test_a_policy_of_another_account_is_not_attachable(account: TestAccount) -> None:
    account.role("r")
    made = account.call(
        Call(
            service="iam",
            operation="CreatePolicy",
            region="us-east-1",
            principal=Principal.root("210987654321"),
            params={"PolicyName": "p", "PolicyDocument": allow()},
            request_id="r-1",
        )
    )
    with pytest.raises(ServiceError, match="is not attachable"):
        account.ask("AttachRolePolicy", RoleName="r", PolicyArn=made["Policy"]["Arn"])


def test_what_is_not_attached_is_not_detached(account: TestAccount) -> None:
    account.role("r")
    with pytest.raises(ServiceError, match=r"AmazonS3FullAccess was not found\."):
        account.ask("DetachRolePolicy", RoleName="r", PolicyArn=POLICY)


def test_twenty_policies_are_attached_at_most(account: TestAccount) -> None:
    account.role("r")
    listed = account.ask("ListPolicies", Scope="AWS")["Policies"]
    for policy in listed[:20]:
        account.ask("AttachRolePolicy", RoleName="r", PolicyArn=policy["Arn"])
    with pytest.raises(ServiceError, match=r"Cannot exceed quota for PoliciesPerRole: 20"):
        account.ask("AttachRolePolicy", RoleName="r", PolicyArn=listed[20]["Arn"])


def test_a_role_with_policies_stays(account: TestAccount) -> None:
    account.role("r", allow("s3:*"))
    with pytest.raises(ServiceError) as refusal:
        account.ask("DeleteRole", RoleName="r")
    assert refusal.value.code == "DeleteConflictException"
    account.ask("DeleteRolePolicy", RoleName="r", PolicyName="p0")
    account.ask("DeleteRole", RoleName="r")
    assert account.ask("ListRoles")["Roles"] == []


def test_listings_leave_out_tags(account: TestAccount) -> None:
    account.role("r", Tags=[{"Key": "a", "Value": "1"}])
    assert "Tags" not in account.ask("ListRoles")["Roles"][0]
    assert account.ask("ListRoleTags", RoleName="r")["Tags"] == [{"Key": "a", "Value": "1"}]


def test_a_boundary_is_set_and_lifted(account: TestAccount) -> None:
    account.role("r", PermissionsBoundary=POLICY)
    boundary = account.ask("GetRole", RoleName="r")["Role"]["PermissionsBoundary"]
    assert boundary == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": POLICY,
    }
    account.ask("DeleteRolePermissionsBoundary", RoleName="r")
    assert "PermissionsBoundary" not in account.ask("GetRole", RoleName="r")["Role"]
    with pytest.raises(ServiceError, match="does not have a permissions boundary"):
        account.ask("DeleteRolePermissionsBoundary", RoleName="r")
