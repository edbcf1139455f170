"""ECR through boto3 and a real server."""

from typing import Any

import pytest

from sagesse.testing.server import Server


@pytest.fixture(scope="module")
def ecr(server: Server) -> Any:
    return server.client("ecr")


def test_a_repository_is_made_described_and_deleted(ecr: Any) -> None:
    made = ecr.create_repository(repositoryName="app", tags=[{"Key": "a", "Value": "1"}])["repository"]
    assert ecr.describe_repositories()["repositories"] == [made]
    tags = ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"]
    assert tags == [{"Key": "a", "Value": "1"}]
    ecr.delete_repository(repositoryName="app")
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=["app"])
