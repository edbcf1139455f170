"""IAM's pages: Marker, MaxItems, IsTruncated."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from sagesse.core.error import ServiceError
from sagesse.core.page import read_token, write_token
from sagesse.core.service import Params
from sagesse.services.iam.error import validation_failed

_DEFAULT_SIZE = 100
T = TypeVar("T")


def marker_name(req: Params) -> str | None:
    """The name behind which the page begins.

    Raises:
        ServiceError: the marker is none of ours.
    """
    if "Marker" not in req:
        return None
    try:
        return read_token(str(req["Marker"]), "name")[1]
    except ServiceError:
        raise validation_failed("Invalid Marker.") from None


def page(member: str, items: Iterable[T], req: Params, name: Callable[[T], str]) -> dict[str, Any]:
    """One page of `items`, which come in the order of their names and begin behind the marker."""
    limit = int(req.get("MaxItems", _DEFAULT_SIZE))
    found = list(islice(items, limit + 1))
    result: dict[str, Any] = {member: found[:limit], "IsTruncated": len(found) > limit}
    if len(found) > limit:
        last = name(found[limit - 1])
        result["Marker"] = write_token((last, last), "name")
    return result


def sorted_page(member: str, items: Iterable[T], req: Params, name: Callable[[T], str]) -> dict[str, Any]:
    """One page of items that are all at hand, by name."""
    after = marker_name(req)
    rest = [item for item in items if after is None or name(item) > after]
    return page(member, sorted(rest, key=name), req, name)
