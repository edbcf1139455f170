"""Digests and checksums: computed while bytes arrive, verified before they count, combined from parts."""

import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, cast

from awscrt import checksums as crt  # pyright: ignore[reportMissingTypeStubs]

from sagesse.engines.objects.base import ALGORITHMS, Algorithm, Checksum, Expectation, PartEntry
from sagesse.engines.objects.error import bad_digest, invalid_digest, invalid_request

DEFAULT_ALGORITHM: Algorithm = "CRC64NVME"

_Crc = Callable[[bytes, int], int]
_Combine = Callable[[int, int, int], int]
_CRCS: Mapping[str, tuple[_Crc, int]] = {
    "CRC32": (zlib.crc32, 4),
    "CRC32C": (cast("_Crc", crt.crc32c), 4),
    "CRC64NVME": (cast("_Crc", crt.crc64nvme), 8),
}
_COMBINES: Mapping[str, _Combine] = {
    "CRC32": cast("_Combine", crt.combine_crc32),
    "CRC32C": cast("_Combine", crt.combine_crc32c),
    "CRC64NVME": cast("_Combine", crt.combine_crc64nvme),
}
SIZES: Mapping[str, int] = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
    "MD5": 16,
}


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _RunningCrc:
    """A CRC with the interface of hashlib."""

    def __init__(self, algorithm: str) -> None:
        self._crc, self._size = _CRCS[algorithm]
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._crc(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class Digest:
    """The MD5 of a stream and the checksums asked for."""

    def __init__(self, algorithms: Iterable[Algorithm]) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._others: dict[Algorithm, _Hash] = {name: running(name) for name in algorithms}

    def update(self, chunks: Iterable[bytes]) -> None:
        """Take more bytes."""
        for chunk in chunks:
            self._md5.update(chunk)
            for other in self._others.values():
                other.update(chunk)

    def add(self, algorithm: Algorithm, chunks: Iterable[bytes]) -> None:
        """Add a checksum of the stream, which is read once more."""
        late = running(algorithm)
        for chunk in chunks:
            late.update(chunk)
        self._others[algorithm] = late

    @property
    def md5(self) -> bytes:
        """The MD5 so far."""
        return self._md5.digest()

    @property
    def checksums(self) -> dict[Algorithm, str]:
        """The checksums so far, base64, by algorithm."""
        return {name: encode(other.digest()) for name, other in self._others.items()}


def running(algorithm: Algorithm) -> _Hash:
    """An empty checksum of that algorithm."""
    if algorithm in _CRCS:
        return _RunningCrc(algorithm)
    return hashlib.new(algorithm.lower(), usedforsecurity=False)


def digest_of(algorithm: Algorithm, chunks: Iterable[bytes]) -> str:
    """The checksum of a stream in base64."""
    total = running(algorithm)
    for chunk in chunks:
        total.update(chunk)
    return encode(total.digest())


def crc_of(algorithm: Algorithm, data: bytes) -> str:
    """The checksum of bytes in base64, by one of the CRCs."""
    crc, size = _CRCS[algorithm]
    return encode(crc(data, 0).to_bytes(size, "big"))


def encode(digest: bytes) -> str:
    """Base64 as S3 writes checksums."""
    return binascii.b2a_base64(digest, newline=False).decode()


def wanted(expect: Expectation) -> set[Algorithm]:
    """The checksums to compute for an upload.

    Raises:
        ServiceError: a digest in the headers is malformed, so that the payload need not be read.
    """
    if expect.content_md5 is not None and len(_decode(expect.content_md5)) != SIZES["MD5"]:
        raise invalid_digest(expect.content_md5)
    if expect.checksum is not None:
        _require_form(*expect.checksum)
        return {expect.checksum[0], expect.algorithm or expect.checksum[0]}
    return {expect.algorithm or DEFAULT_ALGORITHM}


def trailing(trailers: Mapping[str, str]) -> tuple[Algorithm, str] | None:
    """The checksum among trailing headers, if any.

    Raises:
        ServiceError: it is malformed.
    """
    if not trailers:
        return None
    for algorithm in ALGORITHMS:
        value = trailers.get(f"x-amz-checksum-{algorithm.lower()}")
        if value is not None:
            _require_form(algorithm, value.strip())
            return algorithm, value.strip()
    return None


def verify(expect: Expectation, digest: Digest, trailer: tuple[Algorithm, str] | None) -> None:
    """Refuse a payload that is not what the client said.

    Raises:
        ServiceError: BadDigest.
    """
    if expect.content_md5 is not None and _decode(expect.content_md5) != digest.md5:
        raise bad_digest("Content-MD5", expect.content_md5, encode(digest.md5))
    computed = digest.checksums
    for given in (expect.checksum, trailer):
        if given is not None and computed[given[0]] != given[1]:
            raise bad_digest(given[0], given[1], computed[given[0]])


def combine(algorithm: Algorithm, parts: Iterable[PartEntry]) -> Checksum:
    """The checksum of a whole object from its parts'; for CRCs only."""
    value = 0
    for part in parts:
        crc = int.from_bytes(_decode(part.checksums[algorithm]), "big")
        value = _COMBINES[algorithm](value, crc, part.size_bytes)
    return Checksum(algorithm, encode(value.to_bytes(SIZES[algorithm], "big")))


def composite(algorithm: Algorithm, parts: Iterable[PartEntry]) -> Checksum:
    """The checksum of the parts' checksums."""
    total = running(algorithm)
    count = 0
    for part in parts:
        total.update(_decode(part.checksums[algorithm]))
        count += 1
    return Checksum(algorithm, f"{encode(total.digest())}-{count}", "COMPOSITE")


def multipart_etag(parts: Iterable[PartEntry]) -> str:
    """MD5 of the parts' MD5s, and their number."""
    digests = [bytes.fromhex(part.etag) for part in parts]
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def is_combinable(algorithm: Algorithm) -> bool:
    """Whether a whole object's checksum follows from its parts'."""
    return algorithm in _COMBINES


def _require_form(algorithm: Algorithm, value: str) -> None:
    if len(_decode(value)) != SIZES[algorithm]:
        raise invalid_request(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")


def _decode(value: str) -> bytes:
    """The bytes of base64, empty for what is none."""
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return b""
