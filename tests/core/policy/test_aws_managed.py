"""The AWS managed policies."""

import pytest

from sagesse.core.policy import Verdict, compile_policy
from sagesse.core.policy.aws_managed import ManagedPolicy, managed_policies
from tests.core.policy.build import verdict

PREFIX = "arn:aws:iam::aws:policy/"


@pytest.mark.parametrize("policy", managed_policies().values(), ids=lambda policy: policy.name)
def test_every_one_is_a_policy(policy: ManagedPolicy) -> None:
    assert compile_policy(policy.document).statements
    assert policy.arn.endswith(policy.path + policy.name)


@pytest.mark.parametrize(
    ("name", "action", "expected"),
    [
        ("AdministratorAccess", "iam:CreateUser", Verdict.ALLOWED),
        ("PowerUserAccess", "sagemaker:CreateModel", Verdict.ALLOWED),
        ("PowerUserAccess", "iam:CreateUser", Verdict.IMPLICIT_DENY),
        ("ReadOnlyAccess", "s3:GetObject", Verdict.ALLOWED),
        ("ReadOnlyAccess", "s3:PutObject", Verdict.IMPLICIT_DENY),
        ("AmazonS3FullAccess", "s3:PutObject", Verdict.ALLOWED),
        ("AmazonS3ReadOnlyAccess", "s3:PutObject", Verdict.IMPLICIT_DENY),
        ("AmazonSageMakerFullAccess", "sagemaker:CreateTrainingJob", Verdict.ALLOWED),
    ],
)
def test_they_grant_what_they_are_for(name: str, action: str, expected: Verdict) -> None:
    assert verdict(managed_policies()[PREFIX + name].document, action) is expected


@pytest.mark.parametrize(
    ("service", "expected"), [("sagemaker", Verdict.ALLOWED), ("ec2", Verdict.IMPLICIT_DENY)]
)
def test_sagemaker_roles_may_be_passed_to_sagemaker(service: str, expected: Verdict) -> None:
    text = managed_policies()[PREFIX + "AmazonSageMakerFullAccess"].document
    facts = {"iam:PassedToService": f"{service}.amazonaws.com"}
    assert verdict(text, "iam:PassRole", "arn:aws:iam::123456789012:role/x", facts) is expected
