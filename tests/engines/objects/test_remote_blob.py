"""What a store does whose payloads lie in another S3: a Sagesse server, and the disturbances on the way to it."""

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.body import Stream
from sagesse.core.error import ServiceError
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects._remote_blob import RemoteBlobs
from sagesse.engines.objects._remote_bucket import RemoteBucket, RemoteUpload
from sagesse.engines.objects._remote_writer import PART_BYTES
from sagesse.engines.objects.base import Address, Attributes, Condition, Deletion, Expectation
from sagesse.engines.objects.error import RemoteFailed
from sagesse.engines.objects.remote import RemotePlace
from sagesse.testing import object_seal
from sagesse.testing import object_store as suite
from sagesse.testing.clock import HandClock

_NUMBERS = itertools.count()
LONG = 2 * PART_BYTES + 12_345
GRACE_S = 60


class Troubled(RemoteBucket):
    """A bucket whose operations can be made to fail, before or after they were done there."""

    def __init__(self, place: RemotePlace) -> None:
        super().__init__(place)
        self.fails_before: set[str] = set()
        self.fails_after: set[str] = set()
        self.breaks_after_bytes: list[int] = []

    def _ask(self, operation: str, **members: Any) -> Any:
        if operation in self.fails_before:
            raise RemoteFailed("it is gone", "", is_slow=False)
        answer = super()._ask(operation, **members)
        if operation in self.fails_after:
            raise RemoteFailed("the answer is lost", "", is_slow=False)
        return answer

    def _slice(self, key: str, start: int, end: int, chunk_bytes: int) -> Iterator[bytes]:
        left = self.breaks_after_bytes.pop(0) if self.breaks_after_bytes else end - start
        for chunk in super()._slice(key, start, end, chunk_bytes):
            if left <= 0:
                raise OSError("the connection broke")
            left -= len(chunk)
            yield chunk


class Cut:
    """An upload that ends before its time."""

    size_bytes: int | None = None

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(LONG >> 20):
            yield bytes(1 << 20)
        raise ServiceError("IncompleteBody", "It broke off.", status=400)


@pytest.fixture(scope="module")
def troubled(place: RemotePlace) -> Troubled:
    return Troubled(place)


@pytest.fixture
def bucket(troubled: Troubled) -> Iterator[Troubled]:
    yield troubled
    troubled.fails_before.clear()
    troubled.fails_after.clear()
    troubled.breaks_after_bytes.clear()


@pytest.fixture
def root() -> str:
    return f"{next(_NUMBERS)}/"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


Open = Callable[..., LocalObjectStore]


@pytest.fixture
def reopen(tmp_path: Path, bucket: Troubled, root: str, clock: HandClock) -> Iterator[Open]:
    """Opens the store, in place of the one that was open."""
    opened: list[LocalObjectStore] = []

    def work(settle_s: float = 600) -> LocalObjectStore:
        for store in opened:
            store.close()
        blobs = RemoteBlobs(bucket, root, settle_s=settle_s)
        opened[:] = [
            LocalObjectStore(tmp_path / "s3", clock=clock, grace_s=GRACE_S, min_part_bytes=0, blobs=blobs)
        ]
        return opened[0]

    yield work
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Open) -> LocalObjectStore:
    store = reopen()
    suite.new_bucket(store)
    return store


def there(bucket: RemoteBucket, root: str) -> list[str]:
    """The objects and the uploads in progress in the other S3."""
    return [*bucket.keys(root), *(upload.key for upload in bucket.uploads(root))]


def test_a_long_payload_goes_in_parts_and_any_range_of_it_comes_back(
    store: LocalObjectStore, bucket: Troubled, root: str
) -> None:
    data = os.urandom(LONG)
    suite.put(store, "k", data)
    assert len(there(bucket, root)) == 1
    assert suite.read(store, "k") == data
    for offset in (0, PART_BYTES - 1, PART_BYTES, LONG - 1):
        assert suite.read(store, "k", offset, min(5_000, LONG - offset)) == data[offset : offset + 5_000]


