"""The inside of a run: the small init that is pid 1 for the job, and the job's own process."""

import atexit
import contextlib
import gc
import importlib
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

from sagesse.runtime import linux
from sagesse.runtime.plan import Command, Plan, PythonEntry
from sagesse.runtime.sandbox import Level, View, build, rewrite
from sagesse.runtime.thread_budget import VARIABLES, limit_loaded_libraries

_CODE = "/opt/ml/code"
_SIGNALS = {signal.SIGTERM, signal.SIGCHLD}


def run_init(plan: Plan, level: Level, view: View, folder: Path, report: int) -> None:
    """Build the job's view, start the job, collect its processes, and pass SIGTERM on to it.

    Writes one line to `report` for each event: ``ready``, ``error <text>``, ``exit <wait status>``.
    Returns when the job's first process has ended; the caller must end this process then.
    """
    linux.die_with_parent(signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")  # short of memory, the job goes before the server
    try:
        build(level, view)
    except Exception as error:
        os.write(report, f"error {error}\n".encode())
        return
    job = os.fork()
    if job == 0:
        run_job(plan, level, view, folder, report)
    while True:
        if signal.sigwait(_SIGNALS) == signal.SIGTERM:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(job, signal.SIGTERM)
        elif (status := _collect(job)) is not None:
            os.write(report, f"exit {status}\n".encode())
            return


def _collect(job: int) -> int | None:
    """Collect ended processes; the wait status of `job` when it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == job:
            return status
        if pid == 0:
            return None


def run_job(plan: Plan, level: Level, view: View, folder: Path, report: int) -> NoReturn:
    """Become the job: its own session, environment, folder and limits, then its program or function."""
    code = 1
    try:
        os.setsid()
        linux.die_with_parent(signal.SIGKILL)
        _reset_signals()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        adapt: Callable[[str], str] = (
            (lambda text: rewrite(text, view.mounts)) if level == Level.NONE else str
        )
        _enter_environment(plan, level, view, folder, adapt)
        _enter_folder(plan.entry.cwd, adapt)
        os.write(report, b"ready\n")
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        match plan.entry:
            case Command(argv=argv):
                code = _execute([adapt(argument) for argument in argv])
            case PythonEntry():
                code = _call(plan.entry, [adapt(argument) for argument in plan.entry.args], plan.threads)
    except BaseException:
        traceback.print_exc()
    _leave(code)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _enter_environment(
    plan: Plan, level: Level, view: View, folder: Path, adapt: Callable[[str], str]
) -> None:
    home, temporary = folder / "home", folder / "tmp"
    defaults = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(VARIABLES, str(plan.threads)),
    }
    if level == Level.NONE and "/opt/ml" in view.mounts:
        defaults["SAGEMAKER_BASE_DIR"] = str(view.mounts["/opt/ml"])
    os.environ.clear()
    os.environ.update(defaults | {name: adapt(value) for name, value in plan.environment.items()})


def _enter_folder(wanted: str | None, adapt: Callable[[str], str]) -> None:
    code = adapt(_CODE)
    os.chdir(adapt(wanted) if wanted is not None else code if Path(code).is_dir() else "/")


def _execute(argv: list[str]) -> int:
    try:
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        print(f"sagesse: no such program: {argv[0]}", file=sys.stderr)  # noqa: T201 - the job's log
        return 127
    except OSError as error:
        print(f"sagesse: cannot run {argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 126


def _call(entry: PythonEntry, arguments: list[str], threads: int) -> int:
    gc.enable()
    signal.signal(
        signal.SIGPIPE, signal.SIG_IGN
    )  # as in any Python program: BrokenPipeError instead of death
    _make_unique(threads)
    function: Callable[..., object] = getattr(importlib.import_module(entry.module), entry.function)
    try:
        answer = function(*arguments)
    except SystemExit as stop:
        answer = _exit_code(stop)
    return answer if isinstance(answer, int) else 0


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    print(stop.code, file=sys.stderr)  # noqa: T201 - what the interpreter itself does with such a code
    return 1


def _make_unique(threads: int) -> None:
    """Undo what a fork shares with every other one: output buffering, library threads, numpy's random state."""
    sys.stdout = sys.__stdout__ = _text_stream(1)
    sys.stderr = sys.__stderr__ = _text_stream(2)
    limit_loaded_libraries(threads)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _text_stream(number: int) -> TextIO:
    return open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _leave(code: int) -> NoReturn:
    """End as an interpreter ends (threads joined, atexit run, output flushed), but without tearing modules down."""
    steps: list[Callable[[], object]] = [
        threading._shutdown,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        atexit._run_exitfuncs,  # pyright: ignore[reportPrivateUsage]
        sys.stdout.flush,
        sys.stderr.flush,
    ]
    for step in steps:
        try:
            step()
        except BaseException:
            traceback.print_exc()
    os._exit(code & 0xFF)
