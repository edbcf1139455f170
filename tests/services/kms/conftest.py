"""KMS clients of the account's root and of users and roles made for a test."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from sagesse.testing.server import Server

ACCOUNT = "123456789012"


@pytest.fixture
def kms(server: Server) -> Any:
    """KMS as the account's root."""
    return server.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    """The id of a fresh key."""
    return kms.create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture
def as_user(server: Server) -> Callable[..., Any]:
    """A client of a fresh user with these identity statements."""
    iam = server.client("iam")

    def make(name: str, *statements: dict[str, Any], service: str = "kms") -> Any:
        iam.create_user(UserName=name)
        if statements:
            document = orjson.dumps({"Version": "2012-10-17", "Statement": list(statements)}).decode()
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return server.client(
            service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
        )

    return make
