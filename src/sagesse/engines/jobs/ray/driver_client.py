"""The server's end of the channel to its driver: starts it, asks it, hears from it, starts it again."""

import contextlib
import itertools
import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, TimeoutError
from pathlib import Path
from typing import Literal

import msgspec

import sagesse
from sagesse.engines.jobs.base import JobEngineError
from sagesse.engines.jobs.ray.message import Answer, Ended, Ready, Request

_START_S, _ANSWER_S, _AGAIN_S = 180.0, 120.0, 5.0
_logger = logging.getLogger(__name__)


class DriverClient:
    """Keeps one driver process. All methods are thread-safe.

    Args:
        command: the driver's, without its channel.
        log: what it prints.
        on_ended: called with a run's id from our thread.
    """

    def __init__(self, command: Sequence[str], log: Path, on_ended: Callable[[str], None]) -> None:
        self._command = command
        self._log = log
        self._on_ended = on_ended
        self._starting = threading.Lock()
        self._driver: _Driver | None = None
        self._tried_at = -_AGAIN_S
        self._is_closed = False

    @property
    def is_running(self) -> bool:
        """Whether a driver has joined the cluster."""
        return self._driver is not None and self._driver.is_alive

    def wake(self) -> None:
        """Have a driver soon; returns at once."""
        if not self.is_running and time.monotonic() - self._tried_at > _AGAIN_S:
            self._tried_at = time.monotonic()
            threading.Thread(target=self._try, name="ray-driver-start", daemon=True).start()

    def ask(self, do: Literal["ensure", "stop", "discard"], run_id: str) -> None:
        """Have the driver do something, and wait until it is done.

        Raises:
            JobEngineError: it cannot now.
        """
        self._running().ask(do, run_id)

    def close(self) -> None:
        """End the driver; runs go on."""
        self._is_closed = True
        if self._driver is not None:
            self._driver.close()
        with self._starting:  # one that was about to start is gone too, in some seconds
            return

    def _running(self) -> "_Driver":
        with self._starting:
            if self._is_closed:
                raise JobEngineError("the job engine is closed")
            if self._driver is None or not self._driver.is_alive:
                self._driver = _Driver(self._command, self._log, self._on_ended)
                self._driver.join()
            return self._driver

    def _try(self) -> None:
        try:
            self._running()
        except JobEngineError as error:
            _logger.error("%s", error)
        self._tried_at = time.monotonic()


class _Driver:
    """One driver process."""

    def __init__(self, command: Sequence[str], log: Path, on_ended: Callable[[str], None]) -> None:
        ours, its = socket.socketpair()
        with its, log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "--channel", str(its.fileno())],
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(its.fileno(),),
                start_new_session=True,  # Ctrl-C at the server is not for it
            )
        self._channel = ours
        self._on_ended = on_ended
        self._numbers = itertools.count()
        self._guard = threading.Lock()
        self._open: dict[int, Future[None]] = {}
        self._log = log
        self._lines = ours.makefile("rb")
        self._thread = threading.Thread(target=self._listen, name="ray-driver", daemon=True)
        self.is_alive = False

    def join(self) -> None:
        """Wait until it has joined the cluster."""
        timer = threading.Timer(_START_S, self._process.kill)
        timer.start()
        line = self._lines.readline()
        timer.cancel()
        error = msgspec.json.decode(line, type=Ready).error if line else f"the driver ended; see {self._log}"
        if error:
            self._end()
            raise JobEngineError(f"the Ray cluster cannot be used: {error}")
        self.is_alive = True
        self._thread.start()

    def ask(self, do: Literal["ensure", "stop", "discard"], run_id: str) -> None:
        number, done = next(self._numbers), Future[None]()
        with self._guard:
            self._open[number] = done
            try:
                self._channel.sendall(msgspec.json.encode(Request(number, do, run_id)) + b"\n")
            except OSError as error:
                raise JobEngineError("the Ray driver has ended") from error
        try:
            done.result(_ANSWER_S)
        except TimeoutError as error:
            raise JobEngineError(f"the Ray driver did not {do} {run_id} within {_ANSWER_S:.0f} s") from error
        finally:
            self._open.pop(number, None)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it has ended by itself
            self._channel.shutdown(socket.SHUT_RDWR)
        if self.is_alive:
            self._thread.join()

    def _listen(self) -> None:
        for line in self._lines:
            match msgspec.json.decode(line, type=Answer | Ended):
                case Answer(number, error):
                    self._settle(number, error)
                case Ended(run_id):
                    self._on_ended(run_id)
        self.is_alive = False
        for number in tuple(self._open):
            self._settle(number, "the Ray driver has ended")
        self._end()

    def _settle(self, number: int, error: str) -> None:
        done = self._open.pop(number, None)
        if done is not None:
            if error:
                done.set_exception(JobEngineError(error))
            else:
                done.set_result(None)

    def _end(self) -> None:
        self._lines.close()
        self._channel.close()
        try:
            self._process.wait(_AGAIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    """Ours without our settings, and how to find this package."""
    package = str(Path(sagesse.__file__).parent.parent)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAGESSE_")}
    path = [package, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return {**kept, "PYTHONPATH": os.pathsep.join(path), "RAY_USAGE_STATS_ENABLED": "0"}
