"""Contents kept once: shared, bounded, never torn."""

import os
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from sagesse.engines.channel_cache import ChannelCache, Content, TornContent


def content(data: bytes) -> Content:
    return Content("etag", len(data), {"SHA256": b64encode(sha256(data).digest()).decode()})


def writes(data: bytes) -> Callable[[BinaryIO], None]:
    return lambda file: (file.write(data), None)[1]


def never(_: BinaryIO) -> None:
    raise AssertionError("it is there already")


def kept(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (folder / "content").rglob("*") if path.is_file())


def test_the_second_link_writes_nothing_and_is_the_same_file(tmp_path: Path) -> None:
    cache = ChannelCache(tmp_path / "cache", 100)
    cache.link(content(b"1234"), tmp_path / "one", writes(b"1234"))
    cache.link(content(b"1234"), tmp_path / "two", never)
    assert (tmp_path / "one").samefile(tmp_path / "two")


def test_content_is_known_again_by_another_server(tmp_path: Path) -> None:
    ChannelCache(tmp_path / "cache", 100).link(content(b"1234"), tmp_path / "one", writes(b"1234"))
    ChannelCache(tmp_path / "cache", 100).link(content(b"1234"), tmp_path / "two", never)
    assert (tmp_path / "two").read_bytes() == b"1234"


def test_what_was_unused_for_longest_goes_first(tmp_path: Path) -> None:
    cache = ChannelCache(tmp_path / "cache", 8)
    for data in (b"1111", b"2222"):
        cache.link(content(data), tmp_path / "job", writes(data))
    os.utime(next(path for path in (tmp_path / "cache").rglob("*") if _holds(path, b"2222")), (1, 1))
    cache.link(content(b"1111"), tmp_path / "job", never)
    cache.link(content(b"3333"), tmp_path / "job", writes(b"3333"))
    assert kept(tmp_path / "cache") == [b"1111", b"3333"]


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def test_what_a_job_holds_stays(tmp_path: Path) -> None:
    cache = ChannelCache(tmp_path / "cache", 4)
    for data in (b"1111", b"2222"):
        cache.link(content(data), tmp_path / f"job-{data[:1].decode()}", writes(data))
    assert kept(tmp_path / "cache") == [b"1111", b"2222"]
    (tmp_path / "job-1").unlink()
    (tmp_path / "job-2").unlink()
    cache.link(content(b"3333"), tmp_path / "job-3", writes(b"3333"))
    assert kept(tmp_path / "cache") == [b"3333"]


@pytest.mark.parametrize("data", [b"123", b"12345", b"4321"])
def test_other_bytes_than_promised_are_never_kept(tmp_path: Path, data: bytes) -> None:
    cache = ChannelCache(tmp_path / "cache", 100)
    with pytest.raises(TornContent):
        cache.link(content(b"1234"), tmp_path / "job", writes(data))
    assert kept(tmp_path / "cache") == []
    assert list((tmp_path / "cache/partial").iterdir()) == []
    assert not (tmp_path / "job").exists()


def test_an_entry_that_was_cut_is_written_again(tmp_path: Path) -> None:
    cache = ChannelCache(tmp_path / "cache", 100)
    cache.link(content(b"1234"), tmp_path / "job", writes(b"1234"))
    (tmp_path / "job").unlink()
    next(path for path in (tmp_path / "cache/content").rglob("*") if path.is_file()).write_bytes(b"1")
    cache.link(content(b"1234"), tmp_path / "job", writes(b"1234"))
    assert (tmp_path / "job").read_bytes() == b"1234"


def test_drafts_of_a_dead_server_are_removed(tmp_path: Path) -> None:
    (tmp_path / "cache/partial").mkdir(parents=True)
    (tmp_path / "cache/partial/draft").write_bytes(b"1")
    ChannelCache(tmp_path / "cache", 100)
    assert list((tmp_path / "cache/partial").iterdir()) == []


def test_content_beyond_the_limit_is_not_taken(tmp_path: Path) -> None:
    cache = ChannelCache(tmp_path / "cache", 3)
    assert [cache.takes(content(data)) for data in (b"123", b"1234")] == [True, False]
