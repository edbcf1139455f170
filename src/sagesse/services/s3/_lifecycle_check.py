"""What a lifecycle configuration must be, in S3's codes and words."""

import uuid
from typing import Any

from sagesse.engines.objects.error import invalid_request
from sagesse.services.s3._error import invalid_argument, malformed_xml, not_implemented
from sagesse.services.s3._lifecycle import DAY_S

_MAX_RULES = 1000
_MAX_ID = 255
_ACTIONS = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
_TRANSITIONS = ("Transitions", "NoncurrentVersionTransitions")
_PREDICATES = ("Prefix", "Tag", "Tags", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "And")
_SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")


def checked_rules(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of a configuration, each with an id.

    Raises:
        ServiceError: MalformedXML, InvalidArgument, InvalidRequest; NotImplemented for transitions.
    """
    rules: list[dict[str, Any]] = configuration.get("Rules") or []
    if not 1 <= len(rules) <= _MAX_RULES:
        raise malformed_xml()
    checked = [_checked(rule) for rule in rules]
    if len({rule["ID"] for rule in checked}) < len(checked):
        message = "Rule ID must be unique. Found same ID for more than one rule"
        raise invalid_argument(message, "ID", "")
    return checked


def _checked(rule: dict[str, Any]) -> dict[str, Any]:
    if rule.get("Status") not in {"Enabled", "Disabled"} or ("Filter" in rule) == ("Prefix" in rule):
        raise malformed_xml()
    name = str(rule.get("ID") or uuid.uuid4())
    if len(name) > _MAX_ID:
        raise invalid_argument(f"ID length should not exceed allowed limit of {_MAX_ID}", "ID", name)
    for member in _TRANSITIONS:
        if rule.get(member):
            raise not_implemented(f"lifecycle {member}", "other storage classes")
    if not any(rule.get(action) for action in _ACTIONS):
        raise invalid_request("At least one action needs to be specified in a rule")
    has_tags, has_sizes = _check_filter(rule.get("Filter") or {})
    _check_expiration(rule.get("Expiration"), has_tags=has_tags)
    _check_noncurrent(rule.get("NoncurrentVersionExpiration"))
    abort = rule.get("AbortIncompleteMultipartUpload")
    if abort is not None:
        _check_abort(abort, has_tags=has_tags, has_sizes=has_sizes)
    return {**rule, "ID": name}


def _check_filter(chosen: dict[str, Any]) -> tuple[bool, bool]:
    """Whether a filter asks for tags, and for sizes."""
    if len([name for name in _PREDICATES if name in chosen]) > 1:
        raise malformed_xml()
    wanted: dict[str, Any] = chosen.get("And") or chosen
    if "And" in chosen and not any(name in wanted for name in _PREDICATES):
        raise malformed_xml()
    tags: list[dict[str, Any]] = wanted.get("Tags") or ([wanted["Tag"]] if "Tag" in wanted else [])
    if any(not tag.get("Key") or "Value" not in tag for tag in tags):
        raise malformed_xml()
    if len({tag["Key"] for tag in tags}) < len(tags):
        raise invalid_request("Duplicate Tag Keys are not allowed.")
    above, below = (wanted.get(name) for name in _SIZES)
    if (above is not None and int(above) < 0) or (below is not None and int(below) < 1):
        raise invalid_request("Object size bounds must not be negative")
    if above is not None and below is not None and int(below) <= int(above) + 1:
        raise invalid_request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'")
    return bool(tags), above is not None or below is not None


def _check_expiration(expiration: dict[str, Any] | None, *, has_tags: bool) -> None:
    if expiration is None:
        return
    if len([name for name in ("Date", "Days", "ExpiredObjectDeleteMarker") if name in expiration]) != 1:
        raise malformed_xml()
    if "Days" in expiration:
        _check_days(expiration, "Days", "Expiration")
    if "Date" in expiration and float(expiration["Date"]) % DAY_S:
        raise invalid_argument("'Date' must be at midnight GMT", "Date", expiration["Date"])
    if expiration.get("ExpiredObjectDeleteMarker") and has_tags:
        raise invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags.")


def _check_noncurrent(past: dict[str, Any] | None) -> None:
    if past is None:
        return
    if "NoncurrentDays" not in past:
        raise malformed_xml()
    _check_days(past, "NoncurrentDays", "NoncurrentVersionExpiration")
    if not 1 <= int(past.get("NewerNoncurrentVersions", 1)) <= 100:
        message = "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100"
        raise invalid_argument(message, "NewerNoncurrentVersions", past["NewerNoncurrentVersions"])


def _check_abort(abort: dict[str, Any], *, has_tags: bool, has_sizes: bool) -> None:
    if "DaysAfterInitiation" not in abort:
        raise malformed_xml()
    _check_days(abort, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
    if has_tags or has_sizes:
        what = "Tags" if has_tags else "Object Size"
        raise invalid_request(f"AbortIncompleteMultipartUpload cannot be specified with {what}.")


def _check_days(action: dict[str, Any], member: str, name: str) -> None:
    if not 1 <= int(action[member]) < 2**31:
        message = f"'{member}' for {name} action must be a positive integer"
        raise invalid_argument(message, member, action[member])
