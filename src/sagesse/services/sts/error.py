"""STS's refusals, in its wording."""

from sagesse.core.error import ServiceError


def denied(message: str) -> ServiceError:
    """The caller may not."""
    return ServiceError("AccessDenied", message, status=403)


def validation_failed(message: str) -> ServiceError:
    """A constraint that the model does not state."""
    return ServiceError("ValidationError", message, status=400)
