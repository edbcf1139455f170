"""Sending a `WireReply` over ASGI."""

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any, TypeAlias

from sagesse.core.body import FileSlice, Payload, Stream
from sagesse.wire.front import Exchange
from sagesse.wire.message import WireReply

Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]

_INLINE_BYTES = 64 * 1024  # smaller files are read and sent in one write
_CHUNK_BYTES = 1 << 20
_NO_BODY = frozenset((204, 304))


async def send_reply(
    reply: WireReply, *, method: str, send: Send, exchange: Exchange | None, is_last: bool = False
) -> None:
    """Send a reply.

    Args:
        reply: what to send.
        method: the request's; HEAD gets no body but keeps the headers that describe it.
        send: ASGI's.
        exchange: the connection under it, None under another server than ours.
        is_last: close the connection afterwards.

    Raises:
        OSError: a file slice cannot be read; nothing was sent then.
    """
    has_body = method != "HEAD" and reply.status not in _NO_BODY
    body = reply.body
    if isinstance(body, FileSlice) and has_body:
        await _send_file(body, reply, send=send, exchange=exchange, is_last=is_last)
        return
    start = _start(reply, _size(body) if has_body else None, is_last=is_last, has_body=has_body)
    if isinstance(body, Stream):
        await send(start)
        await _send_stream(body, send, exchange, has_body=has_body)
    else:
        await _send_bytes(start, body if has_body and isinstance(body, bytes) else b"", send, exchange)


def _start(reply: WireReply, size_bytes: int | None, *, is_last: bool, has_body: bool) -> dict[str, Any]:
    headers: list[tuple[bytes, bytes]] = []
    has_length = False
    for name, value in reply.headers:
        if name.lower() == "content-length":
            if has_body or has_length:
                continue  # the payload's own size is said below
            has_length = True
        headers.append((name.encode("latin-1"), _header_value(value)))
    if size_bytes is not None:
        headers.append((b"content-length", b"%d" % size_bytes))
    elif not has_body and not has_length and reply.status not in _NO_BODY:
        size = _size(reply.body)
        if size is not None:
            headers.append((b"content-length", b"%d" % size))
    if is_last:
        headers.append((b"connection", b"close"))
    return {"type": "http.response.start", "status": reply.status, "headers": headers}


def _header_value(value: str) -> bytes:
    """`value` in bytes; control characters, which would start another header, become spaces."""
    if not value.isprintable():
        value = "".join(character if character >= " " and character != "\x7f" else " " for character in value)
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()


def _size(body: Payload) -> int | None:
    return len(body) if isinstance(body, bytes) else body.size_bytes


async def _send_bytes(start: Mapping[str, Any], body: bytes, send: Send, exchange: Exchange | None) -> None:
    whole = exchange.joined() if exchange is not None and len(body) <= _INLINE_BYTES else nullcontext()
    with whole:
        await send(start)
        await send({"type": "http.response.body", "body": body})


async def _send_stream(body: Stream, send: Send, exchange: Exchange | None, *, has_body: bool) -> None:
    if has_body:
        async for chunk in body.chunks:
            if exchange is not None and exchange.is_gone:
                break
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    close = getattr(body.chunks, "aclose", None)
    if close is not None:
        await close()
    await send({"type": "http.response.body", "body": b""})


async def _send_file(
    piece: FileSlice, reply: WireReply, *, send: Send, exchange: Exchange | None, is_last: bool
) -> None:
    descriptor = os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        start = _start(reply, piece.size_bytes, is_last=is_last, has_body=True)
        if piece.size_bytes <= _INLINE_BYTES:
            data = os.pread(descriptor, piece.size_bytes, piece.offset)
            await _send_bytes(start, data, send, exchange)
            return
        await send(start)
        if exchange is not None and exchange.can_send_file:
            await exchange.send_file(descriptor, offset=piece.offset, size_bytes=piece.size_bytes)
        else:
            await _send_chunks(descriptor, piece, send, exchange)
        await send({"type": "http.response.body", "body": b""})
    finally:
        os.close(descriptor)


async def _send_chunks(descriptor: int, piece: FileSlice, send: Send, exchange: Exchange | None) -> None:
    at, end = piece.offset, piece.offset + piece.size_bytes
    while at < end and not (exchange is not None and exchange.is_gone):
        data = os.pread(descriptor, min(_CHUNK_BYTES, end - at), at)
        if not data:
            raise EOFError
        at += len(data)
        await send({"type": "http.response.body", "body": data, "more_body": True})
