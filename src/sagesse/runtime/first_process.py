"""The first process of a job's own process numbers: it collects what others leave behind, and keeps the numbers.

The kernel ends every process of a pid namespace with its first one, and gives it the orphans. No more is asked of it,
so it is no fork of ours, whose memory would have to be copied, but ``cat`` on a pipe that its maker holds open: however
the maker ends, so does ``cat``, and with it the job.
"""

import contextlib
import os
import signal

from sagesse.runtime import linux

_PROGRAM = "cat"


class FirstProcess:
    """Started by the next fork's parent, right after it has left its pid namespace.

    Attributes:
        pid: as the maker sees it.

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(self) -> None:
        reader, self._held = os.pipe2(os.O_CLOEXEC)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        files = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate((reader, null, null))]
        linux.mark_programs()  # it sees the machine as it is: nobody inside may look through its eyes
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # inherited: the kernel collects for it
        try:
            self.pid = os.posix_spawnp(_PROGRAM, [_PROGRAM], {}, file_actions=files, setsigmask=())
        finally:
            signal.signal(signal.SIGCHLD, before)
            os.close(null)
            os.close(reader)

    def kill(self) -> None:
        """End every process that has its numbers here; returns at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """End them, and return when there is none; the maker has collected its other children there already."""
        self.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self._held)
