"""What a client sent that cannot be read at all."""

from typing import Any

from sagesse.core.error import ServiceError
from sagesse.wire.message import Protocol

_JAVA_NAMES = {
    str: "class java.lang.String",
    bool: "class java.lang.Boolean",
    int: "class java.lang.Integer",
    float: "class java.lang.Double",
    list: "class java.util.ArrayList",
    dict: "class java.util.HashMap",
    bytes: "class java.nio.ByteBuffer",
}
_CODES: dict[Protocol, str] = {"query": "MalformedInput", "rest-xml": "MalformedXML"}


class Malformed(Exception):  # noqa: N818 - a statement about the bytes
    """The bytes or the types of a request are not what the model says; the message is fit for the client."""


class MalformedParameter(Malformed):
    """A header or a query parameter is not of its type."""

    def __init__(self, message: str, *, wire_name: str, value: str) -> None:
        super().__init__(message)
        self.wire_name = wire_name
        self.value = value


def wrong_type(value: Any, name: str, wanted: str) -> Malformed:
    """`value` arrived at the member `name` where `wanted` (``a String``) was expected."""
    if value is None:
        return Malformed(f"null at {name} can not be converted to {wanted}")
    came = _JAVA_NAMES.get(value.__class__, f"a {value.__class__.__name__}")
    return Malformed(f"{came} can not be converted to {wanted} (at {name})")


def malformed_error(protocol: Protocol, error: Malformed | str) -> ServiceError:
    """The error a client of `protocol` sees: SerializationException, MalformedInput or MalformedXML; HTTP 400.

    S3 speaks of its parameters otherwise: InvalidArgument.
    """
    if protocol == "rest-xml" and isinstance(error, MalformedParameter):
        fields = {"ArgumentName": error.wire_name, "ArgumentValue": error.value}
        return ServiceError("InvalidArgument", str(error), status=400, fields=fields)
    return ServiceError(_CODES.get(protocol, "SerializationException"), str(error), status=400)