def test_a_long_payload_whose_trailer_was_not_announced_is_read_again(store: LocalObjectStore) -> None:
    upload = object_seal.ChunkedUpload(bytes(LONG), 999_999, {"x-amz-checksum-crc32": "AAAAAA=="})
    put = store.put(
        Address(suite.BUCKET, "k"), upload, Attributes(), expect=Expectation(), condition=Condition()
    )
    assert suite.refusal(put).code == "BadDigest"


def test_an_upload_that_breaks_off_leaves_nothing(
    store: LocalObjectStore, bucket: Troubled, root: str
) -> None:
    put = store.put(
        Address(suite.BUCKET, "k"), Cut(), Attributes(), expect=Expectation(), condition=Condition()
    )
    assert suite.refusal(put).code == "IncompleteBody"
    assert there(bucket, root) == []


def test_a_payload_that_the_index_refuses_is_removed(
    store: LocalObjectStore, bucket: Troubled, root: str
) -> None:
    suite.put(store, "k", b"first")
    put = store.put(
        Address(suite.BUCKET, "k"),
        object_seal.ChunkedUpload(bytes(suite.LARGE), 99_999),
        Attributes(),
        expect=Expectation(),
        condition=Condition(if_none_match="*"),
    )
    assert suite.refusal(put).code == "PreconditionFailed"
    store.sweep()
    assert there(bucket, root) == []


def test_what_is_replaced_or_deleted_goes_after_the_grace_period(
    store: LocalObjectStore, bucket: Troubled, root: str, clock: HandClock
) -> None:
    for data in (bytes(suite.LARGE), bytes(suite.LARGE), b"small"):
        suite.put(store, "k", data)
    suite.put(store, "l", bytes(suite.LARGE))
    suite.run(store.delete(suite.BUCKET, [Deletion("l")]))
    clock.turn(GRACE_S - 1)
    store.sweep()
    assert len(there(bucket, root)) == 3
    clock.turn(2)
    store.sweep()
    assert there(bucket, root) == []


def test_copies_share_their_payload(
    store: LocalObjectStore, bucket: Troubled, root: str, clock: HandClock
) -> None:
    suite.put(store, "k", bytes(suite.LARGE))

    async def work() -> None:
        source = await store.get(Address(suite.BUCKET, "k"))
        target = Address(suite.BUCKET, "copy")
        await store.copy(source, target, Attributes(), algorithm=None, condition=Condition())
        await store.delete(suite.BUCKET, [Deletion("k")])

    suite.run(work())
    clock.turn(GRACE_S + 1)
    store.sweep()
    assert len(there(bucket, root)) == 1
    assert suite.read(store, "copy") == bytes(suite.LARGE)


def test_the_parts_of_an_aborted_upload_go(
    store: LocalObjectStore, bucket: Troubled, root: str, clock: HandClock
) -> None:
    upload = suite.new_upload(store)
    suite.put_part(store, upload, 1, suite.part_of(1))
    assert len(there(bucket, root)) == 1
    suite.run(store.abort(upload))
    clock.turn(GRACE_S + 1)
    store.sweep()
    assert there(bucket, root) == []


def test_what_a_crash_left_is_swept_once_it_has_settled(
    store: LocalObjectStore, reopen: Open, bucket: Troubled, root: str
) -> None:
    suite.put(store, "k", bytes(suite.LARGE))
    known = there(bucket, root)
    bucket.put(f"{root}1/orphan", b"payload that the index never knew")
    bucket.create_upload(f"{root}1/begun")
    store = reopen(settle_s=600)
    store.sweep()
    assert len(there(bucket, root)) == 3
    store = reopen(settle_s=0)
    store.sweep()
    assert there(bucket, root) == known
    assert suite.read(store, "k") == bytes(suite.LARGE)


def test_what_is_written_now_is_not_swept(reopen: Open, bucket: Troubled, root: str) -> None:
    store = reopen(settle_s=0)
    blobs = RemoteBlobs(bucket, root, settle_s=0)
    writer = blobs.writer(store._blobs.new_id())  # a payload on its way
    writer.write([bytes(PART_BYTES + 1)])
    store.sweep()
    assert len(there(bucket, root)) == 1
    writer.commit()
    store.sweep()
    assert len(there(bucket, root)) == 1


