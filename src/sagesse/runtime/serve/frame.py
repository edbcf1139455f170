"""Frames: how the gateway and a model server talk over one unix socket.

A frame is a header (``!IIH``: bytes after the header, id, bytes of the head), a head (a MessagePack array of the
small fields) and a body (raw bytes, never copied through a codec). Many requests are under way at once; a reply
carries the id of its request and replies come in any order. A frame with nothing after its header is a ping, and
is answered by the same frame.
"""

import struct
from typing import NamedTuple, TypeVar

import msgspec

from sagesse.runtime.serve.message import MAX_BODY_BYTES, Reply, Request

_HEADER = struct.Struct("!IIH")
_MAX_FRAME_BYTES = MAX_BODY_BYTES + 64 * 1024
_encoder = msgspec.msgpack.Encoder()


class FrameError(Exception):
    """The other side does not speak frames; the connection is of no more use."""


class Frame(NamedTuple):
    """One frame as it came, its head not decoded yet."""

    id: int
    head: bytes
    body: bytes

    @property
    def is_ping(self) -> bool:
        """Whether this frame only asks (or says) that its sender lives."""
        return not self.head


class _RequestHead(msgspec.Struct, array_like=True, gc=False):
    content_type: str
    accept: str
    custom_attributes: str
    inference_id: str


class _ReplyHead(msgspec.Struct, array_like=True, gc=False):
    status: int
    content_type: str
    latency_us: int
    custom_attributes: str


_read_request_head = msgspec.msgpack.Decoder(_RequestHead)
_read_reply_head = msgspec.msgpack.Decoder(_ReplyHead)
H = TypeVar("H", _RequestHead, _ReplyHead)


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = 0  # bytes that must be there before looking again is worth it

    def feed(self, data: bytes) -> list[Frame]:
        """Take what one read delivered; the frames it completed.

        Raises:
            FrameError: a length out of bounds.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        frames: list[Frame] = []
        position = 0
        while len(data) - position >= _HEADER.size:
            length, id, head_length = _HEADER.unpack_from(data, position)
            if length > _MAX_FRAME_BYTES or head_length > length or (length and not head_length):
                raise FrameError(f"a frame of {length} bytes with a head of {head_length}")
            start = position + _HEADER.size
            if len(data) - start < length:
                self._wanted = _HEADER.size + length
                break
            body = start + head_length
            frames.append(Frame(id, data[start:body], data[body : start + length]))
            position = start + length
        else:
            self._wanted = _HEADER.size
        self._rest += memoryview(data)[position:]
        return frames

    def unfinished_id(self) -> int | None:
        """The id of the frame that has begun and not ended, if any."""
        if len(self._rest) < _HEADER.size:
            return None
        return int(_HEADER.unpack_from(self._rest)[1])


def write_ping(id: int) -> bytes:
    """A ping frame."""
    return _HEADER.pack(0, id, 0)


def write_request(id: int, request: Request) -> bytes:
    """The frame of a request."""
    head = _RequestHead(request.content_type, request.accept, request.custom_attributes, request.inference_id)
    return _write(id, _encoder.encode(head), request.body)


def write_reply(id: int, reply: Reply) -> bytes:
    """The frame of a reply."""
    head = _ReplyHead(reply.status, reply.content_type, reply.latency_us, reply.custom_attributes)
    return _write(id, _encoder.encode(head), reply.body)


def read_request(frame: Frame) -> Request:
    """The request in a frame.

    Raises:
        FrameError: the head is not a request's.
    """
    head = _decode(_read_request_head, frame)
    return Request(frame.body, head.content_type, head.accept, head.custom_attributes, head.inference_id)


def read_reply(frame: Frame) -> Reply:
    """The reply in a frame.

    Raises:
        FrameError: the head is not a reply's.
    """
    head = _decode(_read_reply_head, frame)
    return Reply(head.status, frame.body, head.content_type, head.latency_us, head.custom_attributes)


def _write(id: int, head: bytes, body: bytes) -> bytes:
    return b"".join((_HEADER.pack(len(head) + len(body), id, len(head)), head, body))


def _decode(decoder: "msgspec.msgpack.Decoder[H]", frame: Frame) -> H:
    try:
        return decoder.decode(frame.head)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FrameError(f"frame {frame.id}: {error}") from error
