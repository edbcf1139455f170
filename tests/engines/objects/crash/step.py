"""The reference model: steps, what each makes of the objects, and the same done and seen in a real store."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from hypothesis import strategies as st

from sagesse.core.body import BytesUpload
from sagesse.core.error import ServiceError
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects._schema import decode_segments
from sagesse.engines.objects.base import (
    NULL_VERSION,
    Address,
    Attributes,
    Bucket,
    ChosenPart,
    Condition,
    Deletion,
    Expectation,
    ListQuery,
    UploadInfo,
    Versioning,
)
from sagesse.testing.object_store import collect

BUCKETS: dict[str, Versioning] = {"plain": "", "versioned": "Enabled", "suspended": "Suspended"}
INLINE_BYTES = 2_000
SIZES = (0, 700, 9_000)  # in the index, in the index, in a file
Step: TypeAlias = tuple[Any, ...]
"""(name, bucket, key or upload, ...): plain values, so that a step fits on a line."""


@dataclass(frozen=True)
class Seen:
    """A version as anybody can see it."""

    body: bytes | None  # None: a delete marker
    is_null: bool
    tag: str = ""
    has_hold: bool = False


@dataclass(frozen=True)
class Objects:
    """All there is: versions by (bucket, key), newest first; parts by upload."""

    versions: dict[tuple[str, str], tuple[Seen, ...]] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)


def content(seed: int, size: int) -> bytes:
    """Bytes by a short name."""
    return random.Random(seed).randbytes(size)


def expected(before: Objects, step: Step) -> Objects:
    """What a step makes of the objects."""
    match step:
        case ("put", bucket, key, seed, size):
            return _laid(before, (bucket, key), content(seed, size))
        case ("delete", bucket, key):
            if bucket == "plain":
                return _with(before, (bucket, key), ())
            return _laid(before, (bucket, key), None)
        case ("drop", bucket, key, index):
            there = before.versions.get((bucket, key), ())
            if index >= len(there) or there[index].has_hold:
                return before
            return _with(before, (bucket, key), there[:index] + there[index + 1 :])
        case ("copy", bucket, key, source, source_key):
            newest = _newest(before, (source, source_key))
            return _laid(before, (bucket, key), newest.body) if newest else before
        case ("tag", bucket, key, value):
            return _amended(before, (bucket, key), tag=value)
        case ("hold", bucket, key, has_hold):
            return _amended(before, (bucket, key), has_hold=has_hold)
        case ("begin", _, upload):
            return replace(before, uploads={**before.uploads, upload: {}})
        case ("part", _, upload, number, seed, size):
            parts = {**before.uploads[upload], number: content(seed, size)}
            return replace(before, uploads={**before.uploads, upload: parts})
        case ("abort", _, upload):
            return _ended(before, upload)
        case ("complete", bucket, upload):
            parts = before.uploads[upload]
            return _laid(_ended(before, upload), (bucket, upload), b"".join(parts[n] for n in sorted(parts)))
        case other:
            raise AssertionError(other)


async def perform(store: LocalObjectStore, step: Step) -> None:
    """Do a step; what the model leaves as it is may be refused."""
    try:
        await _do(store, step)
    except ServiceError as error:
        if error.code not in {"NoSuchKey", "AccessDenied"}:
            raise


async def observe(store: LocalObjectStore) -> Objects:
    """What a store shows, read to the last byte."""
    versions: dict[tuple[str, str], list[Seen]] = {}
    uploads: dict[str, dict[int, bytes]] = {}
    for bucket in [bucket.name for bucket in await store.buckets("1", limit=10)]:
        page = await store.versions(bucket, ListQuery(limit=10_000))
        for entry in page.versions:
            seen = versions.setdefault((bucket, entry.key), [])
            seen.append(await _seen(store, bucket, entry.key, entry.version, is_marker=entry.is_marker))
        for upload in await store.uploads(bucket):
            uploads[upload.id] = {
                part.number: await _part_bytes(store, upload, part.number)
                for part in await store.parts(upload)
            }
    return Objects({name: tuple(seen) for name, seen in versions.items()}, uploads)


async def make_buckets(store: LocalObjectStore) -> None:
    """Create the buckets that steps are about."""
    for name, versioning in BUCKETS.items():
        await store.create_bucket(
            Bucket(name=name, account="1", region="r", created=1.0, versioning=versioning)
        )


def open_store(folder: Any, **more: Any) -> LocalObjectStore:
    """A store that keeps small things small."""
    return LocalObjectStore(folder, inline_bytes=INLINE_BYTES, min_part_bytes=0, grace_s=0, **more)


_NAMES = st.tuples(st.sampled_from(list(BUCKETS)), st.sampled_from("ab"))
_SEEDS, _SOME_SIZES = st.integers(0, 99), st.sampled_from(SIZES)


def _step(name: str, *more: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Step]]:
    return st.tuples(_NAMES, *more).map(lambda drawn: [(name, *drawn[0], *drawn[1:])])


@st.composite
def _multipart(draw: st.DrawFn) -> list[Step]:
    bucket, upload = draw(st.sampled_from(list(BUCKETS))), "upload"
    sizes = draw(st.lists(st.sampled_from((700, 9_000)), min_size=1, max_size=3))
    steps: list[Step] = [("begin", bucket, upload)]
    steps += [("part", bucket, upload, number, draw(_SEEDS), size) for number, size in enumerate(sizes, 1)]
    end = draw(st.sampled_from(("complete", "complete", "abort", "")))
    return [*steps, (end, bucket, upload)] if end else steps


def sequences(least: int, most: int) -> st.SearchStrategy[list[Step]]:
    """Sequences of that many operations; a multipart upload is one, of several steps."""
    one = st.one_of(
        _step("put", _SEEDS, _SOME_SIZES),
        _step("put", _SEEDS, _SOME_SIZES),
        _step("delete"),
        _step("drop", st.integers(0, 2)),
        _step("copy", st.sampled_from(list(BUCKETS)), st.sampled_from("ab")),
        _step("tag", st.sampled_from(("x", "y"))),
        _step("hold", st.booleans()),
        _multipart(),
    )
    return st.lists(one, min_size=least, max_size=most).map(_flat)


def states(start: Objects, steps: Sequence[Step]) -> list[Objects]:
    """What there is before the first step, after it, after the second, ..."""
    found = [start]
    for step in steps:
        found.append(expected(found[-1], step))
    return found


def _flat(operations: list[list[Step]]) -> list[Step]:
    """The steps of all operations; each upload gets a name of its own."""
    return [
        tuple(f"upload{number}" if word == "upload" else word for word in step)
        for number, operation in enumerate(operations)
        for step in operation
    ]


def _newest(objects: Objects, name: tuple[str, str]) -> Seen | None:
    there = objects.versions.get(name, ())
    return there[0] if there and there[0].body is not None else None


def _laid(objects: Objects, name: tuple[str, str], body: bytes | None) -> Objects:
    """A version, or a marker, laid on what is there."""
    there = objects.versions.get(name, ())
    match BUCKETS[name[0]]:
        case "":
            return _with(objects, name, (Seen(body, is_null=True),))
        case "Enabled":
            return _with(objects, name, (Seen(body, is_null=False), *there))
        case "Suspended":
            kept = tuple(seen for seen in there if not seen.is_null)
            return _with(objects, name, (Seen(body, is_null=True), *kept))


def _amended(objects: Objects, name: tuple[str, str], **change: Any) -> Objects:
    newest = _newest(objects, name)
    if newest is None:
        return objects
    return _with(objects, name, (replace(newest, **change), *objects.versions[name][1:]))


def _with(objects: Objects, name: tuple[str, str], there: tuple[Seen, ...]) -> Objects:
    versions = {**objects.versions, name: there}
    return replace(objects, versions={key: value for key, value in versions.items() if value})


def _ended(objects: Objects, upload: str) -> Objects:
    return replace(objects, uploads={key: value for key, value in objects.uploads.items() if key != upload})


def _upload(bucket: str, upload: str) -> UploadInfo:
    return UploadInfo(
        bucket=bucket,
        key=upload,
        id=upload,
        account="1",
        created=1.0,
        attributes=Attributes(),
        algorithm="CRC64NVME",
        kind="FULL_OBJECT",
        is_declared=False,
    )


async def _do(store: LocalObjectStore, step: Step) -> None:
    match step:
        case ("put", bucket, key, seed, size):
            await store.put(
                Address(bucket, key),
                BytesUpload(content(seed, size)),
                Attributes(),
                expect=Expectation(),
                condition=Condition(),
            )
        case ("delete", bucket, key):
            await store.delete(bucket, [Deletion(key)])
        case ("drop", bucket, key, index):
            page = await store.versions(bucket, ListQuery(limit=10_000))
            there = [entry.version for entry in page.versions if entry.key == key]
            if index < len(there):
                await store.delete(bucket, [Deletion(key, version=there[index])])
        case ("copy", bucket, key, source, source_key):
            found = await store.get(Address(source, source_key))
            await store.copy(found, Address(bucket, key), Attributes(), algorithm=None, condition=Condition())
        case ("tag", bucket, key, value):
            await store.tag(Address(bucket, key), {"t": value})
        case ("hold", bucket, key, has_hold):
            await store.hold(Address(bucket, key), has_hold)
        case ("begin", bucket, upload):
            await store.create_upload(_upload(bucket, upload))
        case ("part", bucket, upload, number, seed, size):
            body = BytesUpload(content(seed, size))
            await store.put_part(_upload(bucket, upload), number, body, Expectation())
        case ("abort", bucket, upload):
            await store.abort(_upload(bucket, upload))
        case ("complete", bucket, upload):
            info = _upload(bucket, upload)
            chosen = [ChosenPart(part.number, part.etag, {}) for part in await store.parts(info)]
            await store.complete(info, chosen, checksum=None, size_bytes=None, condition=Condition())
        case other:
            raise AssertionError(other)


async def _seen(store: LocalObjectStore, bucket: str, key: str, version: str, *, is_marker: bool) -> Seen:
    is_null = version == NULL_VERSION
    if is_marker:
        return Seen(None, is_null)
    found = await store.get(Address(bucket, key), version)
    body = await collect(found.read(0, found.info.size_bytes))
    attributes = found.info.attributes
    hold = attributes.lock is not None and bool(attributes.lock.has_legal_hold)
    return Seen(body, is_null, attributes.tags.get("t", ""), hold)


async def _part_bytes(store: LocalObjectStore, upload: UploadInfo, number: int) -> bytes:
    """A part's bytes: nothing but the index knows where they are before the upload is complete."""
    row = store._database.reader.execute(
        "SELECT segments FROM part WHERE upload=? AND number=?", (upload.id, number)
    ).fetchone()
    found = b""
    for segment in decode_segments(row[0]):
        data = await asyncio.to_thread(store._blobs.path(segment.blob).read_bytes)
        found += data[segment.offset : segment.offset + segment.size_bytes]
    return found
