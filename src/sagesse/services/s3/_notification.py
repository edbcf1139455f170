"""Notification configurations: what S3 accepts, and which of a bucket's configurations hear of an event."""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

from sagesse.core.error import ServiceError
from sagesse.core.model import service_model
from sagesse.core.scope import Arn, parse_arn
from sagesse.services.s3._error import invalid_argument

EVENT_BRIDGE = "EventBridgeConfiguration"
MAX_VALUE_BYTES = 1024
_MAX_CONFIGURATIONS = 100
_DESTINATIONS = {  # member of the configuration: its ARN member, the ARN's service and what its resource begins with
    "TopicConfigurations": ("TopicArn", "sns", ""),
    "QueueConfigurations": ("QueueArn", "sqs", ""),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "lambda", "function:"),
}
_AMBIGUOUS = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
    "overlapping for the same event type."
)


class Watch(NamedTuple):
    """Events that are told, for keys of that beginning and end. `event` may end in ``*``."""

    event: str
    prefix: str
    suffix: str

    def covers(self, event: str, key: str) -> bool:
        """Whether it tells of `event` (``s3:ObjectCreated:Put``) of an object of that key."""
        return _covers(self.event, event) and key.startswith(self.prefix) and key.endswith(self.suffix)

    def shares_keys(self, other: "Watch") -> bool:
        """Whether one object could be told of by both."""
        return _either_way(str.startswith, self.prefix, other.prefix) and _either_way(
            str.endswith, self.suffix, other.suffix
        )

    def shares_events(self, other: "Watch") -> bool:
        """Whether both tell of one event."""
        return _covers(self.event, other.event) or _covers(other.event, self.event)


class Listener(NamedTuple):
    """Whom a configuration tells: its id and the ARN of its destination."""

    id: str
    destination: str


def listeners(configuration: Mapping[str, Any], event: str, key: str) -> Iterator[Listener]:
    """Whom a bucket's configuration tells of an event of an object, EventBridge aside."""
    for entry, arn_member in _entries(configuration):
        if any(watch.covers(event, key) for watch in _watches(entry)):
            yield Listener(entry["Id"], entry[arn_member])


def checked(wish: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The configuration as it is kept, every entry with an id, for a bucket in `region`.

    Raises:
        ServiceError: InvalidArgument.
    """
    kept = {member: [_kept(entry) for entry in wish.get(member) or ()] for member in _DESTINATIONS}
    if sum(map(len, kept.values())) > _MAX_CONFIGURATIONS:
        raise invalid_argument(
            f"A bucket has at most {_MAX_CONFIGURATIONS} event notification configurations",
            "NotificationConfiguration",
            sum(map(len, kept.values())),
        )
    kept = {member: entries for member, entries in kept.items() if entries}
    for member, entries in kept.items():
        for entry in entries:
            _check_destination(entry, member, region)
            _check_events(entry)
            _check_filter(entry)
    named = [entry for entry, _ in _entries(kept)]
    _check_ids(named)
    _check_overlaps(named)
    return {**kept, **({EVENT_BRIDGE: {}} if EVENT_BRIDGE in wish else {})}


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with an id, and with every event once."""
    events = list(dict.fromkeys(entry.get("Events") or ()))
    return {**entry, "Id": entry.get("Id") or str(uuid.uuid4()), "Events": events}


def _entries(configuration: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every entry with the name of its ARN member."""
    for member, (arn_member, _, _) in _DESTINATIONS.items():
        for entry in configuration.get(member) or ():
            yield entry, arn_member


def _check_destination(entry: Mapping[str, Any], member: str, region: str) -> None:
    arn_member, service, beginning = _DESTINATIONS[member]
    text = str(entry[arn_member])
    arn = parse_arn(text)
    if arn is None or arn.service != service or not _is_well_formed(arn, beginning):
        raise invalid_argument("The ARN could not be parsed", arn_member, text)
    if arn.region != region:
        raise invalid_argument(
            "The notification destination service region is not valid for the bucket location constraint",
            arn_member,
            text,
        )


def _is_well_formed(arn: Arn, beginning: str) -> bool:
    name = arn.resource.removeprefix(beginning)
    return (
        arn.resource.startswith(beginning)
        and bool(name)
        and len(arn.account) == 12
        and arn.account.isdigit()
        and (bool(beginning) or ":" not in name)
    )


def _check_events(entry: Mapping[str, Any]) -> None:
    known = service_model("s3").shapes["Event"]["enum"]
    for event in entry.get("Events") or ():
        if event not in known:
            raise invalid_argument("A specified event is not supported for notifications.", "Event", event)


def _check_filter(entry: Mapping[str, Any]) -> None:
    names: Counter[str] = Counter()
    for rule in _rules(entry):
        name, value = str(rule.get("Name", "")).lower(), str(rule.get("Value", ""))
        if name not in {"prefix", "suffix"}:
            raise invalid_argument(
                "filter rule name must be either prefix or suffix", "FilterRule.Name", name
            )
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise invalid_argument(
                f"Size of filter rule value cannot exceed {MAX_VALUE_BYTES} bytes in UTF-8 representation",
                "FilterRule.Value",
                value[:100],
            )
        names[name] += 1
        if names[name] > 1:
            raise invalid_argument(
                f"Cannot specify more than one {name} rule in a filter.", "FilterRule", name
            )


def _check_ids(entries: Sequence[Mapping[str, Any]]) -> None:
    for name, count in Counter(str(entry["Id"]) for entry in entries).items():
        if count > 1:
            raise invalid_argument("Same ID used for multiple configurations. IDs must be unique", "Id", name)


def _check_overlaps(entries: Sequence[Mapping[str, Any]]) -> None:
    watched = [watches for entry in entries if (watches := list(_watches(entry)))]
    for first, second in combinations(watched, 2):
        if not first[0].shares_keys(second[0]):  # the same for all events of an entry
            continue
        for one, other in product(first, second):
            if one.shares_events(other):
                raise _overlap(one, other)


def _overlap(one: Watch, other: Watch) -> ServiceError:
    is_filtered = any((one.prefix, one.suffix, other.prefix, other.suffix))
    whole = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
    return invalid_argument(_AMBIGUOUS if is_filtered else whole, "Event", f"{one.event}, {other.event}")


def _watches(entry: Mapping[str, Any]) -> Iterator[Watch]:
    ends = {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in _rules(entry)}
    for event in entry.get("Events") or ():
        yield Watch(str(event), ends.get("prefix", ""), ends.get("suffix", ""))


def _rules(entry: Mapping[str, Any]) -> list[dict[str, str]]:
    keys: dict[str, dict[str, Any]] = entry.get("Filter") or {}
    return (keys.get("Key") or {}).get("FilterRules") or []


def _covers(one: str, other: str) -> bool:
    return one == other or (one.endswith("*") and other.startswith(one[:-1]))


def _either_way(test: Any, one: str, other: str) -> bool:
    return bool(test(one, other) or test(other, one))
