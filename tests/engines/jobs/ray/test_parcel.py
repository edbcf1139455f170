"""Folders on their way between machines."""

import contextlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from sagesse.engines.jobs.ray import parcel

NAMES = some.text("ab./", min_size=1, max_size=8).filter(lambda name: "\0" not in name)


def send(source: Path, target: Path, archive: Path, before: parcel.Seen | None = None) -> parcel.Seen:
    """Bring `target` to what `source` holds below ``ml``."""
    before = before or {}
    now = parcel.scan(source, ["ml"])
    parcel.pack(source, [name for name in now if before.get(name) != now[name]], archive)
    parcel.unpack(archive, target, before.keys() - now.keys())
    return now


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source/ml/empty").mkdir(parents=True)
    (tmp_path / "source/ml/model").mkdir()
    (tmp_path / "source/ml/model/weights").write_bytes(b"1")
    (tmp_path / "source/ml/link").symlink_to("model/weights")
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def test_files_folders_and_links_arrive(source: Path, target: Path, tmp_path: Path) -> None:
    send(source, target, tmp_path / "parcel")
    assert (target / "ml/empty").is_dir()
    assert (target / "ml/model/weights").read_bytes() == b"1"
    assert os.readlink(target / "ml/link") == "model/weights"


def test_only_what_changed_travels_and_what_is_gone_goes(source: Path, target: Path, tmp_path: Path) -> None:
    before = send(source, target, tmp_path / "parcel")
    (source / "ml/link").unlink()
    (source / "ml/model/more").write_bytes(b"22")
    send(source, target, tmp_path / "parcel", before)
    with tarfile.open(tmp_path / "parcel") as tar:
        assert tar.getnames() == ["ml/model/more"]
    assert sorted(path.name for path in (target / "ml").rglob("*")) == ["empty", "model", "more", "weights"]


def test_a_file_that_became_a_folder_is_one(source: Path, target: Path, tmp_path: Path) -> None:
    before = send(source, target, tmp_path / "parcel")
    (source / "ml/model/weights").unlink()
    (source / "ml/model/weights").mkdir()
    (source / "ml/model/weights/first").write_bytes(b"1")
    send(source, target, tmp_path / "parcel", before)
    assert (target / "ml/model/weights/first").read_bytes() == b"1"


def test_a_file_that_is_linked_from_elsewhere_is_replaced_and_not_written_into(
    source: Path, target: Path, tmp_path: Path
) -> None:
    before = send(source, target, tmp_path / "parcel")
    os.link(target / "ml/model/weights", tmp_path / "kept")
    (source / "ml/model/weights").write_bytes(b"other")
    send(source, target, tmp_path / "parcel", before)
    assert (tmp_path / "kept").read_bytes() == b"1"
    assert (target / "ml/model/weights").read_bytes() == b"other"


def test_what_a_job_locked_arrives_open_to_its_owner(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "ml/model").chmod(0o500)
    before = send(source, target, tmp_path / "parcel")
    (source / "ml/model").chmod(0o700)
    (source / "ml/model/more").write_bytes(b"2")
    send(source, target, tmp_path / "parcel", before)
    assert (target / "ml/model/more").read_bytes() == b"2"


@given(
    some.lists(some.tuples(NAMES, some.sampled_from(["file", "folder", "link", "device"]), NAMES), max_size=8)
)
@example([("a/b", "link", "/a/b"), ("a/b/a", "file", "")])  # a link to itself
def test_no_archive_writes_outside(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, str, str]]
) -> None:
    place = tmp_path_factory.mktemp("outer")
    (place / "inner").mkdir()
    (place / "a").write_text("mine")
    with tarfile.open(place / "parcel", "w") as tar:
        for name, kind, goal in entries:
            tar.addfile(*member(name, kind, f"../{goal}"))
    with contextlib.suppress(OSError):  # one of the names is a folder and a file
        parcel.unpack(place / "parcel", place / "inner", [name for name, _, _ in entries])
    assert sorted(os.listdir(place)) == ["a", "inner", "parcel"]
    assert (place / "a").read_text() == "mine"


def member(name: str, kind: str, goal: str) -> tuple[tarfile.TarInfo, io.BytesIO | None]:
    entry = tarfile.TarInfo(name)
    if kind == "file":
        entry.size = 4
        return entry, io.BytesIO(b"evil")
    entry.type = {"folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "device": tarfile.CHRTYPE}[kind]
    entry.linkname = goal
    return entry, None
