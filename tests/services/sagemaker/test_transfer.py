"""Objects to files: what S3 cannot do now is told apart from what it refuses."""

import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sagesse.core.body import Stream
from sagesse.core.error import ServiceError
from sagesse.services.sagemaker._transfer import (
    StorageUnavailable,
    are_little,
    entries,
    pack,
    packed,
    write_payload,
)


def breaks(error: ServiceError) -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"some"
        raise error

    return Stream(chunks(), 10)


def test_a_stream_that_breaks_off_may_be_asked_again() -> None:
    with pytest.raises(StorageUnavailable):
        write_payload(
            breaks(ServiceError("ServiceUnavailable", "Please try again.", status=503)), io.BytesIO()
        )


def test_a_refusal_in_the_middle_stays_one() -> None:
    with pytest.raises(ServiceError, match="No"):
        write_payload(breaks(ServiceError("AccessDenied", "No.", status=403)), io.BytesIO())


def contents(archive: bytes) -> dict[str, bytes | None]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {
            member.name: file.read() if (file := tar.extractfile(member)) else None
            for member in tar.getmembers()
        }


def test_few_small_files_are_packed_as_a_folder_is(tmp_path: Path) -> None:
    folder, archive = tmp_path / "model", tmp_path / "model.tar.gz"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / name).write_text(name)
    pack(folder, archive)
    assert contents(packed(entries(folder))) == contents(archive.read_bytes()) == {"a": b"a", "b": b"b"}


def test_an_empty_model_is_an_empty_archive() -> None:
    assert contents(packed([])) == {}


@pytest.mark.parametrize(
    ("count", "size_bytes", "expected"), [(8, 9, True), (9, 9, False), (1, 65_537, False)]
)
def test_little_is_a_few_small_files(tmp_path: Path, count: int, size_bytes: int, expected: bool) -> None:
    for number in range(count):
        (tmp_path / str(number)).write_bytes(bytes(size_bytes))
    assert are_little(entries(tmp_path)) == expected


def test_links_and_folders_are_not_little(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert not are_little(entries(tmp_path))
    (tmp_path / "folder").rmdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    assert not are_little(entries(tmp_path))


def test_a_folder_that_is_gone_or_a_link_has_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert [entries(tmp_path / name) for name in ("gone", "link", "real/file/in")] == [[], [], []]
