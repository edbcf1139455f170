"""Log groups: their life, retention and tags."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.scope import Scope, parse_arn
from sagesse.core.service import Params, Result, inline
from sagesse.core.tag import MAX_TAGS
from sagesse.engines.streams.log import AlreadyThere, LogGroup
from sagesse.services.logs.base import (
    LogsService,
    group_arn,
    own_group,
    read_token,
    write_token,
)
from sagesse.services.logs.error import group_exists, invalid, no_group

_PAGE = 50
_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


class Groups(LogsService):
    """Operations on log groups."""

    def create_log_group(self, ctx: Context, req: Params) -> Result:
        """Make an empty group; only unencrypted groups of the standard class."""
        if req.get("logGroupClass", "STANDARD") != "STANDARD":
            raise invalid(f"Sagesse has log groups of class STANDARD only, not {req['logGroupClass']}.")
        if req.get("kmsKeyId"):
            raise invalid("Sagesse does not encrypt log groups: kmsKeyId is not supported.")
        if req.get("deletionProtectionEnabled"):
            raise invalid("Sagesse does not support deletionProtectionEnabled.")
        try:
            self._logs.create_group(ctx.scope, req["logGroupName"], tags=req.get("tags"))
        except AlreadyThere:
            raise group_exists() from None
        return None

    def delete_log_group(self, ctx: Context, req: Params) -> Result:
        """Remove a group with its streams; the space is freed soon after."""
        if not self._logs.delete_group(ctx.scope, req["logGroupName"]):
            raise no_group()
        return None

    @inline
    def describe_log_groups(self, ctx: Context, req: Params) -> Result:
        """Groups by name: all, those with a prefix or a part, or those named."""
        prefix, pattern = req.get("logGroupNamePrefix", ""), req.get("logGroupNamePattern", "")
        if prefix and pattern:
            raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        if req.get("logGroupClass", "STANDARD") != "STANDARD":
            return {"logGroups": []}
        if ctx.account not in req.get("accountIdentifiers", [ctx.account]):
            return {"logGroups": []}
        if "logGroupIdentifiers" in req:
            if prefix or pattern:
                raise invalid("logGroupIdentifiers and a prefix or pattern of names are mutually exclusive.")
            return {"logGroups": self._named(ctx.scope, req["logGroupIdentifiers"])}
        after = read_token(req["nextToken"], str)[0] if "nextToken" in req else ""
        limit: int = req.get("limit", _PAGE)
        found = self._logs.groups(ctx.scope, prefix=prefix, contains=pattern, after=after, limit=limit + 1)
        result: dict[str, Any] = {"logGroups": [_shown(ctx.scope, group) for group in found[:limit]]}
        if len(found) > limit:
            result["nextToken"] = write_token(found[limit - 1].name)
        return result

    def put_retention_policy(self, ctx: Context, req: Params) -> Result:
        """Hide, and soon delete, events that are older than so many days."""
        days = req["retentionInDays"]
        if days not in _RETENTIONS:
            raise invalid(f"Invalid retentionInDays: {days}; allowed: {', '.join(map(str, _RETENTIONS))}")
        return self._keep(ctx, req["logGroupName"], days)

    def delete_retention_policy(self, ctx: Context, req: Params) -> Result:
        """Keep events for ever."""
        return self._keep(ctx, req["logGroupName"], None)

    def tag_resource(self, ctx: Context, req: Params) -> Result:
        """Add or overwrite tags of a group."""
        return self._tag(ctx, _group_of_arn(ctx.scope, req["resourceArn"]), req["tags"])

    def untag_resource(self, ctx: Context, req: Params) -> Result:
        """Remove tags of a group."""
        return self._untag(ctx, _group_of_arn(ctx.scope, req["resourceArn"]), req["tagKeys"])

    @inline
    def list_tags_for_resource(self, ctx: Context, req: Params) -> Result:
        """The tags of a group."""
        return {"tags": self._tags(ctx, _group_of_arn(ctx.scope, req["resourceArn"]))}

    def tag_log_group(self, ctx: Context, req: Params) -> Result:
        """As TagResource, by name (the older operation)."""
        return self._tag(ctx, req["logGroupName"], req["tags"])

    def untag_log_group(self, ctx: Context, req: Params) -> Result:
        """As UntagResource, by name (the older operation)."""
        return self._untag(ctx, req["logGroupName"], req["tags"])

    @inline
    def list_tags_log_group(self, ctx: Context, req: Params) -> Result:
        """As ListTagsForResource, by name (the older operation)."""
        return {"tags": self._tags(ctx, req["logGroupName"])}

    def _named(self, scope: Scope, identifiers: list[str]) -> list[dict[str, Any]]:
        names = sorted({own_group(scope, identifier) for identifier in identifiers})
        found = [self._logs.group(scope, name) for name in names]
        return [_shown(scope, group) for group in found if group is not None]

    def _keep(self, ctx: Context, name: str, days: int | None) -> None:
        def change(group: LogGroup) -> LogGroup:
            return msgspec.structs.replace(group, retention_days=days)

        if self._logs.amend_group(ctx.scope, name, change) is None:
            raise no_group()

    def _tag(self, ctx: Context, name: str, tags: Mapping[str, str]) -> None:
        def change(group: LogGroup) -> LogGroup:
            merged = {**group.tags, **tags}
            if len(merged) > MAX_TAGS:
                raise ServiceError(
                    "TooManyTagsException",
                    f"{name} would have {len(merged)} tags; at most {MAX_TAGS} are allowed",
                    fields={"resourceName": name},
                )
            return msgspec.structs.replace(group, tags=merged)

        if self._logs.amend_group(ctx.scope, name, change) is None:
            raise no_group()

    def _untag(self, ctx: Context, name: str, keys: list[str]) -> None:
        def change(group: LogGroup) -> LogGroup:
            kept = {key: value for key, value in group.tags.items() if key not in keys}
            return msgspec.structs.replace(group, tags=kept)

        if self._logs.amend_group(ctx.scope, name, change) is None:
            raise no_group()

    def _tags(self, ctx: Context, name: str) -> Mapping[str, str]:
        group = self._logs.group(ctx.scope, name)
        if group is None:
            raise no_group()
        return group.tags


def _group_of_arn(scope: Scope, text: str) -> str:
    if parse_arn(text) is None:
        raise invalid(f"resourceArn {text!r} is no ARN of a log group.")
    return own_group(scope, text)


def _shown(scope: Scope, group: LogGroup) -> dict[str, Any]:
    arn = group_arn(scope, group.name)
    shown: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": group.created,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": group.stored_bytes,
        "logGroupClass": "STANDARD",
    }
    if group.retention_days is not None:
        shown["retentionInDays"] = group.retention_days
    return shown
