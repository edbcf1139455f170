"""The policy simulator."""

from typing import Any

import pytest

from sagesse.core.error import ServiceError
from tests.core.policy.build import allow, deny, document, statement
from tests.services.iam.account import ACCOUNT, TestAccount


def decisions(answer: Any) -> dict[str, str]:
    assert answer["IsTruncated"] is False
    return {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}


def test_a_role_is_simulated(account: TestAccount) -> None:
    arn = account.role("r", allow("s3:*"), deny("s3:Delete*"))
    actions = ["s3:GetObject", "s3:DeleteObject", "iam:GetUser"]
    answer = account.ask("SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=actions)
    assert decisions(answer) == {
        "s3:GetObject": "allowed",
        "s3:DeleteObject": "explicitDeny",
        "iam:GetUser": "implicitDeny",
    }


def test_the_policy_that_decided_is_named(account: TestAccount) -> None:
    arn = account.role("r")
    policy = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    account.ask("AttachRolePolicy", RoleName="r", PolicyArn=policy)
    answer = account.ask("SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=["s3:GetObject"])
    matched = answer["EvaluationResults"][0]["MatchedStatements"]
    assert matched == [{"SourcePolicyId": "AmazonS3FullAccess", "SourcePolicyType": "aws-managed"}]


def test_each_resource_is_judged(account: TestAccount) -> None:
    arn = account.role("r", allow("s3:*", "arn:aws:s3:::a/*"))
    answer = account.ask(
        "SimulatePrincipalPolicy",
        PolicySourceArn=arn,
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::a/k", "arn:aws:s3:::b/k"],
    )
    result = answer["EvaluationResults"][0]
    found = [item["EvalResourceDecision"] for item in result["ResourceSpecificResults"]]
    assert found == ["allowed", "implicitDeny"]
    assert result["EvalDecision"] == "implicitDeny"


def test_a_condition_reads_the_context_entries(account: TestAccount) -> None:
    text = allow("s3:*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})
    ask = {"PolicyInputList": [text], "ActionNames": ["s3:GetObject"]}
    unknown = account.ask("SimulateCustomPolicy", **ask)
    assert unknown["EvaluationResults"][0]["MissingContextValues"] == ["aws:requestedregion"]
    assert decisions(unknown) == {"s3:GetObject": "implicitDeny"}
    entry = {
        "ContextKeyName": "aws:RequestedRegion",
        "ContextKeyValues": ["us-east-1"],
        "ContextKeyType": "string",
    }
    assert decisions(account.ask("SimulateCustomPolicy", ContextEntries=[entry], **ask)) == {
        "s3:GetObject": "allowed"
    }


def test_further_policies_and_boundaries_count(account: TestAccount) -> None:
    arn = account.role("r")
    answer = account.ask(
        "SimulatePrincipalPolicy",
        PolicySourceArn=arn,
        ActionNames=["s3:GetObject", "iam:GetUser"],
        PolicyInputList=[allow()],
        PermissionsBoundaryPolicyInputList=[allow("s3:*")],
    )
    assert decisions(answer) == {"s3:GetObject": "allowed", "iam:GetUser": "implicitDeny"}
    detail = [item["PermissionsBoundaryDecisionDetail"] for item in answer["EvaluationResults"]]
    assert detail == [{"AllowedByPermissionsBoundary": True}, {"AllowedByPermissionsBoundary": False}]


def test_a_resource_policy_may_allow(account: TestAccount) -> None:
    caller = f"arn:aws:iam::{ACCOUNT}:user/ann"
    policy = document(statement(Principal={"AWS": caller}, Action="s3:*", Resource="arn:aws:s3:::a/*"))
    answer = account.ask(
        "SimulateCustomPolicy",
        PolicyInputList=[allow("iam:*")],
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::a/k"],
        ResourcePolicy=policy,
        CallerArn=caller,
    )
    assert decisions(answer) == {"s3:GetObject": "allowed"}


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/nobody", "NoSuchEntityException"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s", "InvalidInputException"),
        (f"arn:aws:iam::{ACCOUNT}:root", "InvalidInputException"),
        ("nonsense", "InvalidInputException"),
    ],
)
def test_only_users_and_roles_are_simulated(account: TestAccount, arn: str, code: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        account.ask("SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=["s3:GetObject"])
    assert refusal.value.code == code


def test_results_come_in_pages_when_asked(account: TestAccount) -> None:
    asked = {"PolicyInputList": [allow("s3:*")], "ActionNames": ["s3:A", "s3:B", "s3:C"], "MaxItems": 2}
    first = account.ask("SimulateCustomPolicy", **asked)
    assert first["IsTruncated"] is True
    rest = account.ask("SimulateCustomPolicy", **asked, Marker=first["Marker"])
    assert decisions(rest) == {"s3:C": "allowed"}

    for name in "ab":
        account.ask("CreateUser", UserName=name)
    foreign = account.ask("ListUsers", MaxItems=1)["Marker"]
    with pytest.raises(ServiceError, match=r"Invalid Marker"):
        account.ask("SimulateCustomPolicy", **asked, Marker=foreign)


@pytest.mark.parametrize(
    "members",
    [
        {"ActionNames": ["s3:A"] * 101, "ResourceArns": ["arn:aws:s3:::b"] * 100},
        {"PolicyInputList": [allow("s3:" + "A" * 11_000)]},
    ],
)
def test_what_would_take_minutes_is_refused(account: TestAccount, members: dict[str, Any]) -> None:
    asked = {"PolicyInputList": [allow("s3:*")], "ActionNames": ["s3:A"], **members}
    with pytest.raises(ServiceError, match=r"InvalidInput"):
        account.ask("SimulateCustomPolicy", **asked)
