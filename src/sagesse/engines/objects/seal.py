"""Sealed bytes: AES-256-GCM in frames, so that any range can be opened alone and memory stays flat.

A run of sealed bytes is ``salt (32) | frame | frame | ...``. A frame is 64 KiB of the plain bytes (the last one has the
rest, and may be empty) and its tag. The key of a run is derived from the caller's key and the salt, so one key may seal
any number of runs; the nonce is the frame's number and whether it is the last. A frame that was changed, moved, dropped
or taken from another run does not open. The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015).
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sagesse.core.error import ServiceError

FRAME_BYTES = 64 << 10
_SALT_BYTES, _TAG_BYTES = 32, 16
_SEALED_FRAME_BYTES = FRAME_BYTES + _TAG_BYTES
_BATCH_FRAMES = 16
BATCH_BYTES = _BATCH_FRAMES * _SEALED_FRAME_BYTES  # a good size for the chunks of `Run.read`
_PURPOSE = b"sagesse object frames"

SealKind: TypeAlias = Literal["AES256", "aws:kms", "customer"]


class Seal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an object's bytes are sealed, as remembered beside it; nothing in it opens them.

    Args:
        kind: whose key it is.
        wrapped: the object's key, wrapped by whoever can unwrap it; empty for a customer's.
        key_arn: the key that unwraps it.
        context: what was bound to the wrapped key.
        has_bucket_key: what the client chose.
        proof: a digest of the customer's key with `salt`, to refuse another.
        fingerprint: base64 of the MD5 of the customer's key, which answers repeat.
    """

    kind: SealKind
    wrapped: bytes = b""
    key_arn: str = ""
    context: dict[str, str] = {}
    has_bucket_key: bool = False
    salt: bytes = b""
    proof: bytes = b""
    fingerprint: str = ""

    @property
    def hides_etag(self) -> bool:
        """Whether the etag must say nothing of the plain bytes."""
        return self.kind != "AES256"


class SealBroken(ServiceError):  # noqa: N818 - reads as the fact it states
    """The bytes on disk are not those that were sealed, or the key is another."""

    def __init__(self) -> None:
        super().__init__(
            "InternalError",
            "The object does not match its seal: its bytes were changed or damaged where they are kept. "
            "Run `sagesse doctor` on the server's machine.",
            status=500,
        )


class Run(NamedTuple):
    """A sealed run: `read` gives a slice of it (offset, size) in chunks, `size_bytes` counts its plain bytes."""

    read: Callable[[int, int], Iterator[bytes]]
    size_bytes: int


class Sealer:
    """Seals one run, from its first byte to its last."""

    def __init__(self, key: bytes) -> None:
        salt = secrets.token_bytes(_SALT_BYTES)
        self._cipher = _cipher(key, salt)
        self._head = salt
        self._number = 0
        self._rest = b""

    def add(self, chunks: Iterable[bytes]) -> list[bytes]:
        """What can be written now; a full frame is held back, because it may be the last."""
        data = memoryview(b"".join((self._rest, *chunks)))
        out: list[bytes] = []
        start = 0
        while len(data) - start > FRAME_BYTES:
            out.append(self._frame(data[start : start + FRAME_BYTES], is_last=False))
            start += FRAME_BYTES
        self._rest = bytes(data[start:])
        return self._begun(out)

    def finish(self) -> list[bytes]:
        """The last frame."""
        return self._begun([self._frame(memoryview(self._rest), is_last=True)])

    def _frame(self, data: memoryview, *, is_last: bool) -> bytes:
        frame = self._cipher.encrypt(_nonce(self._number, is_last), data, None)
        self._number += 1
        return frame

    def _begun(self, out: list[bytes]) -> list[bytes]:
        if not out or not self._head:
            return out
        head, self._head = self._head, b""
        return [head, *out]


def sealed_size(size_bytes: int) -> int:
    """How many bytes a run of `size_bytes` takes."""
    return _SALT_BYTES + size_bytes + _TAG_BYTES * _frame_count(size_bytes)


def etag_of(key: bytes, md5: bytes) -> str:
    """An etag that says nothing of the bytes to those without the key."""
    return hmac.digest(key, md5, hashlib.sha256)[:16].hex()


def seal_bytes(key: bytes, data: bytes) -> bytes:
    """A run in memory."""
    sealer = Sealer(key)
    return b"".join((*sealer.add((data,)), *sealer.finish()))


def open_bytes(key: bytes, run: bytes, size_bytes: int) -> bytes:
    """The plain bytes of a run in memory.

    Raises:
        SealBroken: it was changed, or the key is another.
    """
    frames = (run[at : at + _SEALED_FRAME_BYTES] for at in range(_SALT_BYTES, len(run), _SEALED_FRAME_BYTES))
    cipher = _cipher(key, run[:_SALT_BYTES])
    data = b"".join(_open_frames(cipher, frames, 0, last=_frame_count(size_bytes) - 1))
    if len(data) != size_bytes:
        raise SealBroken
    return data


def open_slice(key: bytes, run: Run, offset: int, size_bytes: int) -> Iterator[bytes]:
    """A slice of the plain bytes of a run, in chunks of up to 1 MiB.

    Args:
        key: the key that sealed it.
        run: where it is.
        offset: where the slice begins, in plain bytes.
        size_bytes: its length, within the run.

    Raises:
        SealBroken: it was changed, or the key is another. What was given out before is right.
    """
    if size_bytes <= 0:
        return
    first, last = offset // FRAME_BYTES, (offset + size_bytes - 1) // FRAME_BYTES
    frames = _frames_of(run, first, last)
    cipher = _cipher(key, b"".join(run.read(0, _SALT_BYTES)))
    opened = _open_frames(cipher, frames, first, last=_frame_count(run.size_bytes) - 1)
    skip, left = offset - first * FRAME_BYTES, size_bytes
    while left > 0:
        chunk = b"".join(frame for _, frame in zip(range(_BATCH_FRAMES), opened, strict=False))
        if len(chunk) <= skip:
            raise SealBroken
        chunk = chunk[skip : skip + left] if skip or len(chunk) > left else chunk
        skip, left = 0, left - len(chunk)
        yield chunk


def _frame_count(size_bytes: int) -> int:
    return max(1, -(-size_bytes // FRAME_BYTES))


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((is_last,))


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, _PURPOSE + salt, hashlib.sha256))


def _frames_of(run: Run, first: int, last: int) -> Iterator[bytes]:
    """Sealed frames `first` to `last` of a run; fewer or a torn one when the run is shorter than it should be."""
    begin = _SALT_BYTES + first * _SEALED_FRAME_BYTES
    end = min(_SALT_BYTES + (last + 1) * _SEALED_FRAME_BYTES, sealed_size(run.size_bytes))
    rest = b""
    for chunk in run.read(begin, end - begin):
        data = rest + chunk if rest else chunk
        whole = len(data) - len(data) % _SEALED_FRAME_BYTES
        for at in range(0, whole, _SEALED_FRAME_BYTES):
            yield data[at : at + _SEALED_FRAME_BYTES]
        rest = data[whole:]
    if rest:
        yield rest


def _open_frames(cipher: AESGCM, frames: Iterable[bytes], first: int, *, last: int) -> Iterator[bytes]:
    for number, frame in enumerate(frames, first):
        try:
            yield cipher.decrypt(_nonce(number, number == last), frame, None)
        except (InvalidTag, ValueError):
            raise SealBroken from None
