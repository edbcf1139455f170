"""Progress of the story: bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Step:
    """One step under way."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, to: int | None = None) -> None:
        """One more is done, or `to` of them."""
        if to is None:
            self._progress.advance(self._task)
        else:
            self._progress.update(self._task, completed=to)

    def note(self, text: str) -> None:
        """Show a word beside the bar."""
        self._progress.update(self._task, note=text)


class Stage:
    """Where the steps are shown; use as a context.

    Attributes:
        seconds: how long each finished step took, by title.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = console.is_terminal
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not self._bars,
        )
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> "Stage":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._progress.console.print(text, soft_wrap=not self._bars)

    @contextmanager
    def step(self, title: str, total: int) -> Generator[Step]:
        """A step of `total` parts; leaving the block ends it."""
        began = time.monotonic()
        task = self._progress.add_task(title, total=total, note="")
        if not self._bars:
            self.say(f"{title} (of {total}) ..." if total > 1 else f"{title} ...")
        yield Step(self._progress, task)
        self.seconds[title] = round(time.monotonic() - began, 2)
        self._progress.update(task, completed=total)
        self._progress.stop_task(task)
        if not self._bars:
            self.say(f"{title}: {self.seconds[title]:.1f} s")
