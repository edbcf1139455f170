"""Sending a `WireReply` over ASGI."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from sagesse.core.body import FileSlice, Payload, Stream
from sagesse.wire.front import Exchange
from sagesse.wire.message import WireReply

_Headers: TypeAlias = list[tuple[bytes, bytes]]
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
    headers = _headers(reply, _size(body) if has_body else None, has_body=has_body)
    if isinstance(body, Stream):
        await send(_start(reply.status, headers, is_last=is_last))
        await _send_stream(body, send, exchange, has_body=has_body)
    else:
        data = body if has_body and isinstance(body, bytes) else b""
        await _send_bytes(reply.status, headers, data, send=send, exchange=exchange, is_last=is_last)


def _headers(reply: WireReply, size_bytes: int | None, *, has_body: bool) -> _Headers:
    headers: _Headers = []
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
    return headers


def _start(status: int, headers: _Headers, *, is_last: bool) -> dict[str, Any]:
    closing = [(b"connection", b"close")] if is_last else []
    return {"type": "http.response.start", "status": status, "headers": headers + closing}


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


async def _send_bytes(
    status: int, headers: _Headers, body: bytes, *, send: Send, exchange: Exchange | None, is_last: bool
) -> None:
    if exchange is not None and len(body) <= _INLINE_BYTES:
        await exchange.answer(status, headers, body, is_last=is_last)
        return
    await send(_start(status, headers, is_last=is_last))
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
        headers = _headers(reply, piece.size_bytes, has_body=True)
        if piece.size_bytes <= _INLINE_BYTES:
            data = os.pread(descriptor, piece.size_bytes, piece.offset)
            await _send_bytes(reply.status, headers, data, send=send, exchange=exchange, is_last=is_last)
            return
        await send(_start(reply.status, headers, is_last=is_last))
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
