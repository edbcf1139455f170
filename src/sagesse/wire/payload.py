"""The body of a request as it arrives: read whole within bounds, or streamed, de-chunked and checked.

Nothing here holds more than the piece at hand. A stream's digest, signatures, trailers and length are
checked when it ends, so whoever consumes it acts only after the iteration is over.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from sagesse.core.error import ServiceError
from sagesse.wire.chunked import ChainedSigner, ChunkDecoder
from sagesse.wire.inflate import too_large
from sagesse.wire.sigv4 import EMPTY_SHA256, UNSIGNED, Signature, payload_digest, signing_key

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_CHUNKED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_PLAIN_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_STREAMING = (_CHUNKED, _CHUNKED_TRAILER, _PLAIN_TRAILER)
_OF_NOTHING = (None, EMPTY_SHA256)
_HASH_BATCH_BYTES = 1 << 20
_SMALL_BYTES = 64 * 1024


class Body:
    """The body of one HTTP request, in the pieces the server received.

    Args:
        receive: ASGI's.
        size_bytes: the announced length; None for a body of unknown length.
        timeout_s: how long a client may send nothing.
        is_here: whether `receive` will answer at once; spares the timer then.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Any]],
        *,
        size_bytes: int | None,
        timeout_s: float,
        is_here: Callable[[], bool],
    ) -> None:
        self.size_bytes = size_bytes
        self.is_complete = size_bytes == 0
        self._receive = receive
        self._timeout_s = timeout_s
        self._is_here = is_here

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces.

        Raises:
            ServiceError: the client went away or sent nothing for too long.
        """
        while not self.is_complete:
            if piece := await self._next():
                yield piece

    async def read(self, limit_bytes: int) -> bytes:
        """All of it.

        Raises:
            ServiceError: 413 beyond `limit_bytes`, before reading where the length is announced; as iterating.
        """
        if self.size_bytes is not None and self.size_bytes > limit_bytes:
            raise too_large(limit_bytes)
        if self.is_complete:
            return b""
        first = await self._next()
        if self.is_complete and len(first) <= limit_bytes:
            return first
        return first + await read_all(self, None, limit_bytes - len(first))

    async def _next(self) -> bytes:
        if self._is_here():
            message = await self._receive()
        else:
            try:
                async with asyncio.timeout(self._timeout_s):
                    message = await self._receive()
            except TimeoutError:
                raise ServiceError(
                    "RequestTimeout",
                    "Your socket connection to the server was not read from or written to within the timeout "
                    "period. Idle connections will be closed.",
                    status=400,
                ) from None
        if message["type"] == "http.disconnect":
            raise ServiceError("IncompleteBody", "The client closed the connection.", status=400)
        self.is_complete = not message.get("more_body", False)
        return message.get("body", b"")


async def read_all(pieces: AsyncIterable[bytes], size_bytes: int | None, limit_bytes: int) -> bytes:
    """All bytes of `pieces`, at most `limit_bytes`.

    Raises:
        ServiceError: 413 beyond the limit.
    """
    if size_bytes is not None and size_bytes > limit_bytes:
        raise too_large(limit_bytes)
    parts: list[bytes] = []
    left = limit_bytes
    async for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise too_large(limit_bytes)
        parts.append(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class PayloadForm(NamedTuple):
    """How an S3 payload is signed: what stands for it in the canonical request, and what must be checked."""

    canonical: str
    digest: str | None  # of a payload signed as a whole

    @property
    def is_chunked(self) -> bool:
        """Whether the payload has aws-chunked framing."""
        return self.canonical in _STREAMING

    @property
    def fits_nothing(self) -> bool:
        """Whether an empty body is what was declared."""
        return self.digest in _OF_NOTHING and not self.is_chunked


def s3_payload_form(headers: dict[str, str], signature: Signature | None) -> PayloadForm:
    """The payload form an S3 request declares.

    Raises:
        ServiceError: none is declared, or one that does not exist.
    """
    declared = headers.get("x-amz-content-sha256")
    if declared is None:
        if signature is None or signature.is_presigned:
            return PayloadForm(UNSIGNED, None)
        raise ServiceError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    if declared == UNSIGNED or declared in _STREAMING:
        return PayloadForm(declared, None)
    if _SHA256.fullmatch(declared):
        return PayloadForm(declared, declared)
    raise ServiceError(
        "InvalidArgument",
        f"x-amz-content-sha256 must be {UNSIGNED}, {', '.join(_STREAMING)}, or a valid sha256 value.",
        status=400,
    )


class PayloadUpload:
    """An `Upload` over a request body: de-chunked, and checked against what was signed.

    Args:
        body: the body as it arrives.
        form: how it is signed.
        headers: the request's, for lengths and announced trailers.
        signature: the seed of signed chunks; None when the chunks' signatures cannot or need not be checked.
        secret: the key that signed them.
    """

    def __init__(
        self,
        body: Body,
        form: PayloadForm,
        headers: dict[str, str],
        *,
        signature: Signature | None = None,
        secret: str | None = None,
    ) -> None:
        self.trailers: dict[str, str] = {}
        self._body = body
        self._digest = form.digest
        self._size_bytes = body.size_bytes
        self._decoder: ChunkDecoder | None = None
        self._announced = [
            name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()
        ]
        if form.is_chunked:
            self._size_bytes = _decoded_length(headers)
            self._decoder = ChunkDecoder(
                signer=_signer(form, signature, secret),
                has_signatures=form.canonical != _PLAIN_TRAILER,
                has_trailer=form.canonical != _CHUNKED,
                decoded_bytes=self._size_bytes,
            )

    @property
    def size_bytes(self) -> int | None:
        """Length of the decoded payload, where the client announced it."""
        return self._size_bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The decoded pieces; see `core.body.Upload`."""
        is_small = self._size_bytes is not None and self._size_bytes <= _SMALL_BYTES
        if is_small and self._decoder is None and self._digest is not None:
            return _Once(self._whole())
        return self._pieces()

    async def _whole(self) -> bytes:
        data = await self._body.read(_SMALL_BYTES)
        self._check_digest(payload_digest(data))
        return data

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._decoder is not None:
            async for piece in self._body:
                for part in self._decoder.feed(piece):
                    yield part
            self._finish(self._decoder)
            return
        if self._digest is None:
            async for piece in self._body:
                yield piece
            return
        digest = _Digest()
        async for piece in self._body:
            await digest.update(piece)
            yield piece
        self._check_digest(await digest.finish())

    async def read(self, limit_bytes: int) -> bytes:
        """All of it, checked.

        Raises:
            ServiceError: 413 beyond `limit_bytes`.
        """
        return await read_all(self, self._size_bytes, limit_bytes)

    def _check_digest(self, computed: str) -> None:
        if computed != self._digest:
            raise ServiceError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                status=400,
            )

    def _finish(self, decoder: ChunkDecoder) -> None:
        decoder.finish()
        self.trailers = decoder.trailers
        if missing := [name for name in self._announced if name not in self.trailers]:
            raise ServiceError(
                "MalformedTrailerError", f"The announced trailer {missing[0]!r} did not come.", status=400
            )


