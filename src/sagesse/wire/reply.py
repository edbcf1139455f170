"""Sending a `WireReply` over ASGI."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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
_LENGTH = "content-length"  # as the codecs and uvicorn spell it


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
        TimeoutError: the client took nothing for a minute.
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
    fields, said = reply.headers, dict(reply.headers).get(_LENGTH)
    if not has_body:
        if said is not None or reply.status in _NO_BODY:
            return fields
        size_bytes = _size(reply.body)
    length = None if size_bytes is None else str(size_bytes)
    if said is not None and said != length:  # the payload knows better
        fields, said = [field for field in fields if field[0] != _LENGTH], None
    return fields if said is not None or length is None else [*fields, (_LENGTH, length)]


def _head(fields: _Fields) -> bytes:
    """The headers as they go over the wire."""
    text = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if text.isascii() and text.count("\r\n") == len(fields) and text.replace("\r\n", "").isprintable():
        return text.encode("ascii")
    return b"".join([b"%s: %s\r\n" % (_encoded(name), _encoded(value)) for name, value in fields])


def _encoded(text: str) -> bytes:
    """`text` with spaces for control characters, which would start another header; Latin-1 where it fits."""
    text = "".join(character if character >= " " and character != "\x7f" else " " for character in text)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _start(status: int, fields: _Fields, *, is_last: bool) -> dict[str, Any]:
    headers: _Headers = [(_encoded(name), _encoded(value)) for name, value in fields]
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
    try:
        if has_body:
            await _send_parts(body.chunks, send, exchange)
    finally:
        close = getattr(body.chunks, "aclose", None)
        if close is not None:
            await close()
    await send({"type": "http.response.body", "body": b""})


async def _send_parts(chunks: AsyncIterator[bytes], send: Send, exchange: Exchange | None) -> None:
    async for chunk in chunks:
        if exchange is not None:
            await exchange.drained()
            if exchange.is_gone:
                break
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


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
        if exchange is not None:
            await exchange.drained()
        await send({"type": "http.response.body", "body": data, "more_body": True})
