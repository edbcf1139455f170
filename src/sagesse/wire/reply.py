"""Sending a `WireReply` over ASGI."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from sagesse.core.body import FileSlice, Payload, Stream
from sagesse.wire.front import Exchange
from sagesse.wire.message import WireReply

_Fields: TypeAlias = list[tuple[str, str]]
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
    fields = _fields(reply, _size(body) if has_body else None, has_body=has_body)
    if isinstance(body, Stream):
        await send(_start(reply.status, fields, is_last=is_last))
        await _send_stream(body, send, exchange, has_body=has_body)
    else:
        data = body if has_body and isinstance(body, bytes) else b""
        await _send_bytes(reply.status, fields, data, send=send, exchange=exchange, is_last=is_last)


def _fields(reply: WireReply, size_bytes: int | None, *, has_body: bool) -> _Fields:
    """The headers of the reply, the right length among them."""
    fields: _Fields = []
    has_length = False
    for name, value in reply.headers:
        if name.lower() == "content-length":
            if has_body or has_length:
                continue  # the payload's own size is said below
            has_length = True
        fields.append((name, value if value.isprintable() else _printable(value)))
    if size_bytes is None and not has_body and not has_length and reply.status not in _NO_BODY:
        size_bytes = _size(reply.body)
    if size_bytes is not None:
        fields.append(("content-length", str(size_bytes)))
    return fields


def _printable(value: str) -> str:
    """`value` with spaces for control characters, which would start another header."""
    return "".join(character if character >= " " and character != "\x7f" else " " for character in value)


def _head(fields: _Fields) -> bytes:
    """The headers as they go over the wire."""
    try:
        return "".join([f"{name}: {value}\r\n" for name, value in fields]).encode("latin-1")
    except UnicodeEncodeError:
        return b"".join([b"%s: %s\r\n" % (name.encode(), _encoded(value)) for name, value in fields])


def _encoded(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()


def _start(status: int, fields: _Fields, *, is_last: bool) -> dict[str, Any]:
    headers: _Headers = [(name.encode("latin-1"), _encoded(value)) for name, value in fields]
    closing = [(b"connection", b"close")] if is_last else []
    return {"type": "http.response.start", "status": status, "headers": headers + closing}


def _size(body: Payload) -> int | None:
    return len(body) if isinstance(body, bytes) else body.size_bytes


async def _send_bytes(
    status: int, fields: _Fields, body: bytes, *, send: Send, exchange: Exchange | None, is_last: bool
) -> None:
    if exchange is not None and len(body) <= _INLINE_BYTES:
        await exchange.answer(status, _head(fields), body, is_last=is_last)
        return
    await send(_start(status, fields, is_last=is_last))
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
        fields = _fields(reply, piece.size_bytes, has_body=True)
        if piece.size_bytes <= _INLINE_BYTES:
            data = os.pread(descriptor, piece.size_bytes, piece.offset)
            await _send_bytes(reply.status, fields, data, send=send, exchange=exchange, is_last=is_last)
            return
        await send(_start(reply.status, fields, is_last=is_last))
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
