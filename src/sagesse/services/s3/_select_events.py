"""The events of a running selection, which works in a thread of its own."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias

from sagesse.core.error import ServiceError
from sagesse.engines.select.base import Progress

Event: TypeAlias = dict[str, dict[str, Any]]

_LONGEST_PAYLOAD = 1 << 20
_PATIENCE_S = 1.0  # after which a client hears that there is still work


class Running(Protocol):
    """A selection."""

    progress: Progress

    def records(self) -> Iterator[bytes]:
        """The records, some at a time; empty to show that it goes on."""
        ...

    def stop(self) -> None:
        """Interrupt it."""
        ...


class SelectEvents:
    """Records, Progress, Cont, Stats and End.

    Args:
        begin: makes the selection, in the thread.
        slots: bounds how many selections work at the same time; waiting for a client takes no slot.
        delimiter: what ends records; payloads end with one where they can.
        has_progress: whether the client wants to hear of it every second.
    """

    def __init__(
        self, begin: Callable[[], Running], slots: asyncio.Semaphore, *, delimiter: bytes, has_progress: bool
    ) -> None:
        self._begin = begin
        self._slots = slots
        self._delimiter = delimiter
        self._has_progress = has_progress
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="select")
        self._selection: Running | None = None
        self._records: Iterator[bytes] = iter(())
        self._step: asyncio.Task[bytes | None] | None = None
        self._first: bytes | None = b""

    async def start(self) -> AsyncIterator[Event]:
        """Work up to the first records, so that what is wrong by then is a refusal and not an event.

        Raises:
            ServiceError: what is wrong with the request, the expression, or the beginning of the object.
        """
        try:
            self._step = asyncio.create_task(self._work(self._open))
            started = time.monotonic()
            while self._first == b"" and time.monotonic() - started < _PATIENCE_S:
                self._first = await self._next()
        except BaseException:
            await self._close()
            raise
        return self._events()

    async def _events(self) -> AsyncIterator[Event]:
        data, told = self._first, time.monotonic()
        try:
            while data is not None:
                for payload in _cut(data, self._delimiter):
                    yield {"Records": {"Payload": payload}}
                    told = time.monotonic()
                if self._step is None:
                    self._step = asyncio.create_task(self._work(self._advance))
                await asyncio.wait((self._step,), timeout=_PATIENCE_S)
                data = await self._next() if self._step.done() else b""
                if time.monotonic() - told >= _PATIENCE_S:
                    yield self._sign()
                    told = time.monotonic()
            if self._has_progress:
                yield {"Progress": {"Details": self._details()}}
            yield {"Stats": {"Details": self._details()}}
            yield {"End": {}}
        finally:
            await self._close()

    async def _next(self) -> bytes | None:
        """What the step under way yields, or a new one; None: there is no more."""
        step = self._step or asyncio.create_task(self._work(self._advance))
        try:
            return await step
        finally:
            self._step = None

    async def _work(self, step: Callable[[], bytes | None]) -> bytes | None:
        async with self._slots:
            return await asyncio.get_running_loop().run_in_executor(self._thread, step)

    def _open(self) -> bytes | None:
        self._selection = self._begin()
        self._records = self._selection.records()
        return self._advance()

    def _advance(self) -> bytes | None:
        try:
            return next(self._records, None)
        except OSError as error:
            raise ServiceError("InternalError", "The object cannot be read.", status=500) from error

    def _sign(self) -> Event:
        return {"Progress": {"Details": self._details()}} if self._has_progress else {"Cont": {}}

    def _details(self) -> dict[str, int]:
        progress = self._selection.progress if self._selection else Progress()
        return {
            "BytesScanned": progress.scanned,
            "BytesProcessed": progress.processed,
            "BytesReturned": progress.returned,
        }

    async def _close(self) -> None:
        """End the work; a step under way is interrupted."""
        if self._selection is not None:
            self._selection.stop()
        if self._step is not None:
            self._step.cancel()
            await asyncio.wait((self._step,))
        close = getattr(self._records, "close", None)
        if close is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown(wait=False)


def _cut(data: bytes, delimiter: bytes) -> Iterator[bytes]:
    """Payloads of bounded size, behind whole records where those are small enough."""
    while len(data) > _LONGEST_PAYLOAD:
        at = data.rfind(delimiter, 0, _LONGEST_PAYLOAD)
        size = at + len(delimiter) if at >= 0 else _LONGEST_PAYLOAD
        yield data[:size]
        data = data[size:]
    if data:
        yield data
