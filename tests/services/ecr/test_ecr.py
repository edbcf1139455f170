"""ECR on a store in a temporary folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sagesse.core.call import Context
from sagesse.core.error import NotImplementedOperation, ServiceError
from sagesse.core.principal import Principal
from sagesse.core.scope import Scope
from sagesse.core.service import Registry
from sagesse.core.store_sqlite import SqliteStore
from sagesse.services.ecr import Images, Repositories
from sagesse.testing.clock import HandClock

ACCOUNT = "123456789012"
AWS = "683313688378"
Op = Callable[..., Any]


def tags_of(repository: str) -> list[str]:
    return ["latest", "1.7-1"] if repository == "xgboost" else []


@pytest.fixture
def op(tmp_path: Path) -> Iterator[Op]:
    """`op("CreateRepository", repositoryName=..., ...)` runs an operation."""
    store = SqliteStore(tmp_path / "records.db", durable=False)
    registry = Registry([Repositories(tags_of), Images(tags_of)])
    ctx = Context(
        scope=Scope(ACCOUNT, "eu-central-1"),
        principal=Principal.root(ACCOUNT),
        request_id="r",
        platform=SimpleNamespace(clock=HandClock(), store=store),  # type: ignore[arg-type]
    )

    def run(operation: str, **params: Any) -> Any:
        return registry.find("ecr", operation).run(ctx, params)

    yield run
    store.close()


def test_a_repository_is_described_as_made(op: Op) -> None:
    made = op("CreateRepository", repositoryName="team/app", tags=[{"Key": "a", "Value": "1"}])["repository"]
    assert made == {
        "repositoryArn": f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/team/app",
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/team/app",
        "createdAt": 1_700_000_000.0,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    assert op("DescribeRepositories", repositoryNames=["team/app"])["repositories"] == [made]


def test_a_repository_is_made_once(op: Op) -> None:
    op("CreateRepository", repositoryName="app")
    with pytest.raises(
        ServiceError, match="name 'app' already exists in the registry with id '123456789012'"
    ):
        op("CreateRepository", repositoryName="app")


def test_a_missing_repository_is_not_found(op: Op) -> None:
    for operation, params in (
        ("DescribeRepositories", {"repositoryNames": ["none"]}),
        ("DeleteRepository", {"repositoryName": "none"}),
        ("ListImages", {"repositoryName": "none"}),
        ("ListImages", {"repositoryName": "xgboost"}),
        ("ListTagsForResource", {"resourceArn": f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/none"}),
    ):
        with pytest.raises(ServiceError, match="RepositoryNotFoundException"):
            op(operation, **params)


def test_repositories_come_in_pages_by_name(op: Op) -> None:
    for name in ("b1", "c1", "a1"):
        op("CreateRepository", repositoryName=name)
    first = op("DescribeRepositories", maxResults=2)
    rest = op("DescribeRepositories", maxResults=2, nextToken=first["nextToken"])
    names = [one["repositoryName"] for one in first["repositories"] + rest["repositories"]]
    assert (names, "nextToken" in rest) == (["a1", "b1", "c1"], False)


def test_a_foreign_token_is_refused(op: Op) -> None:
    with pytest.raises(ServiceError, match="InvalidParameterException"):
        op("DescribeRepositories", nextToken="x")


def test_tags(op: Op) -> None:
    made = op("CreateRepository", repositoryName="app", tags=[{"Key": "a", "Value": "1"}])["repository"]
    arn = made["repositoryArn"]
    op("TagResource", resourceArn=arn, tags=[{"Key": "b", "Value": "2"}])
    op("UntagResource", resourceArn=arn, tagKeys=["a"])
    assert op("ListTagsForResource", resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]


def test_a_deleted_repository_is_gone(op: Op) -> None:
    op("CreateRepository", repositoryName="app")
    assert op("DeleteRepository", repositoryName="app")["repository"]["repositoryName"] == "app"
    assert op("DescribeRepositories")["repositories"] == []


def test_a_repository_with_images_is_deleted_by_force_only(op: Op) -> None:
    op("CreateRepository", repositoryName="xgboost")
    with pytest.raises(ServiceError, match="RepositoryNotEmptyException"):
        op("DeleteRepository", repositoryName="xgboost")
    op("DeleteRepository", repositoryName="xgboost", force=True)


def test_images_are_what_runs_here(op: Op) -> None:
    op("CreateRepository", repositoryName="xgboost")
    listed = op("ListImages", repositoryName="xgboost")["imageIds"]
    assert listed == [{"imageTag": "1.7-1"}, {"imageTag": "latest"}]


def test_repositories_of_aws_need_not_be_made(op: Op) -> None:
    (image,) = op(
        "DescribeImages", registryId=AWS, repositoryName="xgboost", imageIds=[{"imageTag": "1.7-1"}]
    )["imageDetails"]
    assert image == {"registryId": AWS, "repositoryName": "xgboost", "imageTags": ["1.7-1"]}


def test_an_unknown_image_is_not_found(op: Op) -> None:
    with pytest.raises(ServiceError, match=r"ImageNotFoundException: .* imageTag:'9'} does not exist"):
        op("DescribeImages", registryId=AWS, repositoryName="xgboost", imageIds=[{"imageTag": "9"}])


@pytest.mark.parametrize("operation", ["GetAuthorizationToken", "BatchGetImage", "PutImage"])
def test_there_is_no_registry(op: Op, operation: str) -> None:
    with pytest.raises(NotImplementedOperation):
        op(operation)


def test_permissions_are_those_of_the_repository() -> None:
    grants = list(Images(tags_of)._grants("ListImages", {"repositoryName": "app"}, Scope("1", "r")))
    assert grants == [("ecr:ListImages", "arn:aws:ecr:r:1:repository/app")]
