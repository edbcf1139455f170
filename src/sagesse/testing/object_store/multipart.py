"""The checks of multipart uploads."""

import base64
import hashlib
import os
import zlib

from sagesse.core.body import BytesUpload
from sagesse.engines.objects.base import (
    Address,
    Condition,
    Deletion,
    Expectation,
    ObjectStore,
    PartEntry,
    UploadInfo,
)
from sagesse.testing.object_store.action import (
    BUCKET,
    LARGE,
    complete,
    completion,
    new_bucket,
    new_upload,
    part_of,
    put,
    put_part,
    read,
    refusal,
    run,
)


class MultipartChecks:
    """What every store does with multipart uploads."""

    def test_parts_in_any_order_make_the_object(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        parts = {number: put_part(store, upload, number, part_of(number)) for number in (2, 1, 3)}
        info = complete(store, upload, parts[1], parts[2], parts[3])
        data = part_of(1) + part_of(2) + part_of(3)
        digests = b"".join(hashlib.md5(part_of(number)).digest() for number in (1, 2, 3))
        assert read(store, "k") == data
        assert info.etag == f"{hashlib.md5(digests).hexdigest()}-3"
        assert info.attributes.metadata == {"made": "of parts"}

    def test_parts_of_any_size_make_the_object(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        sizes = (10, LARGE, 0, 5, LARGE + 1, 70_000)
        parts = [
            put_part(store, upload, number, part_of(number, size))
            for number, size in enumerate(sizes, start=1)
        ]
        complete(store, upload, *parts)
        data = b"".join(part_of(number, size) for number, size in enumerate(sizes, start=1))
        assert read(store, "k") == data
        assert read(store, "k", 5, LARGE + 20) == data[5 : LARGE + 25]

    def test_a_part_may_be_replaced(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        put_part(store, upload, 1, part_of(1))
        second = put_part(store, upload, 2, part_of(2))
        first = put_part(store, upload, 1, part_of(9))
        complete(store, upload, first, second)
        assert read(store, "k") == part_of(9) + part_of(2)

    def test_parts_may_be_left_out(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        parts = [put_part(store, upload, number, part_of(number)) for number in (1, 2, 3)]
        complete(store, upload, parts[0], parts[2])
        assert read(store, "k") == part_of(1) + part_of(3)

    def test_nothing_is_seen_before_completion(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        put_part(store, upload, 1, part_of(1))
        assert refusal(store.get(Address(BUCKET, "k"))).code == "NoSuchKey"
        assert [found.id for found in run(store.uploads(BUCKET))] == [upload.id]

    def test_completion_ends_the_upload(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        part = put_part(store, upload, 1, part_of(1))
        complete(store, upload, part)
        assert refusal(completion(store, upload, part)).code == "NoSuchUpload"
        assert refusal(store.put_part(upload, 2, BytesUpload(b"x"), Expectation())).code == "NoSuchUpload"

    def test_wrong_parts_are_refused_and_the_upload_stays(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        first, second = (put_part(store, upload, number, part_of(number)) for number in (1, 2))
        wrong = PartEntry(number=2, size_bytes=1, etag="0" * 32, modified=0.0)
        missing = PartEntry(number=3, size_bytes=1, etag=first.etag, modified=0.0)
        assert refusal(completion(store, upload, first, wrong)).code == "InvalidPart"
        assert refusal(completion(store, upload, first, missing)).code == "InvalidPart"
        assert refusal(completion(store, upload, second, first)).code == "InvalidPartOrder"
        assert [part.number for part in run(store.parts(upload))] == [1, 2]

    def test_completion_heeds_its_condition(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"there")
        upload = new_upload(store)
        part = put_part(store, upload, 1, part_of(1))
        work = completion(store, upload, part, condition=Condition(if_none_match="*"))
        assert refusal(work).code == "PreconditionFailed"
        assert read(store, "k") == b"there"

    def test_a_whole_checksum_is_that_of_the_bytes(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store, algorithm="CRC32")
        parts = [put_part(store, upload, number, part_of(number)) for number in (1, 2)]
        info = complete(store, upload, *parts)
        crc = zlib.crc32(part_of(1) + part_of(2)).to_bytes(4, "big")
        assert info.checksum is not None
        assert base64.b64decode(info.checksum.value) == crc

    def test_a_composite_checksum_is_that_of_the_checksums(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store, algorithm="SHA256", kind="COMPOSITE")
        parts = [put_part(store, upload, number, part_of(number)) for number in (1, 2)]
        info = complete(store, upload, *parts)
        digests = b"".join(hashlib.sha256(part_of(number)).digest() for number in (1, 2))
        assert info.checksum is not None
        assert info.checksum.value == base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-2"

    def test_slices_of_objects_are_parts(self, store: ObjectStore) -> None:
        new_bucket(store)
        for size in (1000, LARGE):
            data = os.urandom(size)
            put(store, "source", data)
            upload = new_upload(store)

            async def work(upload: UploadInfo) -> list[PartEntry]:
                source = await store.get(Address(BUCKET, "source"))
                first = await store.copy_part(upload, 1, source, 100, 400)
                return [first, await store.copy_part(upload, 2, source, 0, 50)]

            parts = run(work(upload))
            run(store.delete(BUCKET, [Deletion("source")]))
            complete(store, upload, *parts)
            assert read(store, "k") == data[100:500] + data[:50]
            assert parts[0].etag == hashlib.md5(data[100:500]).hexdigest()

    def test_an_aborted_upload_is_gone(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        put_part(store, upload, 1, part_of(1))
        run(store.abort(upload))
        assert run(store.uploads(BUCKET)) == []
        assert refusal(store.abort(upload)).code == "NoSuchUpload"
