import logging
from pathlib import Path

import pytest

from sagesse.core.damage import Damage, DamageBook, Findings, read_findings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "damage.json"


def test_what_is_noted_is_read_by_another(path: Path) -> None:
    DamageBook(path, now=lambda: 7.0).note("s3://b/k", "gone")
    assert read_findings(path) == Findings((Damage("s3://b/k", "gone", 7.0),))
    assert DamageBook(path).findings.damages[0].what == "s3://b/k"


def test_a_thing_is_noted_and_logged_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    book = DamageBook(path)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            book.note("s3://b/k", "gone")
    assert (len(book.findings.damages), len(caplog.records)) == (1, 1)


def test_a_scrub_replaces_what_was_known_before_it_began(path: Path) -> None:
    times = iter((1.0, 5.0, 9.0))
    book = DamageBook(path, now=lambda: next(times))
    book.note("s3://b/old", "gone")
    book.note("s3://b/meanwhile", "gone")
    book.scrubbed([Damage("s3://b/found", "cut", 4.0)], since=3.0, unchecked=2)
    assert [damage.what for damage in book.findings.damages] == ["s3://b/found", "s3://b/meanwhile"]
    assert (book.findings.scrubbed, book.findings.unchecked) == (9.0, 2)


def test_the_file_is_bounded_and_the_rest_is_counted(path: Path) -> None:
    book = DamageBook(path)
    book.scrubbed([Damage(str(number), "cut", 1.0) for number in range(1003)], since=0.0, more=1)
    book.note("one more", "gone")
    assert (len(read_findings(path).damages), read_findings(path).more) == (1000, 5)


def test_a_file_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    book = DamageBook(tmp_path / "missing" / "damage.json")
    book.note("s3://b/k", "gone")
    assert len(book.findings.damages) == 1


def test_a_file_that_is_damaged_itself_says_nothing(path: Path) -> None:
    path.write_bytes(b"{")
    assert read_findings(path) == Findings()


def test_nothing_is_known_of_what_was_wiped(path: Path) -> None:
    book = DamageBook(path)
    book.note("s3://b/k", "gone")
    book.forget()
    assert (book.findings, path.exists()) == (Findings(), False)
