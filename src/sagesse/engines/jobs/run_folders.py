"""The folders of an engine's runs: one for each, by its id."""

import os
import re
from pathlib import Path

from sagesse.engines.jobs.remove_tree import remove_tree
from sagesse.engines.jobs.spread import spread

_RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}")


class RunFolders:
    """The folders below one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)
        spread(self._root)

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
        if not os.path.isdir(folder):  # asked often, and asking is cheaper than an attempt
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def remove(self, run_id: str) -> None:
        """Remove the folder with all that is in it, also what the job locked; nothing happens when it is gone."""
        remove_tree(self.path(run_id))

    def ids(self) -> list[str]:
        """The ids of the runs that have a folder."""
        return sorted(entry.name for entry in self._root.iterdir())
