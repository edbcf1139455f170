"""Refusals of the S3 service that no store knows of."""

from typing import Any

from sagesse.core.error import ServiceError


def access_denied() -> ServiceError:
    """The caller may not; S3 does not say why."""
    return ServiceError("AccessDenied", "Access Denied", status=403)


def not_implemented(member: str, value: Any) -> ServiceError:
    """A member that would change behaviour we do not have."""
    return ServiceError(
        "NotImplemented",
        f"A header you provided implies functionality that is not implemented: Sagesse does not support {member}"
        f" {value!r}",
        status=501,
        fields={"Header": member},
    )


def invalid_argument(message: str, name: str, value: Any) -> ServiceError:
    """A parameter has a value that is not allowed."""
    fields = {"ArgumentName": name, "ArgumentValue": "" if value is None else str(value)}
    return ServiceError("InvalidArgument", message, status=400, fields=fields)


def malformed_xml() -> ServiceError:
    """The request document lacks something or has too much of it."""
    return ServiceError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
        status=400,
    )


def invalid_tag(message: str) -> ServiceError:
    """A tag breaks the rules."""
    return ServiceError("InvalidTag", message, status=400)
