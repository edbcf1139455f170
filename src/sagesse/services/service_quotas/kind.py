"""What Service Quotas keeps: requests for increases, and the values that were raised."""

from sagesse.core.error import ServiceError
from sagesse.core.kind import Kind
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.record import Record


def no_such(what: str) -> ServiceError:
    """The request, quota or service is not there."""
    return ServiceError(
        "NoSuchResourceException", f"The request failed because the specified {what} does not exist."
    )


def _taken(record: Record) -> ServiceError:
    return ServiceError("ResourceAlreadyExistsException", f"{record.name} exists already.")


QUOTA_REQUEST = Kind(
    service="service-quotas",
    name="QuotaRequest",
    key="Id",
    arn_service="servicequotas",
    arn_path="request/{name}",
    is_arn_lower=False,
    lifecycle=Lifecycle(
        "PENDING", {"PENDING": frozenset({"APPROVED", "DENIED"})}, rest=frozenset({"PENDING"})
    ),
    missing=lambda name, arn: no_such("quota increase request"),
    duplicate=_taken,
    status_member="Status",
    created_member="Created",
    modified_member="LastUpdated",
)

APPLIED_QUOTA = Kind(
    service="service-quotas",
    name="AppliedQuota",
    key="QuotaCode",
    arn_service="servicequotas",
    arn_path="sagemaker/{name}",
    is_arn_lower=False,
    missing=lambda name, arn: no_such("quota"),
    duplicate=_taken,
)
"""Its id is `engines.quota.APPLIED`."""
