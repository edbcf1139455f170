"""A folder of a job, mirrored to S3 while the job runs: what changed is stored, what was removed is deleted there.

The folder is the job's: it changes under our hands and may hold links to files that are none of its business. So
folders are walked and files opened by descriptor, never following a link.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

import orjson

from sagesse.core.call import Context
from sagesse.services.sagemaker._transfer import Location, download, list_keys, remove, upload

Ledger: TypeAlias = dict[str, list[int]]
"""By name in the folder: size and modification time (ns) of what S3 holds."""

_SETTLED_S = 1.0  # a file that changed just now is probably still being written


class Mirror(NamedTuple):
    """A folder and its place in S3.

    Attributes:
        root: a folder on this machine that is ours.
        folder: below `root`, or `root` itself; from there on the job may have changed anything.
        target: a prefix that ends with a slash, or is empty.
        ledger: a file outside `folder` that remembers what S3 holds, across restarts of the server.
        keeps_removed: what the job removes stays in S3.
        kms_key: under which S3 keeps it; empty leaves that to the bucket.
    """

    root: Path
    folder: Path
    target: Location
    ledger: Path
    keeps_removed: bool = False
    kms_key: str = ""

    def restore(self, ctx: Context) -> None:
        """Bring what S3 holds into the folder; may be repeated.

        Raises:
            ServiceError: what S3 answered.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        known: Ledger = {}
        for key in list_keys(ctx, self.target):
            name = key[len(self.target.key) :]
            parts = name.split("/")
            if {"", ".", ".."} & set(parts):
                continue  # no file can have that name
            file = self.folder.joinpath(*parts)
            with suppress(NotADirectoryError, IsADirectoryError, FileExistsError):
                download(ctx, Location(self.target.bucket, key), file)
                known[name] = _mark(file.stat())
        self._remember(known)

    def store(self, ctx: Context, *, is_over: bool) -> None:
        """Store what changed since the last time, delete what is gone.

        Args:
            ctx: acts as the job's role.
            is_over: the job has ended, so every file is whole; before, files that changed within the last second wait.

        Raises:
            ServiceError: what S3 answered; what was stored before is remembered.
        """
        known = self._known()
        before = dict(known)
        seen: set[str] = set()
        try:
            for name, file in _files(self.root, self.folder):
                seen.add(name)
                facts = os.fstat(file)
                if known.get(name) == _mark(facts) or not (is_over or _is_settled(facts)):
                    continue
                upload(ctx, Path(f"/proc/self/fd/{file}"), self._place(name), kms_key=self.kms_key)
                known[name] = _mark(facts)
            for name in () if self.keeps_removed else set(known) - seen:
                remove(ctx, self._place(name))
                del known[name]
        finally:
            if known != before:
                self._remember(known)

    def _place(self, name: str) -> Location:
        return Location(self.target.bucket, self.target.key + name)

    def _known(self) -> Ledger:
        try:
            return orjson.loads(self.ledger.read_bytes())
        except FileNotFoundError:
            return {}

    def _remember(self, known: Ledger) -> None:
        draft = self.ledger.with_name(self.ledger.name + ".partial")
        draft.write_bytes(orjson.dumps(known))
        os.replace(draft, self.ledger)


def store_folder(ctx: Context, root: Path, folder: Path, target: Location, *, kms_key: str = "") -> None:
    """Store every file of a folder below `root`, under a KMS key if one is given.

    Raises:
        ServiceError: what S3 answered.
    """
    for name, file in _files(root, folder):
        place = Location(target.bucket, target.key + name)
        upload(ctx, Path(f"/proc/self/fd/{file}"), place, kms_key=kms_key)


def folder_place(place: Location) -> Location:
    """The place as a prefix of a folder's files: with a slash at its end, unless it is the bucket itself."""
    key = place.key.strip("/")
    return Location(place.bucket, f"{key}/" if key else "")


def _files(root: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Name and open descriptor of each regular file; the descriptor is closed when the next one is asked for."""
    top = _open_below(root, folder)
    if top is None:
        return
    try:
        for base, _, names, inside in os.fwalk(".", dir_fd=top):
            for name in sorted(names):
                file = _open(name, inside)
                if file is None:
                    continue
                try:
                    if stat.S_ISREG(os.fstat(file).st_mode):
                        yield Path(base, name).as_posix(), file
                finally:
                    os.close(file)
    finally:
        os.close(top)


def _open_below(root: Path, folder: Path) -> int | None:
    """`folder` opened from `root` on without following a link; None when it is not there (any more)."""
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in folder.relative_to(root).parts:
        inner = _open(part, current, os.O_DIRECTORY)
        os.close(current)
        if inner is None:
            return None
        current = inner
    return current


def _open(name: str, folder: int, flags: int = 0) -> int | None:
    """An entry of an open folder; None for a link, what is gone or not to be read, and names that S3 cannot have."""
    try:
        name.encode()
        return os.open(
            name, flags | os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
    except (OSError, UnicodeEncodeError):
        return None


def _mark(facts: os.stat_result) -> list[int]:
    return [facts.st_size, facts.st_mtime_ns]


def _is_settled(facts: os.stat_result) -> bool:
    return time.time() - facts.st_mtime >= _SETTLED_S
