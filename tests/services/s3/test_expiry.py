"""Lifecycle rules applied to a store whose clock is turned by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sagesse.core.event import Delivery, Event
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Attributes, Lock, ObjectStore
from sagesse.services.s3 import Expiry
from sagesse.services.s3._lifecycle import DAY_S, due
from sagesse.services.s3._setting import LIFECYCLE, NOTIFICATION
from sagesse.testing import object_version as versions
from sagesse.testing.clock import HandClock
from sagesse.testing.object_store import BUCKET, keys, new_bucket, new_upload, page, put, run

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
NOON = 1_700_049_600.0  # of a day whose midnights are whole multiples of DAY_S


class Bench:
    """A store, a clock and the sweep."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock(NOON)
        self.store = LocalObjectStore(folder, clock=self.clock, durable=False)
        self.expiry = Expiry(self.store, self.clock)

    def rules(self, *rules: dict[str, Any]) -> None:
        named = [{"ID": f"r{at}", "Status": "Enabled", **rule} for at, rule in enumerate(rules)]
        run(self.store.configure_bucket(BUCKET, LIFECYCLE, orjson.dumps({"Rules": named}).decode()))

    def after(self, days: float) -> "Bench":
        """Let days pass, and sweep."""
        self.clock.turn(days * DAY_S)
        run(self.expiry.sweep())
        return self

    @property
    def keys(self) -> list[str]:
        return keys(page(self.store))

    @property
    def versions(self) -> list[tuple[str, bool]]:
        """(version, is marker), the newest first."""
        return [(version, is_marker) for _, version, _, is_marker in versions.listed(self.store)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "s3")
    yield bench
    bench.store.close()


def tagged(store: ObjectStore, key: str, **tags: str) -> None:
    put(store, key, b"x", attributes=Attributes(tags=tags))


def test_days_end_at_midnight() -> None:
    midnight = 1_699_920_000.0 + DAY_S
    assert midnight % DAY_S == 0
    assert due(midnight + 1, 1) == midnight + 2 * DAY_S
    assert due(midnight, 1) == midnight + DAY_S


def test_an_object_expires_at_the_midnight_after_its_days(bench: Bench) -> None:
    new_bucket(bench.store)
    put(bench.store, "k", b"x")
    bench.rules({"Filter": {}, "Expiration": {"Days": 2}})
    assert bench.after(2.4).keys == ["k"]
    assert bench.after(0.1).keys == []


def test_only_what_the_filter_names_expires(bench: Bench) -> None:
    new_bucket(bench.store)
    for key, size in (("a/small", 1), ("a/large", 100), ("b/small", 1)):
        put(bench.store, key, b"x" * size)
    wanted = {"Prefix": "a/", "ObjectSizeLessThan": 50}
    bench.rules({"Filter": {"And": wanted}, "Expiration": {"Days": 1}})
    assert bench.after(3).keys == ["a/large", "b/small"]


def test_rules_of_several_prefixes_are_all_applied(bench: Bench) -> None:
    new_bucket(bench.store)
    for key in ("a", "logs/a/1", "logs/b/1", "logs/c/1", "z"):
        put(bench.store, key, b"x")
    bench.rules(
        {"Filter": {"Prefix": "logs/c"}, "Expiration": {"Days": 1}},
        {"Filter": {"Prefix": "logs/a/"}, "Expiration": {"Days": 1}},
    )
    assert bench.after(3).keys == ["a", "logs/b/1", "z"]


def test_tags_of_a_filter_must_all_be_there(bench: Bench) -> None:
    new_bucket(bench.store)
    tagged(bench.store, "both", a="1", b="2", c="3")
    tagged(bench.store, "one", a="1")
    tagged(bench.store, "other", a="1", b="3")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    bench.rules({"Filter": {"And": {"Tags": tags}}, "Expiration": {"Days": 1}})
    assert bench.after(3).keys == ["one", "other"]


def test_a_disabled_rule_does_nothing(bench: Bench) -> None:
    new_bucket(bench.store)
    put(bench.store, "k", b"x")
    bench.rules({"Status": "Disabled", "Filter": {}, "Expiration": {"Days": 1}})
    assert bench.after(9).keys == ["k"]


def test_a_date_comes_for_all_at_once(bench: Bench) -> None:
    new_bucket(bench.store)
    put(bench.store, "k", b"x")
    bench.rules({"Filter": {}, "Expiration": {"Date": due(NOON, 5)}})
    assert bench.after(4).keys == ["k"]
    assert bench.after(2).keys == []


def test_many_objects_expire(bench: Bench) -> None:
    new_bucket(bench.store)
    for number in range(1100):  # more than a page
        put(bench.store, f"{number:04}", b"")
    bench.rules({"Prefix": "0", "Expiration": {"Days": 1}})
    assert bench.after(3).keys == [f"{number:04}" for number in range(1000, 1100)]


def test_a_change_of_rules_is_applied_the_same_day(bench: Bench) -> None:
    new_bucket(bench.store)
    put(bench.store, "k", b"x")
    bench.rules({"Filter": {}, "Expiration": {"Days": 9}})
    assert bench.after(3).keys == ["k"]
    bench.rules({"Filter": {}, "Expiration": {"Days": 1}})
    assert bench.after(0).keys == []


