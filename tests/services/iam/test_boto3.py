"""IAM and STS seen by an unmodified client."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server
from tests.core.policy.build import allow, document, statement

TRUST = document(statement(Principal={"Service": "sagemaker.amazonaws.com"}, Action="sts:AssumeRole"))
ROLE = "arn:aws:iam::123456789012:role/sagemaker"


@pytest.fixture
def iam(server: Server) -> Any:
    return server.client("iam")


def as_user(server: Server, name: str, *documents: str) -> dict[str, str]:
    """The keys of a new user with these inline policies."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    for number, text in enumerate(documents):
        iam.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=text)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def as_session(credentials: dict[str, Any]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def error(refusal: Any) -> tuple[str, int]:
    response = refusal.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_user_signs_with_its_key(server: Server) -> None:
    keys = as_user(server, "signer")
    identity = server.client("sts", **keys).get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::123456789012:user/signer"


def test_documents_come_back_as_objects(iam: Any) -> None:
    iam.create_role(RoleName="shown", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="shown", PolicyName="p", PolicyDocument=allow("s3:*"))
    role = iam.get_role(RoleName="shown")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    policy = iam.get_role_policy(RoleName="shown", PolicyName="p")
    assert policy["PolicyDocument"] == json.loads(allow("s3:*"))


def test_a_refusal_is_the_modelled_exception(iam: Any) -> None:
    with pytest.raises(iam.exceptions.NoSuchEntityException) as refusal:
        iam.get_role(RoleName="nobody")
    assert error(refusal) == ("NoSuchEntity", 404)
    iam.create_user(UserName="once")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException) as refusal:
        iam.create_user(UserName="once")
    assert error(refusal) == ("EntityAlreadyExists", 409)
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException) as refusal:
        iam.create_policy(PolicyName="p", PolicyDocument="{}")
    assert error(refusal) == ("MalformedPolicyDocument", 400)


def test_a_bad_name_is_a_validation_error(iam: Any) -> None:
    with pytest.raises(ClientError) as refusal:
        iam.create_user(UserName="no spaces")
    assert error(refusal) == ("ValidationError", 400)


def test_paginators_find_everything(iam: Any) -> None:
    names = [f"paged-{number}" for number in range(5)]
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Path="/paged/")
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/paged/", PaginationConfig={"PageSize": 2})
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == names
    pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 7})
    arns = [policy["Arn"] for page in pages for policy in page["Policies"]]
    assert len(arns) == len(set(arns)) > 40


@pytest.mark.parametrize(
    ("service", "operation", "members", "expected"),
    [
        ("iam", "list_users", {}, ("AccessDenied", 403)),
        ("s3", "list_buckets", {}, ("AccessDenied", 403)),
        ("sagemaker", "list_models", {}, ("AccessDeniedException", 403)),
    ],
)
def test_a_user_without_policies_is_refused(
    server: Server, service: str, operation: str, members: dict[str, Any], expected: tuple[str, int]
) -> None:
    client = server.client(service, **as_user(server, f"powerless-{service}"))
    with pytest.raises(ClientError) as refusal:
        getattr(client, operation)(**members)
    assert error(refusal) == expected
    assert "because no identity-based policy allows" in refusal.value.response["Error"]["Message"]


def test_a_policy_opens_what_it_names(server: Server) -> None:
    keys = as_user(server, "reader", allow("sagemaker:List*"))
    assert server.client("sagemaker", **keys).list_models()["Models"] == []


def test_a_role_session_signs(server: Server) -> None:
    answer = server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="work")
    keys = as_session(answer["Credentials"])
    identity = server.client("sts", **keys).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/sagemaker/work"
    assert server.client("s3", **keys).list_buckets()["Buckets"] == []
    with pytest.raises(ClientError, match="iam:CreateUser"):
        server.client("iam", **keys).create_user(UserName="more")


@pytest.mark.parametrize("token", ["nonsense", None])
def test_a_session_needs_its_token(server: Server, token: str | None) -> None:
    answer = server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="work")
    keys = {**as_session(answer["Credentials"]), "aws_session_token": token}
    with pytest.raises(ClientError) as refusal:
        server.client("sts", **keys).get_caller_identity()
    assert error(refusal) == ("InvalidClientTokenId", 403)


def test_too_long_a_session_is_refused(server: Server) -> None:
    with pytest.raises(ClientError) as refusal:
        server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="work", DurationSeconds=43_201)
    assert error(refusal) == ("ValidationError", 400)


def test_get_session_token_gives_working_keys(server: Server) -> None:
    keys = as_session(server.client("sts").get_session_token()["Credentials"])
    assert server.client("iam", **keys).list_account_aliases()["AccountAliases"] == []


def test_the_sdks_preflight_passes(iam: Any) -> None:
    role = iam.get_role(RoleName="sagemaker")["Role"]
    assert ":role/" in role["Arn"]
    principals = [item["Principal"] for item in role["AssumeRolePolicyDocument"]["Statement"]]
    assert principals[0]["Service"] == "sagemaker.amazonaws.com"
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role["Arn"],
        ActionNames=["sagemaker:CreateTrainingJob", "s3:PutObject", "ecr:GetImage"],
    )
    assert answer["IsTruncated"] is False
    assert {result["EvalDecision"] for result in answer["EvaluationResults"]} == {"allowed"}


def test_what_is_not_built_says_so(iam: Any) -> None:
    with pytest.raises(ClientError) as refusal:
        iam.create_group(GroupName="g")
    assert error(refusal) == ("NotImplemented", 501)
