"""The folder of a run on the server's machine: what was asked, and what is known of it here."""

import os
import shutil
import time
from pathlib import Path

from sagesse.engines.jobs.base import Run, ended_run
from sagesse.engines.jobs.ray import parcel
from sagesse.engines.jobs.ray.home import ASKED, LOST, PLACED
from sagesse.engines.jobs.ray.host import News
from sagesse.runtime import run_folder
from sagesse.runtime.plan import Plan
from sagesse.runtime.run_folder import Outcome, Status


class Mirror:
    """The folder of one run. On a node that sees it, the run itself writes there too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / run_folder.LOG

    def look(self) -> Run:
        """Where the run stands, as far as it is known here."""
        if (self._folder / LOST).exists():
            return Run("lost", self._log)
        outcome = run_folder.read(self._folder / run_folder.EXIT, Outcome)
        if outcome is not None:
            return ended_run(self._log, outcome)
        status = run_folder.read(self._folder / run_folder.STATUS, Status)
        if status is None:
            return Run("preparing", self._log)
        return Run("running", self._log, started=status.started, isolation_level=status.level)

    def plan(self) -> Plan | None:
        """What was asked; None when nothing was, or the folder is gone."""
        return run_folder.read(self._folder / ASKED, Plan)

    def ask(self, plan: Plan) -> None:
        """Note the wish."""
        if not (self._folder / ASKED).exists():
            run_folder.write(self._folder / ASKED, plan, durable=True)

    @property
    def is_placed(self) -> bool:
        """Whether the run may have been started: it never will be again."""
        return (self._folder / PLACED).exists()

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""
        return not self._folder.exists() or self.look().is_final

    def place(self) -> None:
        """Use the one right to start the run."""
        self._touch(PLACED)

    def lose(self) -> None:
        """Note that the run ended and nobody can say how."""
        if not self.is_over:
            self._touch(LOST)

    def end(self, outcome: Outcome) -> None:
        """Note the end of a run that never started."""
        run_folder.write(self._folder / run_folder.EXIT, outcome, durable=True)

    def forestall(self) -> None:
        """Note that a run was stopped before it started."""
        self.end(Outcome(reason="stopped", ended=time.time()))

    @property
    def log_bytes(self) -> int:
        """How much of the log is here."""
        return self._log.stat().st_size if self._log.exists() else 0

    def pack(self, plan: Plan, shown: tuple[str, ...], archive: Path) -> None:
        """Write an archive of the run's files for a node that does not see them."""
        names = parcel.scan(self._folder, plan.mounts.values())
        for number, folder in enumerate(shown):
            shutil.copytree(folder, self._folder / f"shown/{number}", dirs_exist_ok=True)
            names |= parcel.scan(self._folder, [f"shown/{number}"])
        parcel.pack(self._folder, names, archive)

    def take(self, archive: Path, removed: tuple[str, ...]) -> None:
        """Unpack what changed on the node."""
        parcel.unpack(archive, self._folder, removed)

    def note(self, news: News) -> None:
        """Keep the new lines and how the run stands; the end only when it is the last news."""
        if news.log:
            with self._log.open("ab") as log:
                log.write(news.log)
        for name, content in news.files.items():
            if name != run_folder.EXIT or news.is_last:
                self._put(name, content)

    def _put(self, name: str, content: bytes) -> None:
        target = self._folder / name
        if target.exists():
            return
        draft = target.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)

    def _touch(self, name: str) -> None:
        marker = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fsync(marker)
        os.close(marker)