def test_with_versions_expiration_adds_a_marker(bench: Bench) -> None:
    versions.new_versioned_bucket(bench.store)
    name = put(bench.store, "k", b"x").version
    bench.rules({"Filter": {}, "Expiration": {"Date": due(NOON, 1)}})
    assert [is_marker for _, is_marker in bench.after(3).versions] == [True, False]
    assert versions.read_version(bench.store, "k", name) == b"x"
    assert len(bench.after(3).versions) == 2


def test_noncurrent_versions_expire_by_their_successor(bench: Bench) -> None:
    versions.new_versioned_bucket(bench.store)
    put(bench.store, "k", b"1")
    bench.clock.turn(10 * DAY_S)
    second = put(bench.store, "k", b"2").version
    bench.rules({"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}})
    assert len(bench.after(2).versions) == 2
    assert bench.after(2).versions == [(second, False)]


def test_some_noncurrent_versions_may_be_kept(bench: Bench) -> None:
    versions.new_versioned_bucket(bench.store)
    ids = [put(bench.store, "k", b"x").version for _ in range(5)]
    past = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}
    bench.rules({"Filter": {}, "NoncurrentVersionExpiration": past})
    assert [version for version, _ in bench.after(3).versions] == ids[:1:-1]


def test_a_marker_with_nothing_beneath_goes(bench: Bench) -> None:
    versions.new_versioned_bucket(bench.store)
    name = put(bench.store, "k", b"x").version
    versions.delete(bench.store, "k")
    bench.rules({"Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}})
    assert len(bench.after(3).versions) == 2
    versions.delete(bench.store, "k", name)
    assert bench.after(1).versions == []


def test_days_end_lone_markers_too(bench: Bench) -> None:
    versions.new_versioned_bucket(bench.store)
    versions.delete(bench.store, "k")
    bench.rules({"Filter": {}, "Expiration": {"Days": 2}})
    assert len(bench.after(1).versions) == 1
    assert bench.after(2).versions == []


def test_what_is_locked_stays(bench: Bench) -> None:
    versions.new_versioned_bucket(bench.store, has_lock=True)
    lock = Lock(mode="GOVERNANCE", until=NOON + 10 * DAY_S)
    put(bench.store, "k", b"1", attributes=Attributes(lock=lock))
    put(bench.store, "k", b"2")
    bench.rules({"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    assert len(bench.after(5).versions) == 2
    assert len(bench.after(6).versions) == 1


def test_incomplete_uploads_are_aborted(bench: Bench) -> None:
    new_bucket(bench.store)
    new_upload(bench.store, "old/1")
    new_upload(bench.store, "other")
    abort = {"DaysAfterInitiation": 7}
    bench.rules({"Filter": {"Prefix": "old/"}, "AbortIncompleteMultipartUpload": abort})
    bench.after(0)
    assert [upload.key for upload in run(bench.store.uploads(BUCKET))] == ["other"]


def test_a_bucket_without_rules_is_left_alone(bench: Bench) -> None:
    new_bucket(bench.store)
    put(bench.store, "k", b"x")
    assert bench.after(1000).keys == ["k"]


def told(bench: Bench) -> list[tuple[str, str, str]]:
    """(deletion type, requester, key) of the events that the bucket told."""
    messages = [packed.message for _, packed in bench.store.outbox.waiting(99)]
    return [
        (event.detail["deletion-type"], event.detail["requester"], event.detail["object"]["key"])
        for event in messages
        if isinstance(event, Event) and event.detail["reason"] == "Lifecycle Expiration"
    ]


def test_expirations_are_told(bench: Bench) -> None:
    new_bucket(bench.store)
    configuration = {
        "EventBridgeConfiguration": {},
        "QueueConfigurations": [{"Id": "q", "QueueArn": QUEUE, "Events": ["s3:LifecycleExpiration:*"]}],
    }
    run(bench.store.configure_bucket(BUCKET, NOTIFICATION, configuration))
    put(bench.store, "k", b"1")
    bench.rules({"Filter": {}, "Expiration": {"Days": 1}})
    bench.after(2)
    assert told(bench) == [("Permanently Deleted", "s3.amazonaws.com", "k")]
    (delivery,) = [one.message for _, one in bench.store.outbox.waiting(9) if one.service]
    assert isinstance(delivery, Delivery)
    (record,) = delivery.body["Records"]
    assert (record["eventName"], record["eventVersion"]) == ("LifecycleExpiration:Delete", "2.3")
    assert record["requestParameters"]["sourceIPAddress"] == "s3.amazonaws.com"


def test_markers_of_expired_objects_are_told_as_such(bench: Bench) -> None:
    versions.new_versioned_bucket(bench.store)
    run(bench.store.configure_bucket(BUCKET, NOTIFICATION, {"EventBridgeConfiguration": {}}))
    put(bench.store, "k", b"1")
    bench.rules(
        {"Filter": {}, "Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
    )
    bench.after(2).after(2)
    assert [one[0] for one in told(bench)] == ["Delete Marker Created", "Permanently Deleted"]
