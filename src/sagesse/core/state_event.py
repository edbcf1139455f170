"""The events that a kind declares: told when a record is made, when its state changes, and when it goes."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec

from sagesse.core.event import Event, new_event
from sagesse.core.model import Operation, ServiceModel
from sagesse.core.record import Record

_CHANGED = frozenset({"structure", "list", "map", "timestamp"})  # the types in which JSON's may differ


def _unchanged(detail: dict[str, Any]) -> dict[str, Any]:
    return detail


class StateEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a kind's records: their description, as EventBridge shows it.

    The detail has the members of the Describe output, times in epoch milliseconds, and the tags as an object.

    Args:
        detail_type: "SageMaker Training Job State Change".
        finer: the output member with a state finer than the status, whose changes are told as well.
        tells_deletion: whether the record's last description is told when it is deleted.
        worded: what EventBridge words differently from the description.
    """

    detail_type: str
    finer: str = ""
    tells_deletion: bool = False
    worded: Callable[[dict[str, Any]], dict[str, Any]] = _unchanged

    def state(self, record: Record) -> tuple[str, Any]:
        """What is told when it differs."""
        return (record.status, record.output.get(self.finer))

    def of(self, record: Record, describe: Operation, shown: Mapping[str, Any], now: float) -> Event:
        """The event that tells of a record as it is `shown` by its Describe operation."""
        model = describe.service
        detail = _plain(model, describe.output, shown)
        detail["Tags"] = dict(record.tags)
        source = f"aws.{model.name}"
        return new_event(source, self.detail_type, record.scope, [record.arn], self.worded(detail), now)


def _plain(model: ServiceModel, shape: str | None, value: Any) -> Any:
    """A value of a shape with JSON's types only: times as epoch milliseconds."""
    if shape is None or value is None:
        return value
    facts = model.shapes[shape]
    match facts["type"]:
        case "structure":
            known = _members(model, shape)
            return {
                name: inner if (kind := known[name]) is None else _plain(model, kind, inner)
                for name, inner in value.items()
                if name in known
            }
        case "list" if kind := _changed(model, facts["member"]["shape"]):
            return [_plain(model, kind, inner) for inner in value]
        case "map" if kind := _changed(model, facts["value"]["shape"]):
            return {key: _plain(model, kind, inner) for key, inner in value.items()}
        case "timestamp":
            return int(value * 1000)
        case _:
            return value


@cache
def _members(model: ServiceModel, structure: str) -> Mapping[str, str | None]:
    """The shapes of a structure's members by their names; None for those whose values are shown as they are."""
    members: Mapping[str, Mapping[str, Any]] = model.shapes[structure]["members"]
    return {name: _changed(model, str(member["shape"])) for name, member in members.items()}


def _changed(model: ServiceModel, shape: str) -> str | None:
    """The shape, if JSON may show its values differently."""
    return shape if model.shapes[shape]["type"] in _CHANGED else None
