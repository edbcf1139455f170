"""The small process beside each run: it starts the job once, keeps its log, ends it in time, writes how it ended.

It is a fork of the zygote in a session of its own, so it outlives the server. While the job is quiet it
sleeps in poll(2); twice a minute it looks whether the run's folder is still there, and ends the job if not.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from sagesse.runtime import feed, linux, run_folder
from sagesse.runtime.first_process import FirstProcess
from sagesse.runtime.job_process import Launch, lead_a_group, run_job
from sagesse.runtime.output import LineLog
from sagesse.runtime.plan import Plan, decode_plan
from sagesse.runtime.process import descendants, kill_descendants, memory_bytes
from sagesse.runtime.run_folder import Outcome, Reason, Status
from sagesse.runtime.sandbox import Layer, Level, SandboxRefused, View, enter, flatten
from sagesse.runtime.thread_budget import LoadedLibraries
from sagesse.runtime.usage import EVERY_S, UsageMeter

_MEMORY_CHECK_S = 0.5
_FOLDER_CHECK_S = 30.0
_READ_BYTES = 1 << 16
_CLEANUP_S = 30.0
_LAYERS = "layers"
_OWN_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Host(NamedTuple):
    """What a run is given: the isolation the machine has, what is hidden and yet shown, what its zygote has loaded."""

    level: Level
    hidden: tuple[str, ...]
    shown: tuple[Path, ...]
    libraries: LoadedLibraries


class _KeeperGone(Exception):  # noqa: N818 - reads as the fact it states
    """The process that the run must not outlive has ended."""


def supervise(folder: Path, host: Host, announce: Callable[[bytes], None]) -> None:
    """Run the plan in `folder` from start to end, unless it was started before.

    `announce` is called with ``started`` or ``already`` as soon as that is decided. Call it in a process
    that has no other use: signals, namespaces and open files are changed.
    """
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    wake = _wake_on_signals()
    if run_folder.claim(folder) is None:  # the claim is never released: it lasts as long as this process
        announce(b"already")
        return
    announce(b"started")
    try:
        plan = decode_plan((folder / run_folder.PLAN).read_bytes())
        level = Level.NONE if plan.is_contained else host.level
        view = _lay_out(folder, plan, host)
        view = flatten(view) if level == Level.NONE else view
        launch = Launch(plan, level, view, folder, host.libraries)
        outcome = _Supervision(launch, wake).run()
    except _KeeperGone:
        return  # without an end that anybody could read: lost
    except Exception as error:  # a job that already runs dies with this process
        outcome = Outcome(
            reason="setup", ended=time.time(), level=host.level, message=f"supervisor: {error!r}"
        )
    run_folder.write(folder / run_folder.EXIT, outcome, durable=True)


def _wake_on_signals() -> int:
    """SIGTERM (stop) and SIGUSR1 (end now) become bytes on the returned pipe."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    for number in _OWN_SIGNALS:
        signal.signal(number, _only_wake)
    signal.set_wakeup_fd(writer)
    return reader


def _only_wake(_number: int, _frame: object) -> None:
    pass


def _lay_out(folder: Path, plan: Plan, host: Host) -> View:
    mounts = {inside: folder / outside for inside, outside in plan.mounts.items()}
    foreign = {inside for inside, outside in plan.mounts.items() if Path(outside).is_absolute()}
    shown = (*host.shown, folder / "home", folder / "tmp")
    for path in (*(path for inside, path in mounts.items() if inside not in foreign), *shown):
        path.mkdir(parents=True, exist_ok=True)
    return View(
        mounts,
        host.hidden,
        shown,
        _write_hosts(folder / "hosts", plan),
        plan.hostname,
        layers={inside: _layer(folder / _LAYERS / str(i)) for i, inside in enumerate(plan.private)},
        read_only=frozenset(plan.read_only),
        foreign=frozenset(foreign),
        temporary=folder / "tmp",
    )


