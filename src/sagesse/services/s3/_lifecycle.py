"""Lifecycle rules: what S3 accepts, which objects a rule is about, and when they are due.

Everything is due at a midnight (UTC): of the day after so many days have passed, as in AWS.
"""

import math
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec
import orjson

from sagesse.engines.objects.base import Bucket, ObjectEntry, ObjectInfo, UploadInfo
from sagesse.services.s3._setting import LIFECYCLE

DAY_S = 86_400
_LAST = 253_402_214_400.0  # the last midnight that dates can say, 9999-12-31


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """An enabled rule. `days`, `date`, `noncurrent_days` and `abort_days` are None where the rule has no such action.

    Args:
        kept_versions: so many noncurrent versions stay, however old.
        ends_markers: delete markers go when nothing is left beneath them.
    """

    id: str
    prefix: str = ""
    tags: dict[str, str] = {}
    above_bytes: int | None = None
    below_bytes: int | None = None
    days: int | None = None
    date: float | None = None
    ends_markers: bool = False
    noncurrent_days: int | None = None
    kept_versions: int = 0
    abort_days: int | None = None

    @property
    def expires(self) -> bool:
        """Whether it removes objects, versions or markers."""
        return (
            self.ends_markers
            or self.date is not None
            or self.days is not None
            or self.noncurrent_days is not None
        )

    @property
    def is_about_content(self) -> bool:
        """Whether it asks for what a delete marker or an upload does not have."""
        return bool(self.tags) or self.above_bytes is not None or self.below_bytes is not None

    def covers(self, entry: ObjectEntry) -> bool:
        """Whether the rule is about the object, its tags aside."""
        return (
            entry.key.startswith(self.prefix)
            and (self.above_bytes is None or entry.size_bytes > self.above_bytes)
            and (self.below_bytes is None or entry.size_bytes < self.below_bytes)
        )

    def has_tags(self, tags: Mapping[str, str]) -> bool:
        """Whether an object with these tags has those of the rule."""
        return self.tags.items() <= tags.items()

    def expires_at(self, modified: float) -> float | None:
        """When an object of that time is due."""
        return self.date if self.days is None else due(modified, self.days)


def due(since: float, days: int) -> float:
    """The midnight after so many days, of years that have four digits."""
    return min(_LAST, float(math.ceil((since + days * DAY_S) / DAY_S) * DAY_S))


def rules_of(bucket: Bucket) -> Sequence[Rule]:
    """The enabled rules of a bucket."""
    text: str | None = bucket.settings.get(LIFECYCLE)
    return () if text is None else compile_rules(text)


@lru_cache(maxsize=1024)
def compile_rules(text: str) -> tuple[Rule, ...]:
    """The enabled rules in a setting."""
    rules: list[dict[str, Any]] = orjson.loads(text)["Rules"]
    return tuple(_rule(rule) for rule in rules if rule["Status"] == "Enabled")


def expiration_members(bucket: Bucket, info: ObjectInfo) -> dict[str, str]:
    """When and by which rule an object will expire, as a member of a response."""
    found: list[tuple[float, str]] = []
    for rule in rules_of(bucket):
        at = rule.expires_at(info.modified)
        if at is not None and rule.covers(info) and rule.has_tags(info.attributes.tags):
            found.append((at, rule.id))
    if not found:
        return {}
    at, name = min(found)
    return {"Expiration": f'expiry-date="{formatdate(at, usegmt=True)}", rule-id="{quote(name, safe="")}"'}


def abort_members(bucket: Bucket, upload: UploadInfo) -> dict[str, Any]:
    """When and by which rule an upload will be aborted, as members of a response."""
    found = [
        (due(upload.created, rule.abort_days), rule.id)
        for rule in rules_of(bucket)
        if rule.abort_days is not None and upload.key.startswith(rule.prefix)
    ]
    if not found:
        return {}
    at, name = min(found)
    return {"AbortDate": at, "AbortRuleId": name}


def _rule(rule: dict[str, Any]) -> Rule:
    chosen: dict[str, Any] = rule.get("Filter") or {}
    wanted: dict[str, Any] = chosen.get("And") or chosen
    tags: list[dict[str, str]] = wanted.get("Tags") or ([wanted["Tag"]] if "Tag" in wanted else [])
    expiration: dict[str, Any] = rule.get("Expiration") or {}
    past: dict[str, Any] = rule.get("NoncurrentVersionExpiration") or {}
    abort: dict[str, Any] = rule.get("AbortIncompleteMultipartUpload") or {}
    return Rule(
        id=rule["ID"],
        prefix=rule.get("Prefix") or wanted.get("Prefix") or "",
        tags={tag["Key"]: tag["Value"] for tag in tags},
        above_bytes=wanted.get("ObjectSizeGreaterThan"),
        below_bytes=wanted.get("ObjectSizeLessThan"),
        days=expiration.get("Days"),
        date=expiration.get("Date"),
        ends_markers=bool(expiration.get("ExpiredObjectDeleteMarker")),
        noncurrent_days=past.get("NoncurrentDays"),
        kept_versions=past.get("NewerNoncurrentVersions") or 0,
        abort_days=abort.get("DaysAfterInitiation"),
    )
