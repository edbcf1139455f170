"""Reading a log while it grows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.engines.jobs.log import LogLine, has_lines, read_log


def test_no_log_yet_is_an_empty_one(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none") == ([], 0)
    assert not has_lines(tmp_path / "none")


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"1 one\n2 tw")
    lines, offset = read_log(log)
    assert lines == [LogLine(1, "one", 6)]
    with log.open("ab") as file:
        file.write(b"o\n3 \n")
    lines, offset = read_log(log, offset)
    assert lines == [LogLine(2, "two", 12), LogLine(3, "", 15)]
    assert read_log(log, offset) == ([], offset)


@given(st.binary(max_size=200))
def test_no_content_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    log = tmp_path_factory.getbasetemp() / "any.log"
    log.write_bytes(content)
    lines, offset = read_log(log)
    assert len(lines) == content.count(b"\n")
    assert offset == content.rfind(b"\n") + 1
    assert [line.end for line in lines][-1:] == [offset] * bool(lines)