def _write_hosts(file: Path, plan: Plan) -> Path:
    """The job's ``/etc/hosts``: the machine's, but for the names of the job's own hosts, and those."""
    names = {plan.hostname: "127.0.0.1", **plan.hosts}
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/etc/hosts").read_text().splitlines()
    lines = [line for line in lines if names.keys().isdisjoint(line.split()[1:])]
    lines += [f"{address} {name}" for name, address in names.items()]
    file.write_text("\n".join([*lines, ""]))
    return file


def _layer(folder: Path) -> Layer:
    layer = Layer(folder / "changes", folder / "work")
    for path in layer:
        path.mkdir(parents=True, exist_ok=True)
    return layer


def _open(keeper: int | None) -> tuple[int, ...]:
    """A pidfd of the keeper, if the run has one."""
    if keeper is None:
        return ()
    try:
        return (os.pidfd_open(keeper),)
    except ProcessLookupError as error:
        raise _KeeperGone from error


def _clean_up(plan: Plan) -> None:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            plan.cleanup, env=plan.environment, capture_output=True, timeout=_CLEANUP_S, check=False
        )


class _Supervision:
    """One run, watched: `run` answers when nothing of the job is left."""

    def __init__(self, launch: Launch, wake: int) -> None:
        self._launch = launch
        self._folder = launch.folder
        self._plan = launch.plan
        self._level = launch.level
        self._wake = wake
        self._reason: Reason = "exit"
        self._message = ""
        self._started: float | None = None
        self._first: FirstProcess | None = None
        self._feeder: int | None = None
        self._end_at: float | None = None  # of the job: the next time something is done to it (monotonic)
        self._check_at: float | None = None
        self._look_at = time.monotonic() + _FOLDER_CHECK_S
        self._measure_at = time.monotonic() + EVERY_S
        self._wait_status: int | None = None

    def run(self) -> Outcome:
        target = os.open(
            self._folder / run_folder.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        self._log = LineLog(target)
        if (self._folder / run_folder.STOP).exists():
            return self._outcome("stopped")
        self._keeper = _open(self._plan.keeper)
        try:
            self._start()
        except (OSError, SandboxRefused) as error:
            self._message = str(error)
            return self._outcome("setup")
        self._watch()
        self._meter.look_at_gpus()
        self._finish()
        with contextlib.suppress(OSError):
            self._meter.conclude()
        return self._outcome(self._reason)

    def _start(self) -> None:
        linux.adopt_orphans()
        self._output, output = os.pipe2(os.O_CLOEXEC)
        self._events, report = os.pipe2(os.O_CLOEXEC)
        if self._plan.feeds:
            self._feeder = feed.start(self._folder, self._plan.feeds, report)
        self._first = enter(self._level, self._folder, self._plan)
        # They wait until the job has let go of our handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, _OWN_SIGNALS)
        self._job = os.fork()
        if self._job == 0:
            try:
                self._become_job(output, report)
            finally:
                os._exit(1)
        lead_a_group(self._job)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OWN_SIGNALS)
        self._meter = UsageMeter(self._folder, self._processes, self._plan.environment)
        os.close(output)
        os.close(report)

    def _become_job(self, output: int, report: int) -> NoReturn:
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        run_job(self._launch, report)

    def _processes(self) -> set[int]:
        """Those of the job: all below this one but what works for it."""
        own = {self._feeder, self._first.pid if self._first else None}
        return descendants(os.getpid()) - own

    def _watch(self) -> None:
        ended = os.pidfd_open(self._job)
        feeder = None if self._feeder is None else os.pidfd_open(self._feeder)
        poll = select.poll()
        for source in (self._output, self._events, self._wake, ended, *self._keeper):
            poll.register(source, select.POLLIN)
        if feeder is not None:
            poll.register(feeder, select.POLLIN)
        while True:
            ready = {source for source, _ in poll.poll(self._patience_ms())}
            for source in (self._output, self._events):
                if source in ready and not self._take(source):
                    poll.unregister(source)
            if self._wake in ready:
                self._heed_signals()
            if feeder in ready:
                self._fail_on_data(
                    "InternalServerError: Data download failed: the process that fills the pipes died"
                )
                poll.unregister(feeder)
            if not ready.isdisjoint(self._keeper):
                self._kill()
                self._finish()
                raise _KeeperGone
            if ended in ready:
                return
            self._act_on_time()

    def _take(self, source: int) -> bool:
        """Read once from the job's output or from what it says of itself; False at the end."""
        chunk = os.read(source, _READ_BYTES)
        if source == self._output:
            self._log.feed(chunk)
        else:
            for line in chunk.splitlines():
                self._note(*line.decode("utf-8", "replace").partition(" ")[::2])
        return bool(chunk)

    def _note(self, event: str, detail: str) -> None:
        match event:
            case "ready":
                self._started = time.time()
                if self._plan.max_runtime_s is not None and self._end_at is None:
                    self._end_at = time.monotonic() + self._plan.max_runtime_s
                if self._plan.memory_bytes is not None:
                    self._check_at = time.monotonic() + _MEMORY_CHECK_S
                run_folder.write(self._folder / run_folder.STATUS, Status(self._started, self._level))
            case "data":
                self._fail_on_data(detail)
            case _:
                self._reason, self._message = "setup", detail

    def _fail_on_data(self, message: str) -> None:
        """End the job at once: it waits for data that will not come, and must not take that for their end."""
        if self._reason == "exit":
            self._reason, self._message = "data", message
        self._kill()

    def _heed_signals(self) -> None:
        asked = set(os.read(self._wake, 64))
        if self._reason == "exit":
            self._ask_to_end("stopped")
        if signal.SIGUSR1 in asked:
            self._kill()

    def _act_on_time(self) -> None:
        now = time.monotonic()
        if self._end_at is not None and now >= self._end_at:
            if self._reason == "exit":
                self._ask_to_end("max_runtime")
            else:
                self._kill()
        if self._check_at is not None and now >= self._check_at:
            self._check_memory()
            self._check_at = now + _MEMORY_CHECK_S
        if now >= self._measure_at:
            self._measure_at = now + EVERY_S
            with contextlib.suppress(OSError):
                self._meter.measure()
        if now >= self._look_at:
            if not self._folder.exists():
                self._kill()  # somebody threw the run away, with the server that knew of it
            self._look_at = now + _FOLDER_CHECK_S

    def _check_memory(self) -> None:
        limit = self._plan.memory_bytes
        if limit is None or memory_bytes(self._processes(), at_least=limit) <= limit:
            return
        self._message = f"the job used more than its {limit} bytes of memory"
        self._reason = "oom"
        self._kill()

    def _ask_to_end(self, reason: Reason) -> None:
        self._reason = reason
        self._end_at = time.monotonic() + self._plan.stop_grace_s
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._job, signal.SIGTERM)

    def _kill(self) -> None:
        """End the job's process, whatever it is doing, with all others where it has process numbers of its own."""
        self._end_at = None
        if self._wait_status is not None:
            return  # it was collected: its number may be another's
        if self._first is not None:
            self._first.kill()
        os.kill(self._job, signal.SIGKILL)

    def _patience_ms(self) -> int:
        watched = (self._end_at, self._check_at, self._look_at, self._measure_at)
        moments = (moment for moment in watched if moment is not None)
        return max(0, round((min(moments) - time.monotonic()) * 1000) + 1)

    def _finish(self) -> None:
        """Collect the job, end what it left behind, then read the output and the events that are still in the pipes."""
        self._wait_status = os.waitpid(self._job, 0)[1]
        if self._first is not None:
            self._first.end()
        kill_descendants()
        if self._plan.cleanup:
            _clean_up(self._plan)
        for source in (self._output, self._events):
            os.set_blocking(source, False)
            with contextlib.suppress(BlockingIOError):
                while self._take(source):
                    pass
        self._log.close()

    def _outcome(self, reason: Reason) -> Outcome:
        status = self._wait_status if self._wait_status is not None else int(signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        if reason == "exit" and self._started is None:
            reason = "setup"
        began = self._started is not None
        return Outcome(
            reason=reason,
            ended=time.time(),
            exit_code=(code if code >= 0 else 128 - code) if began else None,
            signal=-code if began and code < 0 else None,
            started=self._started,
            level=self._level,
            message=self._message,
        )
