"""What a reply looks like on the wire."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.body import FileSlice, Payload, Stream
from sagesse.wire.message import WireReply
from sagesse.wire.reply import send_reply


def sent(
    body: Payload,
    *,
    status: int = 200,
    method: str = "GET",
    headers: list[tuple[str, str]] | None = None,
    **options: Any,
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The headers and the body a reply becomes."""
    messages: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        messages.append(message)

    reply = WireReply(status, headers or [], body)
    asyncio.run(send_reply(reply, method=method, send=send, exchange=None, **options))
    return messages[0]["headers"], b"".join(message.get("body", b"") for message in messages[1:])


async def two() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


def test_bytes_carry_their_length() -> None:
    assert sent(b"abc") == ([(b"content-length", b"3")], b"abc")


def test_the_payloads_own_length_wins() -> None:
    assert sent(b"abc", headers=[("content-length", "9")])[0] == [(b"content-length", b"3")]


def test_head_keeps_the_length_it_describes() -> None:
    assert sent(b"", method="HEAD", headers=[("content-length", "9")]) == ([(b"content-length", b"9")], b"")


@pytest.mark.parametrize("status", [204, 304])
def test_a_reply_that_has_no_body_says_no_length(status: int) -> None:
    assert sent(b"abc", status=status) == ([], b"")


def test_a_stream_of_unknown_length_is_chunked_by_the_server() -> None:
    assert sent(Stream(two())) == ([], b"ab")


def test_a_stream_of_known_length_says_it() -> None:
    assert sent(Stream(two(), 2)) == ([(b"content-length", b"2")], b"ab")


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_slice_of_a_file_is_sent(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 5 + b"y" * size + b"z")
    headers, body = sent(FileSlice(path, 5, size))
    assert headers == [(b"content-length", str(size).encode())]
    assert body == b"y" * size


def test_a_missing_file_fails_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sent(FileSlice(tmp_path / "none", 0, 5))


def test_control_characters_cannot_start_another_header() -> None:
    headers, _ = sent(b"", headers=[("X", "a\r\nSet-Cookie: b\0")])
    assert headers[0] == (b"X", b"a  Set-Cookie: b ")


def test_the_last_reply_says_so() -> None:
    assert (b"connection", b"close") in sent(b"", is_last=True)[0]