def test_a_wiped_store_leaves_nothing(reopen: Open, bucket: Troubled, root: str) -> None:
    store = reopen(settle_s=0)
    suite.new_bucket(store)
    suite.put(store, "k", bytes(suite.LARGE))
    suite.run(store.wipe())
    store.sweep()
    assert there(bucket, root) == []


@pytest.mark.parametrize("when", ["fails_before", "fails_after"])
@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ("put_object", suite.LARGE),
        ("create_multipart_upload", LONG),
        ("upload_part", LONG),
        ("complete_multipart_upload", LONG),
    ],
)
def test_a_failure_there_is_a_503_here_and_leaves_nothing(
    reopen: Open, bucket: Troubled, root: str, operation: str, when: str, size: int
) -> None:
    store = reopen(settle_s=0)
    suite.new_bucket(store)
    getattr(bucket, when).add(operation)
    put = store.put(
        Address(suite.BUCKET, "k"),
        object_seal.ChunkedUpload(bytes(size), 1 << 20),
        Attributes(),
        expect=Expectation(),
        condition=Condition(),
    )
    refusal = suite.refusal(put)
    assert (refusal.code, refusal.status) == ("ServiceUnavailable", 503)
    assert store.find_object(Address(suite.BUCKET, "k")) is None
    getattr(bucket, when).clear()
    store.sweep()
    assert there(bucket, root) == []


def test_a_completion_whose_answer_was_lost_counts(bucket: Troubled, root: str) -> None:
    key = f"{root}k"
    upload = RemoteUpload(key, bucket.create_upload(key))
    tags = [bucket.upload_part(upload, 1, b"whole")]
    bucket.complete(upload, tags)
    bucket.complete(upload, tags)  # as the client does when it tries again
    assert b"".join(bucket.read(key, 0, 5, chunk_bytes=10)) == b"whole"


def test_a_download_goes_on_where_the_connection_broke(store: LocalObjectStore, bucket: Troubled) -> None:
    data = os.urandom(3_000_000)
    suite.put(store, "k", data)
    bucket.breaks_after_bytes = [1 << 20, 1 << 20]
    assert suite.read(store, "k") == data


def test_a_download_gives_up_in_the_end(store: LocalObjectStore, bucket: Troubled) -> None:
    suite.put(store, "k", bytes(suite.LARGE))
    bucket.breaks_after_bytes = [0] * 10
    with pytest.raises(RemoteFailed):
        suite.read(store, "k")


def test_a_payload_that_is_gone_is_said_to_be(store: LocalObjectStore, bucket: Troubled, root: str) -> None:
    suite.put(store, "k", bytes(suite.LARGE))
    bucket.delete(*bucket.keys(root))
    with pytest.raises(ServiceError, match="missing where they are kept"):
        suite.read(store, "k")


def test_a_sweep_that_failed_is_made_up_for(
    store: LocalObjectStore, bucket: Troubled, root: str, clock: HandClock
) -> None:
    suite.put(store, "k", bytes(suite.LARGE))
    suite.put(store, "k", b"small")
    clock.turn(GRACE_S + 1)
    bucket.fails_before.add("delete_object")
    with pytest.raises(RemoteFailed):
        store.sweep()
    bucket.fails_before.clear()
    store.sweep()
    assert there(bucket, root) == []


def test_a_reader_that_leaves_early_holds_nothing_up(
    store: LocalObjectStore, bucket: Troubled, root: str, clock: HandClock
) -> None:
    suite.put(store, "k", bytes(LONG))

    async def work() -> None:
        found = await store.get(Address(suite.BUCKET, "k"))
        body = found.read(0, LONG)
        assert isinstance(body, Stream)
        await anext(body.chunks)
        await body.chunks.aclose()  # type: ignore[attr-defined]
        await store.delete(suite.BUCKET, [Deletion("k")])

    suite.run(work())
    clock.turn(GRACE_S + 1)
    store.sweep()
    assert there(bucket, root) == []
