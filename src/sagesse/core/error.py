"""Errors a client may see.

A service raises `ServiceError` with a code of the operation's model (or a common AWS code); the wire writes
it in the shape of the caller's protocol. Status, fault and query-error code come from the model when the code
is modelled there, so a raiser states them only for codes the model does not know.
"""

from collections.abc import Mapping
from typing import Any


class ServiceError(Exception):
    """An error in the words of AWS.

    Args:
        code: the error code, e.g. ``ValidationException``; a shape name of the model or a common AWS code.
        message: what was wrong, the value, what is allowed.
        status: HTTP status; None takes the model's, or 400.
        fields: further members of the modelled error shape, wire names (``{"ResourceName": ...}``).
        headers: HTTP headers that no error shape has, for S3 (``{"x-amz-delete-marker": "true"}``).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields: Mapping[str, Any] = fields or {}
        self.headers: Mapping[str, str] = headers or {}


class NotImplementedOperation(ServiceError):  # noqa: N818 - named after the AWS code it carries
    """The operation exists in AWS and is not built yet: HTTP 501, never an empty 200."""

    def __init__(self, service: str, operation: str) -> None:
        super().__init__(
            "NotImplemented",
            f"Sagesse does not implement {service}:{operation} yet. docs/services lists what works.",
            status=501,
        )


def validation_error(message: str) -> ServiceError:
    """A `ValidationException` with `message`."""
    return ServiceError("ValidationException", message)


def unsupported_member(member: str, reason: str) -> ServiceError:
    """Refuse a request member that changes behaviour and is not supported: never accepted and ignored."""
    return ServiceError("ValidationException", f"Sagesse does not support {member}: {reason}")


def access_denied(principal_arn: str, action: str, resource: str, *, because: str = "") -> ServiceError:
    """`AccessDeniedException` in the wording of AWS."""
    reason = because or f"because no identity-based policy allows the {action} action"
    return ServiceError(
        "AccessDeniedException",
        f"User: {principal_arn} is not authorized to perform: {action} on resource: {resource} {reason}",
        status=403,
    )
