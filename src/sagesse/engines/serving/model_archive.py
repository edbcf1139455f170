"""Unpacking a ``model.tar.gz`` that anybody may have made."""

import gzip
import os
import tarfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

_CHUNK_BYTES = 1 << 20


class BadModelArchive(Exception):  # noqa: N818 - reads as the fact it states
    """The archive is refused; the text says what in it and why."""


class Limits(NamedTuple):
    """What an archive may hold at most."""

    files: int = 100_000
    size_bytes: int = 50 * 1024**3


def unpack_model(archive: Path, folder: Path, *, limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
    """Unpack `archive` (tar, gzip or not) into the empty `folder`; nothing is ever written outside of it.

    Only regular files and folders are taken: links, devices and names that lead out are refused. Owners and times are
    not restored; of the modes only "may be executed" is.

    Raises:
        BadModelArchive: not a tar file, damaged, with a member that is not allowed, or over a limit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left = limits.size_bytes
    try:
        with tarfile.open(archive, "r:gz" if _is_gzip(archive) else "r:") as tar:
            for number, member in enumerate(tar):
                if number >= limits.files:
                    raise BadModelArchive(f"it holds more than {limits.files} files")
                left -= max(member.size, 0)
                if left < 0:
                    raise BadModelArchive(f"it unpacks to more than {limits.size_bytes} bytes")
                _unpack(tar, member, folder)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise BadModelArchive(f"it is not a readable tar.gz file: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise BadModelArchive(f"one of its names is both a file and a folder: {error.filename}") from error


def _is_gzip(archive: Path) -> bool:
    with archive.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    parts = Path(member.name).parts
    if member.name.startswith("/") or ".." in parts or "\0" in member.name:
        raise BadModelArchive(f"the name {member.name!r} leads out of the archive")
    target = folder.joinpath(*parts)
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if not member.isreg():
        raise BadModelArchive(f"{member.name!r} is a link or device; allowed: files and folders")
    content = tar.extractfile(member)
    assert content is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    with content:
        _write(content, target, 0o755 if member.mode & 0o111 else 0o644)


def _write(content: IO[bytes], target: Path, mode: int) -> None:
    # A name that came before is replaced, never written through.
    target.unlink(missing_ok=True)
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            file.write(chunk)
