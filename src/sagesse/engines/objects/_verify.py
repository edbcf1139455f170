"""Whether stored bytes are what was stored: sizes, then every byte against the checksum kept beside it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from sagesse.core.body import FileSlice, read_slice
from sagesse.engines.objects._damage import file_problem, inline_problem
from sagesse.engines.objects._schema import Row, Segment
from sagesse.engines.objects._walk import FoundPart
from sagesse.engines.objects.base import Algorithm, ObjectInfo, PartEntry
from sagesse.engines.objects.digest import composite, digest_of, encode
from sagesse.engines.objects.seal import (
    BATCH_BYTES,
    Run,
    Seal,
    SealBroken,
    open_bytes,
    open_slice,
    sealed_size,
)

Opens: TypeAlias = Callable[[Seal], bytes | None]
"""The key of a seal, or None where nobody here has it."""
Pace: TypeAlias = Callable[[int], None]
"""Told how many bytes were read; may take its time."""

_MD5: Algorithm = "MD5"


class Verdict(NamedTuple):
    """What is wrong (empty: nothing), and whether every byte was looked at."""

    problem: str = ""
    is_checked: bool = True


class _Bytes(NamedTuple):
    """Where something's bytes are: in `data`, or in files."""

    size_bytes: int
    segments: tuple[Segment, ...]
    data: bytes
    seal: Seal | None


class Verifier:
    """Looks at what rows say, and at the bytes.

    Args:
        path_of: where a blob is; None when it is in another S3, which is not asked for it.
        opens: finds keys of what is sealed.
        pace: bounds the speed.
    """

    def __init__(self, path_of: Callable[[str], Path | None], opens: Opens, pace: Pace) -> None:
        self._path_of = path_of
        self._opens = opens
        self._pace = pace

    def object(self, row: Row) -> Verdict:
        """Look at an object."""
        info = row.info
        where = _Bytes(info.size_bytes, row.segments, row.data, info.attributes.seal)
        return self._look(
            where, inline_problem(row) if not row.segments else "", lambda chunks: _differs(info, chunks)
        )

    def part(self, found: FoundPart) -> Verdict:
        """Look at a part of an upload."""
        part, seal = found.part, found.upload.attributes.seal
        where = _Bytes(part.size_bytes, found.segments, b"", seal)
        hides = seal is not None and seal.hides_etag
        return self._look(where, "", lambda chunks: _part_differs(part, chunks, hides_etag=hides))

    def _look(self, where: _Bytes, problem: str, differs: Callable[[Iterator[bytes]], Verdict]) -> Verdict:
        problem = problem or self._misplaced(where)
        if problem:
            return Verdict(problem)
        try:
            key = self._opens(where.seal) if where.seal is not None else None
            is_away = any(self._path_of(segment.blob) is None for segment in where.segments)
            if is_away or (where.seal is not None and key is None):
                return Verdict(is_checked=False)
            return differs(self._read(where, key))
        except SealBroken as error:
            return Verdict(error.message.partition(" Run ")[0])
        except OSError as error:
            return Verdict(f"its bytes cannot be read: {error.strerror}")

    def _misplaced(self, where: _Bytes) -> str:
        """What is wrong with the sizes."""
        if not where.segments:
            return ""
        size = sum(segment.size_bytes for segment in where.segments)
        if size != where.size_bytes:
            return f"its row says {where.size_bytes} bytes, its pieces have {size}"
        for segment in where.segments:
            size = segment.size_bytes if where.seal is None else sealed_size(segment.size_bytes)
            piece = self._slice(segment, 0, size)
            problem = file_problem(piece) if piece is not None else ""
            if problem:
                return problem
        return ""

    def _slice(self, segment: Segment, offset: int, size_bytes: int) -> FileSlice | None:
        path = self._path_of(segment.blob)
        return None if path is None else FileSlice(path, segment.offset + offset, size_bytes)

    def _read(self, where: _Bytes, key: bytes | None) -> Iterator[bytes]:
        for chunk in self._chunks(where, key):
            self._pace(len(chunk))
            yield chunk

    def _chunks(self, where: _Bytes, key: bytes | None) -> Iterator[bytes]:
        if not where.segments:
            yield where.data if key is None else open_bytes(key, where.data, where.size_bytes)
            return
        for segment in where.segments:
            if key is None:
                yield from self._read_file(segment, 0, segment.size_bytes)
                continue
            run = Run(partial(self._read_file, segment), segment.size_bytes)
            yield from open_slice(key, run, 0, segment.size_bytes)

    def _read_file(self, segment: Segment, offset: int, size_bytes: int) -> Iterator[bytes]:
        piece = self._slice(segment, offset, size_bytes)
        return iter(()) if piece is None else read_slice(piece, chunk_bytes=BATCH_BYTES)


def _differs(info: ObjectInfo, chunks: Iterator[bytes]) -> Verdict:
    checksum = info.checksum
    if checksum is None:
        is_md5 = len(info.etag) == 32
        return _compare(_MD5, chunks, bytes.fromhex(info.etag)) if is_md5 else Verdict(is_checked=False)
    if checksum.kind == "FULL_OBJECT":
        return _verdict(checksum.algorithm, digest_of(checksum.algorithm, chunks), checksum.value)
    algorithm = checksum.algorithm
    if any(algorithm not in part.checksums for part in info.parts):
        return Verdict(is_checked=False)
    for part, piece in zip(info.parts, _split(chunks, info.parts), strict=False):
        found = digest_of(algorithm, piece)
        if found != part.checksums[algorithm]:
            return Verdict(f"part {part.number} has the {algorithm} {found}, not {part.checksums[algorithm]}")
    return _verdict(algorithm, composite(algorithm, info.parts).value, checksum.value)


def _part_differs(part: PartEntry, chunks: Iterator[bytes], *, hides_etag: bool) -> Verdict:
    for algorithm, value in part.checksums.items():
        return _verdict(algorithm, digest_of(algorithm, chunks), value)
    return Verdict(is_checked=False) if hides_etag else _compare(_MD5, chunks, bytes.fromhex(part.etag))


def _compare(algorithm: Algorithm, chunks: Iterable[bytes], digest: bytes) -> Verdict:
    return _verdict(algorithm, digest_of(algorithm, chunks), encode(digest))


def _verdict(algorithm: Algorithm, found: str, kept: str) -> Verdict:
    return Verdict("" if found == kept else f"its {algorithm} is {found}, {kept} was stored")


def _split(chunks: Iterator[bytes], parts: Sequence[PartEntry]) -> Iterator[Iterator[bytes]]:
    """The stream of each part; each is to be read to its end before the next."""
    rest = b""

    def piece(size: int) -> Iterator[bytes]:
        nonlocal rest
        while size > 0:
            chunk = rest or next(chunks, b"")
            if not chunk:
                return
            rest = chunk[size:]
            yield chunk[:size]
            size -= min(size, len(chunk))

    for part in parts:
        yield piece(part.size_bytes)
