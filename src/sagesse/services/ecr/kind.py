"""The repository: a name, settings and tags."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.record import Record
from sagesse.core.scope import Scope, parse_arn, partition
from sagesse.core.service import Grant, Params, Service
from sagesse.services.ecr.error import no_repository, repository_exists

ImageTags: TypeAlias = Callable[[str], Sequence[str]]
"""The tags of a repository's images that this machine can run; none for a repository it does not know."""


def _uri(ctx: Context, record: Record) -> dict[str, str]:
    suffix = "amazonaws.com.cn" if partition(record.region) == "aws-cn" else "amazonaws.com"
    host = f"{record.account}.dkr.ecr.{record.region}.{suffix}"
    return {"registryId": record.account, "repositoryUri": f"{host}/{record.name}"}


def _account_of(arn: str) -> str:
    parsed = parse_arn(arn)
    return parsed.account if parsed else ""


REPOSITORY = Kind(
    service="ecr",
    name="Repository",
    key="repositoryName",
    arn_path="repository/{name}",
    missing=lambda name, arn: no_repository(name, _account_of(arn)),
    duplicate=lambda record: repository_exists(record.name, record.account),
    arn_member="repositoryArn",
    created_member="createdAt",
    page_size=100,
    extend=_uri,
)
MEMBERS = (
    *("repositoryArn", "registryId", "repositoryName", "repositoryUri", "createdAt"),
    *("imageTagMutability", "imageTagMutabilityExclusionFilters"),
    *("imageScanningConfiguration", "encryptionConfiguration"),
)


class EcrService(Service):
    """A resource family of ECR.

    Args:
        image_tags: which images this machine can run.
    """

    service = "ecr"

    def __init__(self, image_tags: ImageTags) -> None:
        self._image_tags = image_tags

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        """Everything about repositories is granted on their ARNs."""
        action = f"ecr:{operation}"
        if "resourceArn" in params:
            return (Grant(action, str(params["resourceArn"])),)
        names: Sequence[str] = params.get("repositoryNames") or (params.get("repositoryName", "*"),)
        return [Grant(action, REPOSITORY.arn(scope, name)) for name in names]
