"""Applies lifecycle rules: expires objects, versions and delete markers, and aborts uploads.

All is due at midnights, so a bucket is walked once a day, and again when its rules change.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence

from sagesse.core.clock import Clock
from sagesse.core.error import ServiceError
from sagesse.core.identifier import new_request_id
from sagesse.engines.objects import ObjectStore
from sagesse.engines.objects.base import Address, Bucket, Deletion, ListQuery, Tell, VersionEntry
from sagesse.services.s3._lifecycle import DAY_S, Rule, due, rules_of
from sagesse.services.s3._message import Caller
from sagesse.services.s3._news import EXPIRE, SERVICE, news
from sagesse.services.s3._setting import LIFECYCLE

_BATCH = 1000
_log = logging.getLogger(__name__)


class Expiry:
    """The sweep of all buckets with rules. What is locked stays; the next day's sweep tries again.

    Args:
        objects: where buckets and objects are kept.
        clock: the time.
    """

    def __init__(self, objects: ObjectStore, clock: Clock) -> None:
        self._objects = objects
        self._clock = clock
        self._swept: dict[str, tuple[int, str]] = {}  # bucket: the day, the rules

    async def sweep(self) -> None:
        """Do what is due now; costs little until a day has passed or rules have changed."""
        now = self._clock.now()
        buckets = await self._objects.buckets_with(LIFECYCLE)
        self._swept = {
            bucket.name: self._swept[bucket.name] for bucket in buckets if bucket.name in self._swept
        }
        for bucket in buckets:
            done = (int(now // DAY_S), str(bucket.settings[LIFECYCLE]))
            if self._swept.get(bucket.name) == done:
                continue
            try:
                await self._sweep(bucket, now)
            except Exception as failure:  # a bucket deleted meanwhile, a full disk: the others go on
                _log.warning("the lifecycle of %s was not applied", bucket.name, exc_info=failure)
            else:
                self._swept[bucket.name] = done

    async def _sweep(self, bucket: Bucket, now: float) -> None:
        rules = rules_of(bucket)
        await self._abort_uploads(bucket.name, rules, now)
        if not any(rule.expires for rule in rules):
            return
        pending: list[Deletion] = []
        async for versions in self._by_key(bucket.name, _shared_prefix(rules)):
            pending += self._expired(bucket.name, versions, rules, now)
            if len(pending) >= _BATCH:
                await self._objects.delete(bucket.name, pending, tell=self._tell(bucket, now))
                pending = []
        if pending:
            await self._objects.delete(bucket.name, pending, tell=self._tell(bucket, now))

    def _tell(self, bucket: Bucket, now: float) -> Tell | None:
        """S3 itself is who does it."""
        caller = Caller(new_request_id(), SERVICE, SERVICE, source_ip="")
        return news(bucket, EXPIRE, caller, now)

    async def _abort_uploads(self, bucket: str, rules: Sequence[Rule], now: float) -> None:
        wanted = [(rule.prefix, rule.abort_days) for rule in rules if rule.abort_days is not None]
        if not wanted:
            return
        for upload in await self._objects.uploads(bucket):
            if any(
                upload.key.startswith(prefix) and due(upload.created, days) <= now for prefix, days in wanted
            ):
                with contextlib.suppress(ServiceError):  # completed or aborted meanwhile
                    await self._objects.abort(upload)

    async def _by_key(self, bucket: str, prefix: str) -> AsyncIterator[list[VersionEntry]]:
        """The versions of each key, the newest first."""
        query, held = ListQuery(prefix=prefix, limit=_BATCH), list[VersionEntry]()
        while True:
            page = await self._objects.versions(bucket, query)
            for entry in page.versions:
                if held and held[0].key != entry.key:
                    yield held
                    held = []
                held.append(entry)
            if not page.is_truncated:
                break
            query = ListQuery(prefix=prefix, after=page.last, after_version=page.last_version, limit=_BATCH)
            await asyncio.sleep(0)
        if held:
            yield held

    def _expired(
        self, bucket: str, versions: Sequence[VersionEntry], rules: Sequence[Rule], now: float
    ) -> Iterable[Deletion]:
        """What of one key's versions is due."""
        latest, *past = versions
        if latest.is_latest and not latest.is_marker:
            if any(
                self._is_due(bucket, latest, rule, rule.expires_at(latest.modified), now) for rule in rules
            ):
                yield Deletion(latest.key, if_match=latest.etag, if_modified=latest.modified)
        elif latest.is_latest and not past and any(_ends_marker(latest, rule, now) for rule in rules):
            yield Deletion(latest.key, version=latest.version)
        for at, entry in enumerate(past):
            since = versions[at].modified  # when the next one was made
            for rule in rules:
                if rule.noncurrent_days is None or at < rule.kept_versions:
                    continue
                if self._is_due(bucket, entry, rule, due(since, rule.noncurrent_days), now):
                    yield Deletion(entry.key, version=entry.version, if_past=True)
                    break

    def _is_due(self, bucket: str, entry: VersionEntry, rule: Rule, at: float | None, now: float) -> bool:
        if at is None or at > now or not entry.key.startswith(rule.prefix):
            return False
        if entry.is_marker:
            return not rule.is_about_content
        if not rule.covers(entry):
            return False
        if not rule.tags:
            return True
        found = self._objects.find_object(Address(bucket, entry.key), entry.version)
        return found is not None and rule.has_tags(found.attributes.tags)


def _ends_marker(marker: VersionEntry, rule: Rule, now: float) -> bool:
    """Whether a delete marker with nothing beneath goes: at once, or with age where the rule says days."""
    if not marker.key.startswith(rule.prefix) or rule.is_about_content:
        return False
    return rule.ends_markers or (rule.days is not None and due(marker.modified, rule.days) <= now)


def _shared_prefix(rules: Sequence[Rule]) -> str:
    """What every key that a rule is about begins with."""
    first, last = min(rule.prefix for rule in rules), max(rule.prefix for rule in rules)
    length = next((at for at, letter in enumerate(first) if not last.startswith(letter, at)), len(first))
    return first[:length]
