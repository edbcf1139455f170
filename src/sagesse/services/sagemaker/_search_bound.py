"""What of a search the store itself can do: its order, and filters that every result must pass."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sagesse.core.kind import Kind
from sagesse.core.record import Listing
from sagesse.services.sagemaker._search_expression import read_time

_SLACK_S = 1.0  # bounds are wider than the filter, which is applied afterwards


def listing_for(
    kind: Kind, expression: Mapping[str, Any], sort: str, *, is_descending: bool
) -> Listing | None:
    """The listing that has every result of a search, in the order of property `sort`.

    The expression was checked before. None when the store keeps no such order.
    """
    orders: Mapping[str, Literal["name", "created", "modified", "status"]] = {
        kind.name_member or kind.key: "name",
        kind.created_member: "created",
        kind.modified_member: "modified",
        kind.status_member: "status",
    }
    if sort not in orders:
        return None
    bounds: dict[str, Any] = {}
    filters = expression.get("Filters", ()) if expression.get("Operator", "And") == "And" else ()
    for item in filters:
        if item["Name"] in orders and "Value" in item:
            _bound(bounds, orders[item["Name"]], item.get("Operator", "Equals"), item["Value"])
    return Listing(sort=orders[sort], is_descending=is_descending, **bounds)


def _bound(bounds: dict[str, Any], column: str, operator: str, value: str) -> None:
    match column, operator:
        case "status", "Equals":
            bounds["status"] = value
        case "name", "Equals" | "Contains":
            bounds["name_contains"] = value
        case "created" | "modified", "GreaterThan" | "GreaterThanOrEqualTo":
            _narrow(bounds, f"{column}_after", read_time(value) - _SLACK_S, max)
        case "created" | "modified", "LessThan" | "LessThanOrEqualTo":
            _narrow(bounds, f"{column}_before", read_time(value) + _SLACK_S, min)
        case _:
            pass


def _narrow(bounds: dict[str, Any], name: str, value: float, choose: Callable[[float, float], float]) -> None:
    bounds[name] = choose(bounds.get(name, value), value)
