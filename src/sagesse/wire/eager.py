"""Coroutines that begin at once: most requests never wait for anything, and need no task then."""

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, cast


def begin(coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None] | None:
    """Run `coroutine` here until it first waits.

    Up to there it has no task of its own: `asyncio.timeout` and the like need a wait before them.

    Returns:
        The task that runs the rest, or None when there is none.
    """
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    return loop.create_task(cast("Coroutine[Any, Any, None]", _rest(coroutine, waits_for)))


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, None, None]:
    """Hand on what the coroutine waits for, and what the task says when that is there."""
    while True:
        try:
            try:
                yield waits_for
            except BaseException as error:
                waits_for = coroutine.throw(error)
            else:
                waits_for = coroutine.send(None)
        except StopIteration:
            return
