"""The inside of a run: what a fork of the zygote does to become the job."""

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
from typing import Any, NamedTuple, NoReturn, TextIO

from sagesse.runtime import linux
from sagesse.runtime.own_python import HOME, PROGRAMS, enter_python, make_python, packages_of
from sagesse.runtime.plan import SYSTEM_PATH, Command, Plan, PythonEntry
from sagesse.runtime.sandbox import TEMPORARY, Level, View, build, rewrite
from sagesse.runtime.thread_budget import VARIABLES, LoadedLibraries

_CODE = "/opt/ml/code"
_STARTUP = str(Path(__file__).parent / "startup")
"""Has the ``sitecustomize`` of all Python programs of a job."""


class Launch(NamedTuple):
    """All that is needed to become a job: what was asked, how it is kept apart, and what is loaded already."""

    plan: Plan
    level: Level
    view: View
    folder: Path
    libraries: LoadedLibraries

    @property
    def python(self) -> Path | None:
        """The job's own Python environment; none for a container or an environment of the user's."""
        has_one = self.plan.has_own_python and not self.plan.is_contained
        return self.folder / "home" / HOME if has_one else None

    def adapt(self, text: str) -> str:
        """`text` of the plan as this job must see it: where it has no view of its own, with other paths."""
        return rewrite(text, self.view.mounts) if self.level == Level.NONE else text


def run_job(launch: Launch, report: int) -> NoReturn:
    """Become the job: its own view of the machine, process group, environment, folder and limits, then its program.

    Writes one line to `report`: ``ready`` when nothing but the program is left to do, ``error <text>`` when there can
    be no view.
    """
    code = 1
    try:
        lead_a_group(0)
        linux.die_with_parent(signal.SIGKILL)
        _reset_signals()
        with contextlib.suppress(OSError):  # short of memory, the job goes before the server
            Path("/proc/self/oom_score_adj").write_text("500")
        if not _has_view(launch, report):
            os._exit(code)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _enter_environment(launch)
        _enter_folder(launch)
        os.write(report, b"ready\n")
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        match launch.plan.entry:
            case Command(argv=argv):
                code = _execute([launch.adapt(argument) for argument in argv])
            case PythonEntry() as entry:
                launch.libraries.limit(launch.plan.threads)
                if launch.python is not None:
                    enter_python(launch.python)
                code = _call(entry, [launch.adapt(argument) for argument in entry.args])
    except BaseException:
        traceback.print_exc()
    _leave(code)


def _has_view(launch: Launch, report: int) -> bool:
    try:
        build(launch.level, launch.view)
    except Exception as error:
        os.write(report, f"error {error}\n".encode())
        return False
    return True


def lead_a_group(job: int) -> None:
    """Called on both sides of the fork: whoever comes first, a signal to the group finds it."""
    with contextlib.suppress(OSError):  # it did so itself and runs its program already, or has ended
        os.setpgid(job, job)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _enter_environment(launch: Launch) -> None:
    plan, mounts = launch.plan, launch.view.mounts
    defaults = {
        "PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
        "HOME": str(launch.folder / "home"),
        "TMPDIR": TEMPORARY if launch.level != Level.NONE else str(launch.folder / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(VARIABLES, str(plan.threads)),
    }
    if launch.level == Level.NONE and "/opt/ml" in mounts:
        defaults["SAGEMAKER_BASE_DIR"] = str(mounts["/opt/ml"])
    os.environ.clear()
    os.environ.update(defaults | {name: launch.adapt(value) for name, value in plan.environment.items()})
    python, found = launch.python, [os.environ.get("PYTHONPATH", "")]
    if python is not None:
        make_python(python)
        os.environ["PATH"] = _before_the_system(f"{python}/bin:{PROGRAMS}", os.environ["PATH"])
        # For programs of ours such as torchrun, which start another interpreter than the job's.
        found.append(str(packages_of(python)))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (*found, _STARTUP)))


def _before_the_system(programs: str, path: str) -> str:
    """A PATH with `programs` behind what a user put first, and before the machine's own Python."""
    entries, system = path.split(":"), {*SYSTEM_PATH.split(":"), str(Path(sys.executable).parent)}
    place = next((i for i, entry in enumerate(entries) if entry in system), len(entries))
    return ":".join([*entries[:place], programs, *entries[place:]])


def _enter_folder(launch: Launch) -> None:
    code, wanted = launch.adapt(_CODE), launch.plan.entry.cwd
    os.chdir(launch.adapt(wanted) if wanted is not None else code if Path(code).is_dir() else "/")


def _execute(argv: list[str]) -> int:
    try:
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        print(f"sagesse: no such program: {argv[0]}", file=sys.stderr)  # noqa: T201 - the job's log
        return 127
    except OSError as error:
        print(f"sagesse: cannot run {argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 126


def _call(entry: PythonEntry, arguments: list[str]) -> int:
    gc.enable()
    signal.signal(
        signal.SIGPIPE, signal.SIG_IGN
    )  # as in any Python program: BrokenPipeError instead of death
    _make_unique()
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


def _make_unique() -> None:
    """Undo what a fork shares with every other one: the output streams and numpy's random state."""
    sys.stdout = sys.__stdout__ = _text_stream(1)
    sys.stderr = sys.__stderr__ = _text_stream(2)
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


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
