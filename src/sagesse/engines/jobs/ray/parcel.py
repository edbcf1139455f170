"""Folders on their way between machines: which entries changed, and archives of those."""

import contextlib
import os
import shutil
import stat
import tarfile
from collections.abc import Iterable, Iterator
from copy import copy
from pathlib import Path

from sagesse.runtime.archive import extract

PIECE_BYTES = 8 << 20
"""An archive travels in pieces of this size: no more of it is in memory, here or in Ray's object store."""

Seen = dict[str, tuple[int, int, int]]
"""Mode, size and modification time of each entry by its path."""


def scan(folder: Path, names: Iterable[str]) -> Seen:
    """The files, folders and links below these entries of `folder`; links are not followed."""
    seen: Seen = {}
    for name in names:
        for path in _below(folder / name):
            with contextlib.suppress(FileNotFoundError):  # the job goes on meanwhile
                status = path.lstat()
                if stat.S_IFMT(status.st_mode) in {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}:
                    size = 0 if path.is_dir() else status.st_size
                    time = 0 if stat.S_ISDIR(status.st_mode) else status.st_mtime_ns
                    seen[str(path.relative_to(folder))] = (status.st_mode, size, time)
    return seen


def pack(folder: Path, names: Iterable[str], archive: Path) -> None:
    """Write these entries of `folder` (each by itself) to an archive.

    Raises:
        OSError: one of them changed meanwhile.
    """
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(names):
            tar.add(folder / name, name, recursive=False)


def unpack(archive: Path, folder: Path, removed: Iterable[str] = ()) -> None:
    """Make the entries of the archive appear in `folder`, whatever was there, and remove others.

    A file is replaced, never written into: it may be linked from elsewhere. Nothing outside `folder` is touched.
    """
    for name in removed:
        if _stays_inside(folder, name):
            _remove(folder / name)
    with tarfile.open(archive) as tar:
        for member in tar:
            if _stays_inside(folder, member.name) and (member.isfile() or member.isdir() or member.issym()):
                _put(tar, member, folder)


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    target = folder / member.name
    if not member.isdir() or target.is_symlink() or not target.is_dir():
        _remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = member.mode & 0o777 | (0o700 if member.isdir() else 0o600)
    ours = copy(member)
    ours.mode, ours.uid, ours.gid, ours.uname, ours.gname = mode, os.geteuid(), os.getegid(), "", ""
    extract(tar, ours, folder)


def _stays_inside(folder: Path, name: str) -> bool:
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        return False
    root = Path(os.path.realpath(folder))  # unlike Path.resolve it answers for a link to itself too
    return Path(os.path.realpath((root / name).parent)).is_relative_to(root)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _below(path: Path) -> Iterator[Path]:
    yield path
    if path.is_symlink() or not path.is_dir():
        return
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            yield Path(folder, name)
