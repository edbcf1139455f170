"""The third part of the conformance suite of `ObjectStore`: objects that are kept sealed.

Subclass `ObjectSealSuite` and give it a `store` fixture, as for `ObjectStoreSuite`.
"""

import base64
import hashlib
import secrets
import zlib
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from sagesse.core.body import BytesUpload
from sagesse.engines.objects.base import (
    Address,
    Attributes,
    Condition,
    Expectation,
    ObjectInfo,
    ObjectStore,
    PartEntry,
)
from sagesse.engines.objects.seal import FRAME_BYTES, Seal, SealBroken
from sagesse.testing.object_store import BUCKET, collect, complete, new_bucket, new_upload, run

KEY = secrets.token_bytes(32)
OPEN_ETAG = Attributes(seal=Seal(kind="AES256", wrapped=b"w"))
HIDDEN_ETAG = Attributes(seal=Seal(kind="aws:kms", key_arn="arn", context={"a": "b"}))
SIZES = (0, 1, 1000, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES, 2_500_000)


class ChunkedUpload:
    """Bytes in chunks of a size of their own, of a length nobody announced, with a trailer."""

    size_bytes: int | None = None

    def __init__(self, data: bytes, chunk_bytes: int, trailers: dict[str, str] | None = None) -> None:
        self._data = data
        self._chunk_bytes = chunk_bytes
        self.trailers = trailers or {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._data), self._chunk_bytes):
            yield self._data[at : at + self._chunk_bytes]


def body_of(size_bytes: int) -> bytes:
    """Bytes that differ from frame to frame."""
    return b"".join(number.to_bytes(4, "big") for number in range(-(-size_bytes // 4)))[:size_bytes]


def put_sealed(store: ObjectStore, data: bytes, attributes: Attributes = OPEN_ETAG) -> ObjectInfo:
    """Store bytes sealed."""
    return run(
        store.put(
            Address(BUCKET, "k"),
            BytesUpload(data),
            attributes,
            expect=Expectation(),
            condition=Condition(),
            key=KEY,
        )
    )


def read_sealed(store: ObjectStore, offset: int, size_bytes: int, key: bytes = KEY) -> bytes:
    """A slice of what is sealed."""

    async def work() -> bytes:
        found = await store.get(Address(BUCKET, "k"))
        return await collect(await found.unseal(offset, size_bytes, key))

    return run(work())


def upload_sealed(store: ObjectStore, parts: Sequence[bytes]) -> ObjectInfo:
    """An object of these sealed parts."""
    upload = msgspec.structs.replace(new_upload(store, "sealed"), attributes=OPEN_ETAG, key="k", id="u")
    run(store.create_upload(upload))
    entries: list[PartEntry] = [
        run(store.put_part(upload, number, BytesUpload(data), Expectation(), key=KEY))
        for number, data in enumerate(parts, 1)
    ]
    return complete(store, upload, *entries)


class ObjectSealSuite:
    """What is sealed comes back with the key, and only then."""

    @pytest.mark.parametrize("size", SIZES)
    def test_a_sealed_object_comes_back(self, store: ObjectStore, size: int) -> None:
        new_bucket(store)
        info = put_sealed(store, body_of(size))
        assert info.size_bytes == size
        assert read_sealed(store, 0, size) == body_of(size)

    @pytest.mark.parametrize("size", SIZES)
    def test_slices_of_a_sealed_object_are_slices(self, store: ObjectStore, size: int) -> None:
        new_bucket(store)
        body = body_of(size)
        put_sealed(store, body)
        for offset in {0, 1, FRAME_BYTES - 1, FRAME_BYTES, size // 2, size - 1}:
            for length in {1, 100, FRAME_BYTES, size}:
                if 0 <= offset <= offset + length <= size:
                    found = read_sealed(store, offset, length)
                    assert found == body[offset : offset + length], (offset, length)

    def test_digests_are_of_the_plain_bytes(self, store: ObjectStore) -> None:
        new_bucket(store)
        info = put_sealed(store, body_of(100_000))
        assert info.etag == hashlib.md5(body_of(100_000)).hexdigest()
        assert info.checksum is not None

    @pytest.mark.parametrize("size", [10, 300_000])
    def test_an_etag_can_say_nothing_of_the_bytes(self, store: ObjectStore, size: int) -> None:
        new_bucket(store)
        assert put_sealed(store, body_of(size), HIDDEN_ETAG).etag != hashlib.md5(body_of(size)).hexdigest()

    def test_the_seal_is_remembered(self, store: ObjectStore) -> None:
        new_bucket(store)
        put_sealed(store, b"x", HIDDEN_ETAG)
        assert run(store.get(Address(BUCKET, "k"))).info.attributes == HIDDEN_ETAG

    @pytest.mark.parametrize("size", [10, 300_000])
    def test_another_key_opens_nothing(self, store: ObjectStore, size: int) -> None:
        new_bucket(store)
        put_sealed(store, body_of(size))
        with pytest.raises(SealBroken):
            read_sealed(store, 0, size, key=bytes(32))

    @pytest.mark.parametrize(
        "sizes", [[300_000, 300_000, 5], [300_000, 7, 200_000], [1], [70_000, 0, 70_000]]
    )
    def test_sealed_parts_make_one_object(self, store: ObjectStore, sizes: list[int]) -> None:
        new_bucket(store)
        parts = [bytes((number,)) * size for number, size in enumerate(sizes)]
        whole = b"".join(parts)
        assert upload_sealed(store, parts).size_bytes == len(whole)
        for offset in {0, sizes[0] - 1, len(whole) // 2, len(whole) - 1}:
            assert read_sealed(store, offset, len(whole) - offset) == whole[offset:]
            assert read_sealed(store, offset, 1) == whole[offset : offset + 1]

    @pytest.mark.parametrize("size", [10, 2_000_001])
    def test_a_trailer_that_was_not_announced_is_checked(self, store: ObjectStore, size: int) -> None:
        new_bucket(store)
        body = body_of(size)
        checksum = _crc32(body)
        upload = ChunkedUpload(body, 99_999, {"x-amz-checksum-crc32": checksum})
        info = run(
            store.put(
                Address(BUCKET, "k"),
                upload,
                OPEN_ETAG,
                expect=Expectation(),
                condition=Condition(),
                key=KEY,
            )
        )
        assert info.checksum is not None
        assert info.checksum.value == checksum
        assert read_sealed(store, 0, size) == body


def _crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
