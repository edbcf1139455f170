"""A process with one thread that forks writers, follows them and says what they did.

Usage: nursery.py. Each line on standard input is a `Task` in JSON; each answer is a pickled `Died`, its length first.
"""

import asyncio
import json
import os
import pickle
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from tests.engines.objects.crash import step, trace

ROOT = Path(__file__).parents[4]


class Task(NamedTuple):
    """Perform steps in the store in `folder`, and die before the change of that number (0: never)."""

    folder: str
    steps: list[step.Step]
    cut_before: int = 0
    makes_buckets: bool = False
    keeps: bool = False


class Nursery:
    """The process, as a context.

    Raises:
        CannotTrace: this machine does not let processes trace their children.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.engines.objects.crash.nursery"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def run(self, folder: Path, steps: list[step.Step], **more: Any) -> trace.Died:
        """Have steps performed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        task = Task(str(folder), steps, **more)
        self._process.stdin.write(json.dumps(task).encode() + b"\n")
        self._process.stdin.flush()
        (size,) = struct.unpack("I", self._process.stdout.read(4))
        answer = pickle.loads(self._process.stdout.read(size))
        if isinstance(answer, trace.CannotTrace):
            raise answer
        return trace.Died(answer[0], [trace.Event(*event) for event in answer[1]], answer[2])


def told(died: trace.Died) -> list[str]:
    """The lines a child told: `open` once the store is, then the number of each step that was acknowledged."""
    return [event.data.decode() for event in died.events if event.kind == "told"]


def acknowledged(died: trace.Died) -> int:
    """How many steps were."""
    return sum(line.isdecimal() for line in told(died))


def _checkpoint_often(connection: sqlite3.Connection) -> None:
    """Have the log copied into the database every few steps, as a long life does now and then."""
    connection.execute("PRAGMA wal_autocheckpoint=8")


async def _perform(task: Task, descriptor: int) -> None:
    store = step.open_store(Path(task.folder))
    await store._database.write_async(_checkpoint_often)
    if task.makes_buckets:
        await step.make_buckets(store)
    os.write(descriptor, b"open")
    for number, one in enumerate(task.steps):
        await step.perform(store, tuple(one))
        os.write(descriptor, b"%d" % number)
    store.close()


def _answer(line: bytes, output: int) -> None:
    task = Task(*json.loads(line))
    try:
        died = trace.run(
            lambda descriptor: asyncio.run(_perform(task, descriptor)),
            cut_before=task.cut_before,
            keeps=task.keeps,
            folder=str(Path(task.folder).parent),
        )
        answer: Any = (died.status, [tuple(event) for event in died.events], died.was_cut)
    except trace.CannotTrace as error:
        answer = error
    data = pickle.dumps(answer)
    data = struct.pack("I", len(data)) + data
    while data:
        data = data[os.write(output, data) :]


def main() -> None:
    output = os.dup(1)
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        _answer(line, output)


if __name__ == "__main__":
    main()
