"""Lines of a job's log."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.runtime.output import MAX_LINE_BYTES, LineLog


def _logged(tmp: Path, *chunks: bytes) -> list[str]:
    path = tmp / "output.log"
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    log = LineLog(target)
    for chunk in chunks:
        log.feed(chunk)
    log.close()
    os.close(target)
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    assert all(re.match(r"\d{13} ", line) for line in lines)
    return [line[14:] for line in lines]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a", b"b\nc"], ["ab", "c"]),
        ([b"a\r\nb\r\n"], ["a", "b"]),
        ([b"a\r", b"\nb"], ["a", "b"]),
        ([b"\r 10%\r 20%", b"\r 30%\n"], [" 10%", " 20%", " 30%"]),
        ([b"a\n\nb\n"], ["a", "", "b"]),
        ([b"tab\there\n"], ["tab\there"]),
        (["gr\u00fc\u00df".encode()[:3], "gr\u00fc\u00df".encode()[3:]], ["gr\u00fc\u00df"]),
        ([b"\xff\xfe\n"], ["\ufffd\ufffd"]),
        ([b"a\r"], ["a"]),
        ([], []),
    ],
)
def test_lines_end_at_newlines_and_carriage_returns(
    tmp_path: Path, chunks: list[bytes], lines: list[str]
) -> None:
    assert _logged(tmp_path, *chunks) == lines


def test_a_very_long_line_is_split(tmp_path: Path) -> None:
    lines = _logged(tmp_path, b"x" * (MAX_LINE_BYTES + 10), b"y\n")
    assert [len(line) for line in lines] == [MAX_LINE_BYTES, 11]


def test_a_line_that_grows_when_decoded_is_still_short_enough(tmp_path: Path) -> None:
    lines = _logged(tmp_path, b"\xff" * (MAX_LINE_BYTES - 1) + b"\n")
    assert max(len(line.encode()) for line in lines) <= MAX_LINE_BYTES
    assert sum(map(len, lines)) == MAX_LINE_BYTES - 1


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_how_output_was_cut_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert _logged(folder, *chunks) == _logged(folder, b"".join(chunks))


def test_a_full_disk_does_not_stop_the_job() -> None:
    target = os.open("/dev/full", os.O_WRONLY)
    LineLog(target).feed(b"lost\n")
    os.close(target)
