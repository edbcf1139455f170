"""The gateway's end of a connection, against servers that do not behave."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from sagesse.engines.serving.base import Invocation, InvocationTimeout, Overloaded, ServerGone, WorkerDied
from sagesse.engines.serving.wire import Wire
from sagesse.runtime.serve.frame import write_ping, write_reply
from sagesse.runtime.serve.message import Reply


def _against(play: Callable[[Wire, socket.socket], Awaitable[None]]) -> None:
    """Run `play` with a wire and the socket of the server it talks to."""

    async def run() -> None:
        here, there = socket.socketpair()
        here.setblocking(False)
        there.setblocking(False)
        _, wire = await asyncio.get_running_loop().create_unix_connection(Wire, sock=here)
        try:
            await play(wire, there)
        finally:
            there.close()
            wire.close()
            await wire.lost

    uvloop.run(run())


async def _sent(there: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(there, 65536), 10)


def test_replies_in_any_order_find_their_requests() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = [asyncio.ensure_future(wire.invoke(Invocation(b"x"))) for _ in range(2)]
        await _sent(there)
        there.send(write_reply(2, Reply(200, b"two")) + write_reply(1, Reply(200, b"one")))

        assert [answer.body for answer in await asyncio.gather(*asked)] == [b"one", b"two"]

    _against(play)


def test_requests_of_one_tick_are_sent_together() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = [asyncio.ensure_future(wire.invoke(Invocation(b"x"))) for _ in range(50)]

        assert (await _sent(there)).count(b"x") == 50
        for task in asked:
            task.cancel()

    _against(play)


def test_a_server_that_ends_may_be_asked_again() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = asyncio.ensure_future(wire.invoke(Invocation(b"x")))
        await _sent(there)
        there.close()

        with pytest.raises(WorkerDied) as died:
            await asked
        assert died.value.may_retry

    _against(play)


def test_a_reply_that_had_begun_is_not_asked_for_again() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = asyncio.ensure_future(wire.invoke(Invocation(b"x")))
        await _sent(there)
        there.send(write_reply(1, Reply(200, b"cut off"))[:-3])
        there.close()

        with pytest.raises(WorkerDied) as died:
            await asked
        assert not died.value.may_retry

    _against(play)


def test_a_lost_connection_takes_no_requests() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        there.close()
        await wire.lost

        with pytest.raises(ServerGone):
            await wire.invoke(Invocation(b"x"))

    _against(play)


def test_a_late_reply_is_dropped() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = asyncio.ensure_future(wire.invoke(Invocation(b"x", timeout_s=-1)))
        await _sent(there)
        wire.check(patience_s=10, busy_patience_s=10)
        with pytest.raises(InvocationTimeout):
            await asked
        there.send(write_reply(1, Reply(200)))

        again = asyncio.ensure_future(wire.invoke(Invocation(b"y")))
        await _sent(there)
        there.send(write_reply(3, Reply(200, b"fine")))  # the ping took 2
        assert (await again).body == b"fine"

    _against(play)


def test_a_server_with_nothing_to_do_must_answer_a_ping() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        assert wire.check(patience_s=-1, busy_patience_s=10) == ""
        assert "has not answered" in wire.check(patience_s=-1, busy_patience_s=10)

    _against(play)


def test_an_answered_ping_is_healthy() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        wire.check(patience_s=-1, busy_patience_s=-1)
        heard = wire.heard
        there.send(write_ping(1))
        while wire.heard == heard:
            await asyncio.sleep(0)

        assert wire.check(patience_s=-1, busy_patience_s=-1) == ""

    _against(play)


def test_a_busy_server_has_more_time_for_a_ping() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = asyncio.ensure_future(wire.invoke(Invocation(b"x")))
        await _sent(there)
        wire.check(patience_s=-1, busy_patience_s=10)

        assert wire.check(patience_s=-1, busy_patience_s=10) == ""
        asked.cancel()

    _against(play)


def test_retries_are_sent_one_at_a_time() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = [asyncio.ensure_future(wire.invoke(Invocation(b"x", is_retry=True))) for _ in range(2)]
        assert (await _sent(there)).count(b"x") == 1
        there.send(write_reply(1, Reply(200)))
        await asked[0]

        assert (await _sent(there)).count(b"x") == 1
        asked[1].cancel()

    _against(play)


def test_too_many_requests_are_refused() -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = [asyncio.ensure_future(wire.invoke(Invocation(b"x"))) for _ in range(1000)]
        await asyncio.sleep(0)

        with pytest.raises(Overloaded):
            await wire.invoke(Invocation(b"x"))
        for task in asked:
            task.cancel()

    _against(play)


@given(st.binary(min_size=1, max_size=80))
def test_garbage_ends_the_connection_and_nothing_else(garbage: bytes) -> None:
    async def play(wire: Wire, there: socket.socket) -> None:
        asked = asyncio.ensure_future(wire.invoke(Invocation(b"x")))
        await _sent(there)
        there.send(garbage)
        there.close()

        with pytest.raises(WorkerDied):
            await asked

    _against(play)
