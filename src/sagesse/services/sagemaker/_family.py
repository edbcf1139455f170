"""What the resource families of SageMaker share: the permissions that a call needs."""

from collections.abc import Iterable

from sagesse.core.scope import Scope
from sagesse.core.service import Grant, Params, Service


class Family(Service):
    """Base of the families that clients create."""

    service = "sagemaker"

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        """The operation itself; who creates a resource with tags must be allowed to tag it, too."""
        for grant in super()._grants(operation, params, scope):
            yield grant
            if operation.startswith("Create") and params.get("Tags"):
                yield Grant("sagemaker:AddTags", grant.resource)
