"""The aws-chunked framing: signed chunks, unsigned chunks, trailers with or without signature.

A filter without I/O: bytes of any split go in, payload bytes come out at once, and every signature is
verified when its chunk ends. A caller therefore must not act on the payload before `finish` has returned.
"""

import hashlib
import hmac
from typing import Literal, Protocol, TypeAlias

from sagesse.core.error import ServiceError
from sagesse.wire.sigv4 import EMPTY_SHA256

_MAX_LINE_BYTES = 4096
_MAX_TRAILER_BYTES = 16384
_MAX_SIZE_DIGITS = 15
_HEX = frozenset(b"0123456789abcdefABCDEF")

_State: TypeAlias = Literal["size", "data", "data-end", "trailer", "done"]


class ChunkSigner(Protocol):
    """Verifies the chain of chunk signatures."""

    def check_chunk(self, digest: str, signature: str) -> None:
        """Raise `SignatureDoesNotMatch` unless `signature` signs the chunk with that SHA-256."""
        ...

    def check_trailer(self, digest: str, signature: str) -> None:
        """Raise `SignatureDoesNotMatch` unless `signature` signs the trailer with that SHA-256."""
        ...


class ChainedSigner:
    """The signature chain of a request: each signature covers the one before it."""

    def __init__(self, key: bytes, *, timestamp: str, scope: str, seed: str) -> None:
        self._key = key
        self._timestamp = timestamp
        self._scope = scope
        self._previous = seed

    def check_chunk(self, digest: str, signature: str) -> None:
        """Verify one chunk."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY_SHA256}\n{digest}", signature)

    def check_trailer(self, digest: str, signature: str) -> None:
        """Verify the trailer."""
        self._check("AWS4-HMAC-SHA256-TRAILER", digest, signature)

    def _check(self, algorithm: str, tail: str, signature: str) -> None:
        text = f"{algorithm}\n{self._timestamp}\n{self._scope}\n{self._previous}\n{tail}"
        wanted = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(wanted.encode(), signature.encode()):
            raise ServiceError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
                status=403,
            )
        self._previous = wanted


class ChunkDecoder:
    """Decodes one aws-chunked payload.

    Args:
        signer: verifies signatures; None leaves them unread (unsigned forms, unknown keys in ephemeral mode).
        has_signatures: whether chunks and trailer must carry a signature.
        has_trailer: whether trailing headers may follow the last chunk.
        decoded_bytes: the announced length of the payload; None when it was not announced.
    """

    def __init__(
        self,
        *,
        signer: ChunkSigner | None,
        has_signatures: bool,
        has_trailer: bool,
        decoded_bytes: int | None,
    ) -> None:
        self.trailers: dict[str, str] = {}
        self._signer = signer
        self._has_signatures = has_signatures
        self._has_trailer = has_trailer
        self._decoded_bytes = decoded_bytes
        self._seen_bytes = 0
        self._left = 0  # bytes of the current chunk still to come
        self._is_last = False
        self._line = bytearray()
        self._signature = ""
        self._hash = hashlib.sha256()
        self._trailer_text = ""
        self._trailer_bytes = 0
        self._saw_blank = False
        self._state: _State = "size"

    def feed(self, data: bytes) -> list[bytes]:
        """Payload pieces contained in `data`.

        Raises:
            ServiceError: the framing, a signature or the length is wrong; the decoder is of no use afterwards.
        """
        pieces: list[bytes] = []
        at = 0
        while at < len(data):
            if self._state == "data":
                end = min(len(data), at + self._left)
                piece = data[at:end] if end - at < len(data) else data
                self._take(piece)
                pieces.append(piece)
                at = end
            elif self._state == "done":
                raise _invalid("bytes follow the end of the last chunk")
            else:
                at = self._read_line(data, at)
        return pieces

    def finish(self) -> None:
        """The input has ended.

        Raises:
            ServiceError: ``IncompleteBody`` when it ended too early or its length is not the announced one.
        """
        if self._state != "done":
            raise _incomplete()
        if self._decoded_bytes is not None and self._seen_bytes != self._decoded_bytes:
            raise _incomplete()

    def _take(self, piece: bytes) -> None:
        self._seen_bytes += len(piece)
        if self._decoded_bytes is not None and self._seen_bytes > self._decoded_bytes:
            raise _incomplete()
        if self._signer is not None:
            self._hash.update(piece)
        self._left -= len(piece)
        if self._left == 0:
            self._state = "data-end"

    def _read_line(self, data: bytes, at: int) -> int:
        """Collect up to the next line feed and act on the line; where to go on reading."""
        end = data.find(b"\n", at)
        if end < 0:
            self._line += data[at:]
            end = len(data) - 1
        else:
            self._line += data[at:end]
        if len(self._line) > _MAX_LINE_BYTES:
            raise _invalid("a line of the framing is too long")
        if data[end] == 0x0A:
            line = bytes(self._line).removesuffix(b"\r")
            self._line.clear()
            self._act(line)
        return end + 1

    def _act(self, line: bytes) -> None:
        match self._state:
            case "size":
                self._start_chunk(line)
            case "data-end":
                if line:
                    raise _invalid("a chunk is longer than its size says")
                self._end_chunk()
            case _:
                self._read_trailer(line)

    def _start_chunk(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        if not 0 < len(size) <= _MAX_SIZE_DIGITS or not _HEX.issuperset(size):
            raise _invalid(f"{size[:40]!r} is not a chunk size")
        self._left = int(size, 16)
        self._is_last = self._left == 0
        self._signature = _chunk_signature(extension) if self._has_signatures else ""
        self._state = "data"
        if self._is_last:
            self._end_chunk()

    def _end_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check_chunk(self._hash.hexdigest(), self._signature)
            self._hash = hashlib.sha256()
        self._state = "trailer" if self._is_last else "size"

    def _read_trailer(self, line: bytes) -> None:
        if not line:
            self._end_trailer()
            return
        self._trailer_bytes += len(line)
        name, colon, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        if not (self._has_trailer and colon and name) or self._trailer_bytes > _MAX_TRAILER_BYTES:
            raise ServiceError(
                "MalformedTrailerError", "The request contained trailing data that was not well-formed."
            )
        self.trailers[name] = value
        if name != "x-amz-trailer-signature":
            self._trailer_text += f"{name}:{value}\n"

    def _end_trailer(self) -> None:
        signature = self.trailers.get("x-amz-trailer-signature")
        if self._has_trailer and self._has_signatures and signature is None:
            if self._saw_blank:
                raise _unsigned("x-amz-trailer-signature")
            self._saw_blank = True  # one blank line may stand before the trailer's signature
            return
        if signature is not None and self._signer is not None:
            digest = hashlib.sha256(self._trailer_text.encode("latin-1")).hexdigest()
            self._signer.check_trailer(digest, signature)
        self.trailers.pop("x-amz-trailer-signature", None)
        self._state = "done"


def _chunk_signature(extension: bytes) -> str:
    name, _, value = extension.decode("latin-1").strip().partition("=")
    if name != "chunk-signature" or not value:
        raise _unsigned("chunk-signature")
    return value


def _unsigned(what: str) -> ServiceError:
    return ServiceError("SignatureDoesNotMatch", f"The chunked payload carries no {what}.", status=403)


def _invalid(why: str) -> ServiceError:
    return ServiceError("InvalidChunkSizeError", f"The aws-chunked payload is malformed: {why}.", status=400)


def _incomplete() -> ServiceError:
    return ServiceError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        status=400,
    )
