"""Pages of a listing: the request's members on a `Listing`, and the token that goes on."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
import orjson

from sagesse.core.error import ServiceError, validation_error
from sagesse.core.record import Listing, Record, Store
from sagesse.core.scope import Scope

_BATCH = 500
_SORTS: Mapping[str, Literal["name", "created", "modified", "status"]] = {
    "Name": "name",
    "CreationTime": "created",
    "CreationDate": "created",
    "LastModifiedTime": "modified",
    "Status": "status",
}


def listing_of(params: Mapping[str, Any], *, descending: bool, after: str | None, limit: int) -> Listing:
    """The order and filters that `params` ask for, in SageMaker's member names.

    Raises:
        ServiceError: the token is not one of ours, or belongs to another query.
    """
    sort = _SORTS.get(params.get("SortBy", "CreationTime"))
    if sort is None:
        raise validation_error(f"SortBy {params['SortBy']!r} is not supported; allowed: {', '.join(_SORTS)}")
    order = params.get("SortOrder", "Descending" if descending else "Ascending")
    listing = Listing(
        sort=sort,
        is_descending=order == "Descending",
        limit=limit,
        name_contains=params.get("NameContains"),
        status=params.get("StatusEquals"),
        created_after=params.get("CreationTimeAfter"),
        created_before=params.get("CreationTimeBefore"),
        modified_after=params.get("LastModifiedTimeAfter"),
        modified_before=params.get("LastModifiedTimeBefore"),
    )
    return listing if after is None else msgspec.structs.replace(listing, after=read_token(after, sort))


def scan(store: Store, kind: str, scope: Scope, listing: Listing) -> Iterator[Record]:
    """Every record of a listing in its order, read in batches that grow; the first is as large as its limit says."""
    part = listing
    while True:
        records = store.list(kind, scope, part)
        yield from records
        if len(records) < part.limit:
            return
        more = min(_BATCH, part.limit * 2)
        part = msgspec.structs.replace(part, after=part.position(records[-1]), limit=more)


def write_token(position: tuple[str | float, str], sort: str) -> str:
    """An opaque token for the place behind `position`."""
    return base64.urlsafe_b64encode(orjson.dumps([sort, *position])).decode()


def read_token(token: str, sort: str) -> tuple[str | float, str]:
    """The place a token of `write_token` stands for.

    Raises:
        ServiceError: it is no such token, or of another order.
    """
    try:
        used, value, name = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError, binascii.Error):
        raise bad_token() from None
    kind = str if sort in {"name", "status"} else (int, float)
    if used != sort or not isinstance(name, str) or not isinstance(value, kind):
        raise bad_token()
    return value, name


def bad_token() -> ServiceError:
    """The token was not given out by us, or for another query."""
    return validation_error("Invalid NextToken: use the token of the previous page with the same query.")
