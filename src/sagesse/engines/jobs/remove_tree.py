"""Removing what a job left: everything, whatever it did to its folders, and nothing outside of them."""

import contextlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST = 64  # folders are open all the way down


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, also what was locked; nothing happens when it is gone.

    No link is followed, also none that takes the place of a folder meanwhile.
    """
    try:
        _remove(str(folder), None, _DEEPEST)
    except FileNotFoundError:
        if os.path.lexists(folder):  # something in it went meanwhile
            shutil.rmtree(folder, onerror=_force)
    except (OSError, RecursionError):  # what is locked, or deep, takes more looks
        shutil.rmtree(folder, onerror=_force)


def _remove(name: str, parent: int | None, depth: int) -> None:
    """Remove a folder of `parent` in as few calls as there are: it may hold dozens of files and jobs are many."""
    if not depth:
        raise RecursionError(name)
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        with os.scandir(folder) as found:
            inside = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
        for entry, is_folder in inside:
            if is_folder:
                _remove(entry, folder, depth - 1)
            else:
                os.unlink(entry, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=parent)


def _force(remove: Callable[[str], object], path: str, _error: object) -> None:
    """A job may have left folders that it made read-only, and layers leave one that nobody may enter."""
    with contextlib.suppress(FileNotFoundError):
        parent = os.path.dirname(path)
        for locked in (parent, path):
            if not os.path.islink(locked):
                os.chmod(locked, os.stat(locked).st_mode | stat.S_IRWXU)
        if remove in (os.unlink, os.rmdir):
            remove(path)
        else:  # it could not be opened
            shutil.rmtree(path, onerror=_force)
