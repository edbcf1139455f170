"""The first start."""

from sagesse.services.iam import EXECUTION_ROLE, bootstrap
from tests.services.iam.account import ACCOUNT, ROOT, TestAccount

ROLE = f"arn:aws:iam::{ACCOUNT}:role/{EXECUTION_ROLE}"


def test_the_root_key_is_made_once(account: TestAccount) -> None:
    first = bootstrap(account.store, ACCOUNT, account.clock)
    assert bootstrap(account.store, ACCOUNT, account.clock) == first
    credential = account.identities.find(first.access_key_id)
    assert credential is not None
    assert (credential.principal, credential.secret) == (ROOT, first.secret)


def test_root_may_take_the_execution_role(account: TestAccount) -> None:
    bootstrap(account.store, ACCOUNT, account.clock)
    assert account.session(ROLE).role_arn == ROLE


def test_the_execution_role_passes_the_sdks_checks(account: TestAccount) -> None:
    bootstrap(account.store, ACCOUNT, account.clock)
    wanted = ["sagemaker:CreateTrainingJob", "s3:GetObject", "s3:PutObject", "logs:PutLogEvents"]
    wanted += ["ecr:GetAuthorizationToken", "ec2:CreateNetworkInterfacePermission", "ec2:DescribeDhcpOptions"]
    answer = account.ask("SimulatePrincipalPolicy", PolicySourceArn=ROLE, ActionNames=wanted)
    assert {result["EvalDecision"] for result in answer["EvaluationResults"]} == {"allowed"}


def test_a_role_that_was_deleted_stays_deleted(account: TestAccount) -> None:
    bootstrap(account.store, ACCOUNT, account.clock)
    for policy in account.ask("ListAttachedRolePolicies", RoleName=EXECUTION_ROLE)["AttachedPolicies"]:
        account.ask("DetachRolePolicy", RoleName=EXECUTION_ROLE, PolicyArn=policy["PolicyArn"])
    account.ask("DeleteRole", RoleName=EXECUTION_ROLE)
    bootstrap(account.store, ACCOUNT, account.clock)
    assert account.ask("ListRoles")["Roles"] == []
