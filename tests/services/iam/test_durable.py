"""Identities of a server that keeps its data. Starting it twice takes seconds: kill -9 is what is tested."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server
from tests.services.iam.test_boto3 import ROLE, as_session, as_user, error


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("durable"), ephemeral=False) as running:
        yield running


def whoami(server: Server, keys: dict[str, str]) -> Any:
    return server.client("sts", **keys).get_caller_identity()["Arn"]


def test_keys_and_sessions_survive_kill(durable: Server) -> None:
    user = as_user(durable, "survivor")
    session = as_session(
        durable.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="work")["Credentials"]
    )
    root = durable.ready["access_key_id"]
    durable.kill()
    durable.start()
    assert whoami(durable, user).endswith(":user/survivor")
    assert whoami(durable, session).endswith(":assumed-role/sagemaker/work")
    assert durable.ready["access_key_id"] == root


@pytest.mark.parametrize("operation", ["delete_access_key", "update_access_key"])
def test_a_key_that_is_gone_no_longer_signs(durable: Server, operation: str) -> None:
    name = operation.partition("_")[0]
    keys = as_user(durable, name)
    assert whoami(durable, keys).endswith(name)
    more = {"Status": "Inactive"} if name == "update" else {}
    getattr(durable.client("iam"), operation)(UserName=name, AccessKeyId=keys["aws_access_key_id"], **more)
    with pytest.raises(ClientError) as refusal:
        whoami(durable, keys)
    assert error(refusal) == ("InvalidClientTokenId", 403)
