"""Unpacking with and without the filters of newer Pythons."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from sagesse.runtime import archive


@pytest.fixture(params=[True, False], ids=["filters", "none"])
def unpack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param and not archive.HAS_FILTERS:
        pytest.skip("this Python has no filters")
    monkeypatch.setattr(archive, "HAS_FILTERS", request.param)
    return archive.unpack


def made(path: Path, *members: tarfile.TarInfo, content: bytes = b"hello") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.uid, info.gid = kind, target, mode, 4_000_000, 4_000_000
    return info


def test_files_folders_and_links_inside_are_unpacked(unpack, tmp_path: Path) -> None:
    source = made(
        tmp_path / "a.tar.gz",
        member("folder", tarfile.DIRTYPE, mode=0o777),
        member("folder/train.sh", mode=0o6777),
        member("folder/link", tarfile.SYMTYPE, "train.sh"),
        member("hard", tarfile.LNKTYPE, "folder/train.sh", mode=0o6777),
        member("/absolute"),
    )
    target = tmp_path / "out"
    target.mkdir()
    unpack(source, target)
    assert (target / "folder" / "link").read_bytes() == (target / "hard").read_bytes() == b"hello"
    assert (target / "absolute").read_bytes() == b"hello"
    facts = (target / "folder" / "train.sh").stat()
    assert (facts.st_mode & 0o7777, facts.st_uid) == (0o755, os.geteuid())


@pytest.mark.parametrize(
    "members",
    [
        [member("../out-of-it")],
        [member("folder/../../out-of-it")],
        [member("link", tarfile.SYMTYPE, "../..")],
        [member("link", tarfile.SYMTYPE, "/etc")],
        [member("hard", tarfile.LNKTYPE, "../a.tar.gz")],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("device", tarfile.CHRTYPE)],
    ],
    ids=lambda members: members[0].name,
)
def test_what_leads_out_is_refused(unpack, tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    target = tmp_path / "inner" / "out"
    target.mkdir(parents=True)
    with pytest.raises(tarfile.TarError):
        unpack(made(tmp_path / "a.tar.gz", *members), target)
    assert [path.name for path in tmp_path.rglob("*") if path.name == "out-of-it"] == []


def test_nothing_is_written_through_a_link(unpack, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "out"
    target.mkdir()
    (target / "door").symlink_to(outside)
    with pytest.raises(tarfile.TarError):
        unpack(made(tmp_path / "a.tar.gz", member("door/file")), target)
    assert not list(outside.iterdir())


def test_junk_is_no_archive(unpack, tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"no archive" * 100)
    with pytest.raises((tarfile.TarError, OSError, EOFError)):
        unpack(tmp_path / "junk", tmp_path)
