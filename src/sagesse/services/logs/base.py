"""What the families of CloudWatch Logs share: the store, permissions, names and tokens."""

import base64
import binascii
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import msgspec

from sagesse.core.scope import Scope, parse_arn
from sagesse.core.service import Grant, Params, Service
from sagesse.engines.streams.log import GroupMissing, LogStore, StreamMissing
from sagesse.services.logs.error import invalid, invalid_token, no_group, no_stream


class LogsService(Service):
    """A resource family of CloudWatch Logs.

    Args:
        logs: where groups, streams and events are kept.
    """

    service = "logs"

    def __init__(self, logs: LogStore) -> None:
        self._logs = logs

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        """Tag operations are granted on the group, all others on its streams: `log-group:NAME:log-stream:...`."""
        if "resourceArn" in params:
            return (Grant(f"logs:{operation}", str(params["resourceArn"]).removesuffix(":*")),)
        group = str(params.get("logGroupName") or group_of_identifier(params.get("logGroupIdentifier", "")))
        stream = str(params.get("logStreamName", ""))
        return (Grant(f"logs:{operation}", f"{group_arn(scope, group)}:log-stream:{stream}"),)


def group_arn(scope: Scope, group: str) -> str:
    """The group's ARN, without the `:*` for its streams."""
    return scope.arn("logs", f"log-group:{group}")


def group_of_identifier(identifier: str) -> str:
    """The group's name in a name or an ARN."""
    arn = parse_arn(identifier)
    return arn.resource.removeprefix("log-group:").removesuffix(":*") if arn else identifier


def own_group(scope: Scope, identifier: str) -> str:
    """The group's name in a name or an ARN.

    Raises:
        ServiceError: the ARN is of another account or region, whose groups are not seen from here.
    """
    name, arn = group_of_identifier(identifier), parse_arn(identifier)
    if arn is not None and arn.resource.removesuffix(":*") != f"log-group:{name}":
        raise invalid(f"{identifier!r} is no ARN of a log group.")
    if arn is not None and (arn.service, arn.account, arn.region) != ("logs", *scope):
        raise no_group()
    return name


def wanted_group(scope: Scope, params: Params) -> str:
    """The group a call names by `logGroupName` or `logGroupIdentifier`.

    Raises:
        ServiceError: both or none are given, or it is not of this account and region.
    """
    name, identifier = params.get("logGroupName"), params.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")
    return str(name) if name is not None else own_group(scope, str(identifier))


@contextmanager
def missing_as_errors() -> Generator[None]:
    """Turn the store's exceptions into the service's errors."""
    try:
        yield
    except GroupMissing:
        raise no_group() from None
    except StreamMissing:
        raise no_stream() from None


def write_token(*place: str | float) -> str:
    """An opaque token for a place in a listing."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def read_token(token: str, *kinds: type) -> list[Any]:
    """The place a token of `write_token` stands for.

    Raises:
        ServiceError: it is none, or not of values of `kinds`.
    """
    try:
        place = _decode(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise invalid_token() from None
    if [type(value) for value in place] != list(kinds):
        raise invalid_token()
    return place


_decode = msgspec.json.Decoder(list[Any]).decode
