"""A disk that forgets what was not synced: replays what a process did, and shows what a power cut could leave.

The strictest reading of POSIX: bytes are there after fsync or fdatasync of their file, a name after fsync of its
folder. Anything not synced may be there as well, in any order and torn, because the kernel writes back when it likes.
"""

import os
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.engines.objects.crash.trace import Event


class _File:
    """Bytes on disk, and the changes since, each with its place in the order of events."""

    def __init__(self, data: bytes = b"") -> None:
        self.safe = data
        self.pending: list[tuple[int, Event]] = []

    def sync(self, before: int) -> None:
        while self.pending and self.pending[0][0] < before:
            self.safe = _changed(self.safe, self.pending.pop(0)[1])


class _Folder:
    """The names on disk, and those that programs see."""

    def __init__(self) -> None:
        self.safe: dict[str, _File | _Folder] = {}
        self.seen: dict[str, _File | _Folder] = {}


class Disk:
    """An empty folder `root`, on disk, and what happens below it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = _Folder()
        self._count = 0

    def apply(self, event: Event) -> None:
        """Do what the event did."""
        number, self._count = self._count, self._count + 1
        if event.kind == "told":
            return
        if event.kind == "sync-folder":
            self._sync_folder(event.path)
            return
        folder, name = self._place(event.path)
        match event.kind:
            case "create":
                folder.seen[name] = _File()
            case "mkdir":
                folder.seen[name] = _Folder()
            case "unlink" | "rmdir":
                folder.seen.pop(name, None)
            case "rename" | "link":
                source, old = self._place(event.other)
                folder.seen[name] = source.seen[old]
                if event.kind == "rename":
                    del source.seen[old]
            case _:
                self._change(folder.seen.get(name), number, event)

    def after_power_cut(self, target: Path, luck: random.Random | None) -> None:
        """Write what is left to `target`: only what was synced, or with `luck` some of the rest as well."""
        _save(self._top, target, luck)

    def sync_everything(self) -> None:
        """As sync(1) does."""
        _sync(self._top, self._count)

    def _change(self, file: "_File | _Folder | None", number: int, event: Event) -> None:
        if not isinstance(file, _File):
            return
        if event.kind == "sync":
            file.sync(event.number)
        else:
            file.pending.append((number, event))

    def _sync_folder(self, path: str) -> None:
        folder = self._folder(Path(path))
        folder.safe = dict(folder.seen)

    def _place(self, path: str) -> tuple[_Folder, str]:
        return self._folder(Path(path).parent), Path(path).name

    def _folder(self, path: Path) -> _Folder:
        folder = self._top
        for name in path.relative_to(self._root).parts:
            child = folder.seen[name]
            assert isinstance(child, _Folder)
            folder = child
        return folder


def _sync(folder: _Folder, now: int) -> None:
    folder.safe = dict(folder.seen)
    for entry in folder.seen.values():
        if isinstance(entry, _Folder):
            _sync(entry, now)
        else:
            entry.sync(now)


def _save(folder: _Folder, target: Path, luck: random.Random | None) -> None:
    target.mkdir()
    for name, entry in _names(folder, luck):
        if isinstance(entry, _Folder):
            _save(entry, target / name, luck)
        else:
            (target / name).write_bytes(_left(entry, luck))


def _names(folder: _Folder, luck: random.Random | None) -> Iterator[tuple[str, "_File | _Folder"]]:
    for name in sorted({*folder.safe, *folder.seen}):
        versions = [folder.safe.get(name), folder.seen.get(name)]
        entry = luck.choice(versions) if luck else versions[0]
        if entry is not None:
            yield name, entry


def _left(file: _File, luck: random.Random | None) -> bytes:
    data = file.safe
    for _, event in file.pending if luck else ():
        match luck and luck.randrange(3):
            case 0:
                data = _changed(data, event)
            case 1 if event.kind == "write":
                data = _changed(data, event._replace(data=event.data[: len(event.data) // 2]))
            case _:
                pass
    return data


def _changed(data: bytes, event: Event) -> bytes:
    if event.kind == "truncate":
        return data[: event.number].ljust(event.number, b"\0")
    end = event.number + len(event.data)
    return data[: event.number].ljust(event.number, b"\0") + event.data + data[end:]


def replayed(root: Path, events: Iterable[Event]) -> Disk:
    """A disk to which all events happened."""
    disk = Disk(root)
    for event in events:
        disk.apply(event)
    return disk


def same_files(one: Path, other: Path) -> bool:
    """Whether two folders hold the same names and bytes."""

    def files(folder: Path) -> dict[str, bytes]:
        return {
            os.path.relpath(path, folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }

    return files(one) == files(other)
