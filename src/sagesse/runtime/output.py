"""A job's output as a log: each line with the millisecond it arrived."""

import contextlib
import os
import re
import time

MAX_LINE_BYTES = 256 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")


class LineLog:
    """Turns raw output into lines ``<epoch_ms> <text>`` appended to an open file.

    A carriage return ends a line too (progress bars), but writes no empty one. Lines are valid UTF-8, at most
    256 KiB (longer ones are split), and hold neither newline nor carriage return.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Take what one read delivered; complete lines are written at once."""
        *lines, self._rest = _split(self._rest + chunk)
        while len(self._rest) >= MAX_LINE_BYTES and not self._rest.endswith(b"\r"):
            lines.append(self._rest[:MAX_LINE_BYTES])
            self._rest = self._rest[MAX_LINE_BYTES:]
        self._append(lines)

    def close(self) -> None:
        """Write the last line if it had no end."""
        if self._rest:
            self._append([self._rest.removesuffix(b"\r")])
        self._rest = b""

    def _append(self, lines: list[bytes]) -> None:
        if not lines:
            return
        prefix = f"{time.time_ns() // 1_000_000} "
        pieces = (piece for line in lines for piece in _cut(line.decode("utf-8", "replace")))
        content = "".join(f"{prefix}{piece}\n" for piece in pieces).encode()
        with contextlib.suppress(
            OSError
        ):  # a full disk must not stop the job: its output is lost, it goes on
            _write_all(self._target, content)


def _split(data: bytes) -> list[bytes]:
    """The complete lines of `data` and, last, the rest that has no end yet.

    A final carriage return stays with the rest, because a newline may follow it.
    """
    lines: list[bytes] = []
    position = 0
    for end in _LINE_END.finditer(data):
        mark = end.group()
        if mark == b"\r" and end.end() == len(data):
            break
        if mark != b"\r" or end.start() > position:
            lines.append(data[position : end.start()])
        position = end.end()
    return [*lines, data[position:]]


def _cut(text: str) -> list[str]:
    if len(text) * 3 <= MAX_LINE_BYTES or len(text.encode()) <= MAX_LINE_BYTES:
        return [text]
    step = MAX_LINE_BYTES // 4  # characters that surely fit
    return [text[start : start + step] for start in range(0, len(text), step)]


def _write_all(target: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(target, view) :]
