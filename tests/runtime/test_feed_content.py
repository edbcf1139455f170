"""What goes through a pipe: records, gzip, order."""

import gzip
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.runtime import recordio
from sagesse.runtime.feed_content import BadContent, epoch_content, gunzip
from sagesse.runtime.feed_list import EntryList, write_entries
from sagesse.runtime.object_reader import ObjectReader
from sagesse.runtime.plan import Feed


class Objects(ObjectReader):
    """Objects in memory; `size` claims another length."""

    def __init__(self, content: dict[str, bytes], size: int | None = None) -> None:
        super().__init__(Path("nowhere"))
        self._content = content
        self._size = size

    def open(self, bucket: str, key: str) -> "Objects.Open":  # type: ignore[override]
        return Objects.Open(self._content[f"{bucket}/{key}"], self._size)

    class Open:
        def __init__(self, content: bytes, size: int | None) -> None:
            self._content = content
            self.size_bytes = len(content) if size is None else size

        def chunks(self) -> Iterator[bytes]:
            return pieces(self._content, 3)


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def sent(tmp_path: Path, entries: Sequence[Sequence[object]], reader: ObjectReader, **feed: object) -> bytes:
    path = tmp_path / "list"
    write_entries(path, entries)  # type: ignore[arg-type]
    wish = Feed(path="p", entries="list", **feed)  # type: ignore[arg-type]
    with closing(EntryList(path)) as found:
        return b"".join(epoch_content(wish, found, reader, 0))


def records(stream: bytes) -> Iterator[bytes]:
    """An independent reader of the framing."""
    while stream:
        magic, size = struct.unpack_from("<II", stream)
        assert magic == 0xCED7230A
        assert len(stream) >= 8 + size + (4 - size % 4) % 4
        yield stream[8 : 8 + size]
        stream = stream[8 + size + (4 - size % 4) % 4 :]


@given(st.lists(st.binary(max_size=40)))
def test_framed_records_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    reader = Objects({f"b/{number}": content for number, content in enumerate(contents)})
    entries = [[("b", str(number))] for number in range(len(contents))]
    stream = sent(tmp_path_factory.mktemp("feed"), entries, reader, wraps=True)
    assert list(records(stream)) == contents


def test_a_record_that_its_length_cannot_say_is_refused(tmp_path: Path) -> None:
    reader = Objects({"b/k": b""}, size=recordio.MAX_BYTES + 1)
    with pytest.raises(BadContent, match="s3://b/k has 536870912 bytes"):
        sent(tmp_path, [[("b", "k")]], reader, wraps=True)


@given(st.lists(st.binary(max_size=100), max_size=4), st.integers(1, 64), st.integers(0, 8))
def test_gzip_of_several_members_is_opened_however_it_is_cut(
    members: list[bytes], size: int, zeros: int
) -> None:
    zipped = b"".join(map(gzip.compress, members)) + (bytes(zeros) if members else b"")
    assert b"".join(gunzip(pieces(zipped, size), "x")) == b"".join(members)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_cut_gzip_is_refused(content: bytes, data: st.DataObject) -> None:
    zipped = gzip.compress(content)
    cut = zipped[: data.draw(st.integers(1, len(zipped) - 1))]
    with pytest.raises(BadContent, match="x is no valid gzip file"):
        list(gunzip(pieces(cut, 7), "x"))


@given(st.binary(max_size=300))
def test_any_bytes_are_gzip_or_refused(content: bytes) -> None:
    try:
        opened = b"".join(gunzip(pieces(content, 50), "x"))
    except BadContent:
        return
    assert opened == gzip.decompress(content)


def test_output_beyond_one_step_comes_whole() -> None:
    content = bytes(5_000_001)
    assert b"".join(gunzip([gzip.compress(content)], "x")) == content


@given(st.integers(0, 40), st.integers(1, 5), st.integers(), st.integers(0, 3))
def test_shares_of_a_shuffled_epoch_are_everything_once(
    tmp_path_factory: pytest.TempPathFactory, length: int, count: int, seed: int, epoch: int
) -> None:
    path = tmp_path_factory.mktemp("list") / "list"
    write_entries(path, [[str(number)] for number in range(length)])
    with closing(EntryList(path)) as entries:
        orders = [entries.order(epoch, seed=seed, index=index, count=count) for index in range(count)]
    assert sorted(place for order in orders for place in order) == list(range(length))


@given(st.lists(st.lists(st.text() | st.tuples(st.text(), st.text()), min_size=1)))
def test_a_list_is_read_back(tmp_path_factory: pytest.TempPathFactory, entries: list[list[object]]) -> None:
    path = tmp_path_factory.mktemp("list") / "list"
    assert write_entries(path, entries) == len(entries)  # type: ignore[arg-type]
    with closing(EntryList(path)) as found:
        assert [list(found[place]) for place in range(len(found))] == entries