class _Once:
    """One piece that is still to come; much less than a generator, which the event loop keeps a list of."""

    def __init__(self, piece: Coroutine[Any, Any, bytes]) -> None:
        self._piece: Coroutine[Any, Any, bytes] | None = piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._piece is None:
            raise StopAsyncIteration
        piece, self._piece = self._piece, None
        return await piece


class _Digest:
    """SHA-256 of a stream, computed in a worker thread while the next pieces arrive."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._running: asyncio.Future[None] | None = None

    async def update(self, piece: bytes) -> None:
        self._batch.append(piece)
        self._batch_bytes += len(piece)
        if self._batch_bytes < _HASH_BATCH_BYTES:
            return
        if self._running is not None:
            await self._running
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        self._running = asyncio.get_running_loop().run_in_executor(None, self._add, batch)

    async def finish(self) -> str:
        if self._running is not None:
            await self._running
        self._add(self._batch)
        return self._hash.hexdigest()

    def _add(self, batch: list[bytes]) -> None:
        for piece in batch:
            self._hash.update(piece)


def without_chunking(headers: dict[str, str]) -> None:
    """Make `headers` describe the decoded payload: its length, and no aws-chunked among its encodings."""
    headers["content-length"] = headers["x-amz-decoded-content-length"]
    encodings = [part.strip() for part in headers.get("content-encoding", "").split(",")]
    kept = [part for part in encodings if part and part.lower() != "aws-chunked"]
    headers.pop("content-encoding", None)
    if kept:
        headers["content-encoding"] = ",".join(kept)


def _decoded_length(headers: dict[str, str]) -> int:
    text = headers.get("x-amz-decoded-content-length", "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ServiceError(
            "MissingContentLength", "You must provide the Content-Length HTTP header.", status=411
        )
    return int(text)


def _signer(form: PayloadForm, signature: Signature | None, secret: str | None) -> ChainedSigner | None:
    if signature is None or secret is None or form.canonical == _PLAIN_TRAILER:
        return None
    key = signing_key(secret, signature.date, signature.region, signature.service)
    return ChainedSigner(key, timestamp=signature.timestamp, scope=signature.scope, seed=signature.value)
