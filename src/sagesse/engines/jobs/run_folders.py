"""The folders of an engine's runs: one for each, by its id."""

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

_RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}")


class RunFolders:
    """The folders below one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)

    def path(self, run_id: str) -> Path:
        """Where the run's folder is or would be.

        Raises:
            ValueError: not a run id.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise ValueError(f"not a run id: {run_id!r}")
        return self._root / run_id

    def make(self, run_id: str) -> Path:
        """The run's folder, made when it is not there; only its owner can enter."""
        folder = self.path(run_id)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def remove(self, run_id: str) -> None:
        """Remove the folder with all that is in it, also what the job locked; nothing happens when it is gone."""
        if self.path(run_id).exists():
            shutil.rmtree(self.path(run_id), onerror=_force)

    def ids(self) -> list[str]:
        """The ids of the runs that have a folder."""
        return sorted(entry.name for entry in self._root.iterdir())


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
