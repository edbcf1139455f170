"""Frames: written, cut anywhere, read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.runtime.serve.frame import (
    FrameError,
    FrameReader,
    read_reply,
    read_request,
    write_ping,
    write_reply,
    write_request,
)
from sagesse.runtime.serve.message import MAX_BODY_BYTES, Reply, Request

_TEXT = st.text(max_size=20)
_REQUESTS = st.builds(Request, st.binary(max_size=200), _TEXT, _TEXT, _TEXT, _TEXT)
_REPLIES = st.builds(
    Reply, st.integers(100, 599), st.binary(max_size=200), _TEXT, st.integers(0, 10**9), _TEXT
)


def _cut(data: bytes, step: int) -> list[bytes]:
    return [data[start : start + step] for start in range(0, len(data), step)]


@given(st.lists(_REQUESTS, max_size=6), st.integers(1, 60))
def test_requests_cut_anywhere_are_read_as_written(requests: list[Request], step: int) -> None:
    reader = FrameReader()
    data = b"".join(write_request(id, request) for id, request in enumerate(requests))

    found = [frame for piece in _cut(data, step) for frame in reader.feed(piece)]

    assert [frame.id for frame in found] == list(range(len(requests)))
    assert [read_request(frame) for frame in found] == requests
    assert reader.unfinished_id() is None


@given(_REPLIES)
def test_a_reply_is_read_as_written(reply: Reply) -> None:
    (frame,) = FrameReader().feed(write_reply(7, reply))

    assert read_reply(frame) == reply


def test_a_ping_is_no_request() -> None:
    ping, request = FrameReader().feed(write_ping(1) + write_request(2, Request(b"")))

    assert ping.is_ping
    assert not request.is_ping


def test_the_id_of_an_unfinished_frame_is_known() -> None:
    reader = FrameReader()

    reader.feed(write_request(9, Request(b"long enough"))[:-1])

    assert reader.unfinished_id() == 9


@pytest.mark.parametrize(
    "data",
    [b"\xff" * 10, b"\0\0\0\1" + b"\0" * 4 + b"\0\2", b"\0\0\0\1" + b"\0" * 6],
    ids=["long", "head", "no head"],
)
def test_lengths_out_of_bounds_are_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(data)


def test_the_largest_body_passes() -> None:
    request = Request(bytes(MAX_BODY_BYTES))

    (frame,) = FrameReader().feed(write_request(1, request))

    assert read_request(frame) == request


@given(st.binary(max_size=100), st.integers(1, 20))
def test_any_bytes_are_frames_or_a_frame_error(data: bytes, step: int) -> None:
    reader = FrameReader()
    try:
        for piece in _cut(data, step):
            for frame in reader.feed(piece):
                read_request(frame)
    except FrameError:
        pass
