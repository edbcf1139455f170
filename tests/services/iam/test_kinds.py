"""Users and roles pass the suite of every kind, though they answer their operations themselves."""

from typing import Any

import msgspec
import pytest

from sagesse.services.iam.kind import POLICY, ROLE, USER
from sagesse.testing.kind import KindSuite, Sample
from tests.core.policy.build import allow, document, statement

TRUST = document(statement(Principal={"Service": "sagemaker.amazonaws.com"}, Action="sts:AssumeRole"))

SAMPLES = (
    Sample(
        msgspec.structs.replace(USER, describe="GetUser", listing="ListUsers", delete="DeleteUser"),
        "CreateUser",
        lambda name: {"UserName": name},
    ),
    Sample(
        msgspec.structs.replace(ROLE, describe="GetRole", listing="ListRoles", delete="DeleteRole"),
        "CreateRole",
        lambda name: {"RoleName": name, "AssumeRolePolicyDocument": TRUST},
    ),
    Sample(
        msgspec.structs.replace(POLICY, listing="ListPolicies"),
        "CreatePolicy",
        lambda name: {"PolicyName": name, "PolicyDocument": allow("s3:*")},
    ),
)


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.kind.id)
def sample(request: Any) -> Sample:
    return request.param


class TestKinds(KindSuite):
    """Users, roles and policies."""
