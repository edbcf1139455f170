"""Unpacking a tar archive that a user brought; nothing of it lands outside its folder."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

HAS_FILTERS = hasattr(tarfile, "data_filter")  # Python 3.11.4 and newer; Debian 12 has 3.11.2


def unpack(archive: Path, folder: Path) -> None:
    """Unpack `archive` (tar, compressed or not) into `folder`. Owners are not restored.

    Raises:
        tarfile.TarError, OSError, EOFError: it is no archive, is damaged, or has a member that leads out of `folder`.
    """
    with tarfile.open(archive) as tar:
        if HAS_FILTERS:
            tar.extractall(folder, filter="data")
        else:
            tar.extractall(folder, members=_harmless(tar, folder))


def extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Extract a member that the caller has looked at."""
    if HAS_FILTERS:
        tar.extract(member, folder, filter="fully_trusted")
    else:
        tar.extract(member, folder)


def _harmless(tar: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    """The members of `tar` as the filter "data" would have them, each looked at when those before it are there.

    Raises:
        tarfile.TarError: a member is no file, folder or link, or leads out of `folder`.
    """
    root = os.path.realpath(folder)
    for member in tar:
        member.name = member.name.lstrip("/" + os.sep)
        place = os.path.join(root, member.name)
        _require_inside(root, place, member)
        if member.issym():
            if os.path.isabs(member.linkname):
                raise tarfile.ExtractError(f"{member.name!r} is a link to an absolute path")
            _require_inside(root, os.path.join(os.path.dirname(place), member.linkname), member)
        elif member.islnk():
            _require_inside(root, os.path.join(root, member.linkname), member)
        elif not (member.isreg() or member.isdir()):
            raise tarfile.ExtractError(f"{member.name!r} is a special file")
        member.mode = _mode(member)
        member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
        yield member


def _require_inside(root: str, place: str, member: tarfile.TarInfo) -> None:
    if os.path.commonpath([root, os.path.realpath(place)]) != root:
        raise tarfile.ExtractError(f"{member.name!r} would be extracted outside of the folder")


def _mode(member: tarfile.TarInfo) -> int:
    if member.isdir():
        return 0o755
    executable = 0o111 if member.mode & 0o100 else 0
    return (member.mode & 0o644) | 0o600 | executable
