"""The condition keys that IAM itself supplies: who calls, from where, when, with which tags."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sagesse.core.call import Context
from sagesse.core.policy.facts import RawFacts
from sagesse.core.principal import Principal


def principal_facts(principal: Principal) -> dict[str, str]:
    """What sort of principal it is, and its tags."""
    kinds = {"root": "Account", "user": "User", "role": "AssumedRole", "service": "Service"}
    return {
        "aws:PrincipalType": kinds.get(principal.kind, "Anonymous"),
        **{f"aws:PrincipalTag/{key}": value for key, value in principal.tags},
    }


def context_facts(ctx: Context) -> dict[str, str]:
    """The keys every call carries, for a handler that asks by itself."""
    principal = ctx.principal
    return {
        "aws:SourceIp": ctx.source_ip,
        "aws:SecureTransport": "true" if ctx.is_secure else "false",
        "aws:RequestedRegion": ctx.region,
        "aws:PrincipalArn": principal.role_arn or principal.arn,
        "aws:PrincipalAccount": principal.account,
        "aws:username": principal.name if principal.kind == "user" else "",
        "aws:userid": principal.id,
    }


def time_facts(now: float) -> dict[str, str]:
    """The time of the request."""
    return {
        "aws:CurrentTime": datetime.fromtimestamp(int(now), UTC).isoformat(),
        "aws:EpochTime": str(int(now)),
    }


def request_tags(params: Mapping[str, Any]) -> RawFacts:
    """``aws:RequestTag/...`` and ``aws:TagKeys`` of a request that gives tags or takes them away.

    Services write them as lists of pairs, as objects, and as lists of keys; the request is not validated yet.
    """
    given = [params[member] for member in ("Tags", "tags", "TagKeys", "tagKeys") if member in params]
    if not given:
        return {}
    pairs, keys = _pairs(given[0]), _keys(given[0])
    return {
        **{f"aws:RequestTag/{key}": value for key, value in pairs.items()},
        "aws:TagKeys": [*pairs, *keys],
    }


def _pairs(tags: Any) -> dict[str, str]:
    if isinstance(tags, dict):
        return {str(key): str(value) for key, value in cast("dict[Any, Any]", tags).items()}
    pairs: dict[str, str] = {}
    for tag in _listed(tags):
        if isinstance(tag, dict):
            known = cast("dict[str, Any]", tag)
            key = known.get("Key", known.get("TagKey", ""))
            pairs[str(key)] = str(known.get("Value", known.get("TagValue", "")))
    return pairs


def _keys(tags: Any) -> list[str]:
    return [tag for tag in _listed(tags) if isinstance(tag, str)]


def _listed(tags: Any) -> list[Any]:
    return cast("list[Any]", tags) if isinstance(tags, list) else []
