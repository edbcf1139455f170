"""Reading the log of a run while it grows."""

import os
import re
from pathlib import Path
from typing import NamedTuple

_READ_BYTES = 1 << 20
_STAMPED = re.compile(rb"(\d{1,15}) (.*)", re.DOTALL)


class LogLine(NamedTuple):
    """One line of a job's output, when it came in epoch milliseconds, and the offset in the file behind it."""

    time_ms: int
    text: str
    end: int


def has_lines(log: Path) -> bool:
    """Whether anything was printed yet."""
    try:
        return os.stat(log).st_size > 0
    except FileNotFoundError:
        return False


def read_from(path: Path, offset: int, limit: int | None = None) -> bytes:
    """What a file has from `offset` on, `limit` bytes at most; in as few calls as there are.

    Raises:
        OSError: it cannot be opened.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        left = os.fstat(file).st_size - offset
        return os.pread(file, left if limit is None else min(left, limit), offset) if left > 0 else b""
    finally:
        os.close(file)


def read_log(log: Path, offset: int = 0) -> tuple[list[LogLine], int]:
    """The complete lines of `log` from byte `offset` on, about 1 MiB at most, and the offset to go on from.

    No log yet reads as an empty one. At the end the same offset comes back.
    """
    try:
        content = read_from(log, offset, _READ_BYTES)
    except FileNotFoundError:
        return [], offset
    complete = content[: content.rfind(b"\n") + 1]
    lines: list[LogLine] = []
    end = offset
    for line in complete.split(b"\n")[:-1]:
        end += len(line) + 1
        lines.append(_parse(line, end))
    return lines, end


def _parse(line: bytes, end: int) -> LogLine:
    match = _STAMPED.fullmatch(line)
    if match is None:  # a job without a view of its own can reach its log and write what it likes
        return LogLine(0, line.decode("utf-8", "replace"), end)
    return LogLine(int(match[1]), match[2].decode("utf-8", "replace"), end)
