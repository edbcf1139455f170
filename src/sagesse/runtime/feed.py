"""The small process that fills a run's pipes: a fork of its supervisor, outside the job's namespaces.

It belongs to the run and not to the server, so a server that dies and comes back is no more to the job than a pause.
Each pipe has a thread: it waits until the job opens the pipe of an epoch, makes the pipe of the next one, and sends.
A job that closes early finds the next epoch at its beginning. The pipe of an epoch is gone when it has been read.
When the data cannot be sent, the pipes stay open until the supervisor has ended the job: it never takes a failure
for the end of the data.
"""

import contextlib
import fcntl
import os
import signal
import stat
import sys
import threading
from collections.abc import Iterable, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import NoReturn

from sagesse.runtime import linux
from sagesse.runtime.feed_content import BadContent, epoch_content
from sagesse.runtime.feed_list import EntryList
from sagesse.runtime.object_reader import ObjectReader, ObjectUnreadable
from sagesse.runtime.plan import Feed

ACCESS = "feed-access.json"
_PIPE_BYTES = 1 << 20
_DETAIL_BYTES = 1000


def start(folder: Path, feeds: Sequence[Feed], report: int) -> int:
    """Make the first pipes and fork the process that fills them; returns its process id.

    It writes one line ``data <reason>`` to `report` when data cannot be sent, then waits for its end.
    """
    places = [_Pipes(folder / feed.path) for feed in feeds]
    for place in places:
        place.make(0)
    feeder = os.fork()
    if feeder == 0:
        try:
            _become_feeder(folder, list(zip(feeds, places, strict=True)), report)
        finally:
            os._exit(1)
    for place in places:
        os.close(place.folder)
    return feeder


def _become_feeder(folder: Path, feeds: Sequence[tuple[Feed, "_Pipes"]], report: int) -> NoReturn:
    linux.die_with_parent(signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a write tells
    _keep_open({report, *(pipes.folder for _, pipes in feeds)})
    for feed, pipes in feeds:
        threading.Thread(target=_fill, args=(folder, feed, pipes, report), daemon=True).start()
    while True:
        signal.pause()


def _keep_open(kept: set[int]) -> None:
    """Close everything else above stderr, above all the lock that says that the supervisor lives."""
    edges = [2, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for lower, upper in pairwise(edges):
        os.closerange(lower + 1, upper)


def _fill(folder: Path, feed: Feed, pipes: "_Pipes", report: int) -> None:
    """Fill the pipes of a feed, epoch by epoch, until this process ends or the data cannot be had."""
    reader = ObjectReader(folder / ACCESS)
    try:
        entries = EntryList(folder / feed.entries)  # open as long as this process lives
        for epoch in count():
            target = pipes.open(epoch)
            if target is None:
                return
            pipes.make(epoch + 1)
            with contextlib.suppress(BrokenPipeError):
                _send(target, epoch_content(feed, entries, reader, epoch))
            reader.drop()
            pipes.remove(epoch)
            os.close(target)
    except (BadContent, ObjectUnreadable) as error:
        _tell(report, f"ClientError: Data download failed:{error}")
    except BaseException as error:
        _tell(report, f"InternalServerError: Data download failed: {error!r}")
        raise


def _send(target: int, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        left = memoryview(chunk)
        while left:
            left = left[os.write(target, left) :]


def _tell(report: int, text: str) -> None:
    line = " ".join(text.splitlines()).encode()[:_DETAIL_BYTES]
    os.write(report, b"data " + line + b"\n")
    sys.stderr.flush()


class _Pipes:
    """The pipes of one feed. Their folder is the job's, so it is held open and no link is followed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = path.name

    def make(self, epoch: int) -> None:
        """Make the pipe of an epoch; one that is there stays."""
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._at(epoch), 0o600, dir_fd=self.folder)

    def open(self, epoch: int) -> int | None:
        """The pipe's writing end, as soon as somebody reads; None: the job removed or replaced the pipe."""
        try:
            target = os.open(self._at(epoch), os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder)
        except OSError:
            return None
        if not stat.S_ISFIFO(os.fstat(target).st_mode):
            return None
        with contextlib.suppress(OSError):  # the user has as many large pipes as the system allows
            fcntl.fcntl(target, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return target

    def remove(self, epoch: int) -> None:
        """Remove the pipe of an epoch that has been read."""
        with contextlib.suppress(OSError):
            os.unlink(self._at(epoch), dir_fd=self.folder)

    def _at(self, epoch: int) -> str:
        return f"{self._name}_{epoch}"
