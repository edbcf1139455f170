"""Streams that have begun."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sagesse.core.body import Stream, begun
from sagesse.testing.object_store import collect


async def chunks(*parts: bytes | Exception, ends: list[str]) -> AsyncIterator[bytes]:
    try:
        for part in parts:
            if isinstance(part, Exception):
                raise part
            yield part
    finally:
        ends.append("ended")


@pytest.mark.parametrize("parts", [(), (b"a",), (b"a", b"b", b"c")])
def test_a_stream_that_has_begun_gives_all_its_bytes(parts: tuple[bytes, ...]) -> None:
    async def work() -> bytes:
        return await collect(await begun(Stream(chunks(*parts, ends=[]), 3)))

    assert asyncio.run(work()) == b"".join(parts)


def test_what_fails_at_once_fails_before_anything_is_sent() -> None:
    async def work() -> None:
        await begun(Stream(chunks(OSError("gone"), ends=[])))

    with pytest.raises(OSError, match="gone"):
        asyncio.run(work())


def test_a_stream_that_has_begun_can_be_left() -> None:
    ends: list[str] = []

    async def work() -> None:
        stream = await begun(Stream(chunks(b"a", b"b", ends=ends)))
        assert isinstance(stream, Stream)
        await stream.chunks.aclose()  # type: ignore[attr-defined]
        assert ends == ["ended"]

    asyncio.run(work())


def test_other_payloads_have_begun_already() -> None:
    assert asyncio.run(begun(b"bytes")) == b"bytes"
