"""Tags of jobs, by ARN and at their creation."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import make_bucket, run_job, script_job

TWICE = [{"Key": "team", "Value": "a"}, {"Key": "team", "Value": "b"}]
RESERVED = [{"Key": "aws:team", "Value": "a"}]


@pytest.fixture(scope="module")
def arn(server: Server) -> str:
    """A job with a tag."""
    make_bucket(server)
    given = [{"Key": "team", "Value": "a"}]
    return run_job(server, script_job(server, "tagged", "", Tags=given))["TrainingJobArn"]


def test_tags_are_added_replaced_and_removed(server: Server, arn: str) -> None:
    client = server.client("sagemaker")
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": ""}])
    client.delete_tags(ResourceArn=arn, TagKeys=["cost", "never-there"])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "b"}]


@pytest.mark.parametrize(
    ("tags", "said"), [(TWICE, "must be unique"), (RESERVED, "not allowed for external use")]
)
def test_tags_that_nothing_can_have_are_refused(
    server: Server, arn: str, tags: list[dict[str, Any]], said: str
) -> None:
    client = server.client("sagemaker")
    with pytest.raises(ClientError, match=said):
        client.add_tags(ResourceArn=arn, Tags=tags)
    with pytest.raises(ClientError, match=said):
        client.create_training_job(**script_job(server, "never", "", Tags=tags))
