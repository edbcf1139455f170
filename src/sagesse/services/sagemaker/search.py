"""Search and GetSearchSuggestions, over every kind of resource that registers."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from msgspec.structs import replace

from sagesse.core.call import Context
from sagesse.core.error import unsupported_member, validation_error
from sagesse.core.kind import Kind
from sagesse.core.model import service_model
from sagesse.core.page import read_token, scan, write_token
from sagesse.core.record import Listing, Record
from sagesse.core.service import Params, Result, Service
from sagesse.services.sagemaker._search_bound import listing_for
from sagesse.services.sagemaker._search_expression import Test, compile_expression
from sagesse.services.sagemaker._search_property import Facts, find_property, free_names, property_names

_PAGE = 100
_SUGGESTIONS, _LOOKED_AT = 10, 500


class Searchable(NamedTuple):
    """A kind of resource that can be searched.

    Attributes:
        resource: SageMaker's name of it in a search.
        kind: its kind.
        member: where the results have it; `resource` unless given.
        contains_freely: properties that filters may use with Contains more than once.
    """

    resource: str
    kind: Kind
    member: str = ""
    contains_freely: frozenset[str] = frozenset()

    @property
    def shape(self) -> str:
        """Its shape in the results."""
        return service_model("sagemaker").shapes["SearchRecord"]["members"][self.member or self.resource][
            "shape"
        ]

    def facts(self, ctx: Context, record: Record) -> dict[str, Any]:
        """The resource as the results show it."""
        return self.kind.project(ctx, record, service_model("sagemaker").members(self.shape))


class Search(Service):
    """Search over resources.

    Args:
        searchables: what can be searched.
    """

    service = "sagemaker"

    def __init__(self, searchables: Iterable[Searchable]) -> None:
        self._searchables = {searchable.resource: searchable for searchable in searchables}

    def search(self, ctx: Context, req: Params) -> Result:
        """The resources that satisfy the expression, a page at a time."""
        _refuse(req)
        searched = self._find(req["Resource"])
        expression: Mapping[str, Any] | None = req.get("SearchExpression")
        test = (
            compile_expression(expression, searched.shape, contains_freely=searched.contains_freely)
            if expression is not None
            else _always
        )
        is_descending = req.get("SortOrder", "Descending") == "Descending"
        sort = req.get("SortBy", searched.kind.modified_member)
        listing = listing_for(searched.kind, expression or {}, sort, is_descending=is_descending)
        if listing is not None:
            return _in_store_order(ctx, searched, req, test, listing)
        return _sorted(ctx, searched, req, test)

    def get_search_suggestions(self, ctx: Context, req: Params) -> Result:
        """Names of properties that begin with the hint, at most ten."""
        searched = self._find(req["Resource"])
        hint = req.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "")
        names = set(property_names(searched.shape))
        for record in islice(_records(ctx, searched, Listing(is_descending=True)), _LOOKED_AT):
            names.update(free_names(searched.facts(ctx, record)))
        found = sorted(name for name in names if name.startswith(hint))[:_SUGGESTIONS]
        return {"PropertyNameSuggestions": [{"PropertyName": name} for name in found]}

    def _find(self, resource: str) -> Searchable:
        searchable = self._searchables.get(resource)
        if searchable is None:
            known = ", ".join(sorted(self._searchables))
            raise unsupported_member(f"Resource {resource} in a search", f"allowed so far: {known}")
        return searchable


def _refuse(req: Params) -> None:
    if req.get("VisibilityConditions"):
        raise unsupported_member("VisibilityConditions", "resources have no visibility of their own here")
    if req.get("CrossAccountFilterOption", "SameAccount") != "SameAccount":
        raise unsupported_member(
            "CrossAccountFilterOption CrossAccount",
            "accounts do not share resources here; allowed: SameAccount",
        )


def _in_store_order(
    ctx: Context, searched: Searchable, req: Params, test: Test, listing: Listing
) -> dict[str, Any]:
    """A page in an order that the store keeps: reads no further than the page goes."""
    limit, token = int(req.get("MaxResults", _PAGE)), req.get("NextToken")
    listing = replace(listing, limit=limit + 1, after=read_token(token, listing.sort) if token else None)
    hits: list[tuple[Record, Facts]] = []
    for record in _records(ctx, searched, listing):
        facts = searched.facts(ctx, record)
        if test(facts):
            hits.append((record, facts))
            if len(hits) > limit:
                break
    result = _results(searched, [facts for _, facts in hits[:limit]])
    if len(hits) > limit:
        result["NextToken"] = write_token(listing.position(hits[limit - 1][0]), listing.sort)
    is_all = len(hits) <= limit and not token
    result["TotalHits"] = {
        "Value": len(hits),
        "Relation": "EqualTo" if is_all else "GreaterThanOrEqualTo",
    }
    return result


def _sorted(ctx: Context, searched: Searchable, req: Params, test: Test) -> dict[str, Any]:
    """A page in the order of any property: reads everything; resources without it come last."""
    limit, token = int(req.get("MaxResults", _PAGE)), req.get("NextToken")
    sort = find_property(searched.shape, req["SortBy"])
    if sort.type == "group":
        raise validation_error(f"SortBy {sort.name} is not allowed; allowed: a property with a value.")
    expression = req.get("SearchExpression", {})
    listing = listing_for(searched.kind, expression, searched.kind.created_member, is_descending=False)
    rows: list[tuple[tuple[Any, ...], str, Facts]] = []
    without: list[tuple[tuple[Any, ...], str, Facts]] = []
    for record in _records(ctx, searched, listing or Listing()):
        facts = searched.facts(ctx, record)
        if test(facts):
            values = sort.values(facts)
            row = (_rank(values[0]) if values else (), record.name, facts)
            (rows if values else without).append(row)
    rows.sort(key=lambda row: row[:2], reverse=req.get("SortOrder", "Descending") == "Descending")
    rows += sorted(without, key=lambda row: row[1])
    start = _start([name for _, name, _ in rows], token, sort.name)
    result = _results(searched, [facts for _, _, facts in rows[start : start + limit]])
    if len(rows) > start + limit:
        result["NextToken"] = write_token((start + limit, rows[start + limit - 1][1]), f"by:{sort.name}")
    result["TotalHits"] = {"Value": len(rows), "Relation": "EqualTo"}
    return result


def _start(names: list[str], token: str | None, sort: str) -> int:
    """Where the page begins: behind the last one's last resource, or where that was."""
    if not token:
        return 0
    offset, last = read_token(token, f"by:{sort}")
    return names.index(last) + 1 if last in names else max(0, int(offset))


def _rank(value: Any) -> tuple[Any, ...]:
    """A place among values of all types: numbers first, also those written as text."""
    try:
        return (0, float(value))
    except (TypeError, ValueError):
        return (1, str(value))


def _results(searched: Searchable, found: list[Facts]) -> dict[str, Any]:
    return {"Results": [{searched.member or searched.resource: facts} for facts in found]}


def _records(ctx: Context, searched: Searchable, listing: Listing) -> Iterator[Record]:
    return scan(ctx.store, searched.kind.id, searched.kind.scope(ctx.scope), listing)


def _always(_: Facts) -> bool:
    return True
