"""Talking to the zygotes of a data directory: starting them, asking one to fork a run, stopping them."""

import contextlib
import functools
import hashlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

import sagesse
from sagesse.engines.jobs.base import JobEngineError

_SOCKET = "zygote.sock"
_START_S = 20.0
_ANSWER_S = 120.0  # the first answer waits for the imports


class Zygotes:
    """The zygotes below one folder, one for each interpreter and set of imports; started when first needed.

    Args:
        folder: where their sockets live; only its owner can enter.
        environments: interpreter by name.
    """

    def __init__(self, folder: Path, environments: Mapping[str, str]) -> None:
        self._folder = folder
        self._environments = environments
        self._starting = threading.Lock()

    def warm(self, environment: str, preload: tuple[str, ...]) -> None:
        """Start the zygote now, so that its first job finds it ready."""
        folder = self._home(environment, preload)
        with self._starting, contextlib.suppress(OSError):
            _connect(folder).close()
            return
        self._start(folder, environment, preload)

    def fork(self, environment: str, preload: tuple[str, ...], request: Mapping[str, object]) -> str:
        """Send `request` to the zygote; its answer, or "" when it went away before giving one.

        Raises:
            JobEngineError: no zygote can be started.
        """
        folder = self._home(environment, preload)
        try:
            connection = _connect(folder)
        except OSError:
            connection = self._start_and_connect(folder, environment, preload)
        return _ask(connection, request)

    def stop(self) -> None:
        """Ask every zygote to end; the runs they forked go on."""
        for lock in self._folder.glob(f"*/{_SOCKET}"):
            with contextlib.suppress(OSError):
                _ask(_connect(lock.parent), {"stop": True})

    def _home(self, environment: str, preload: tuple[str, ...]) -> Path:
        """A folder per machine (they may share files), set of imports and version of our code.

        A zygote of older code is never asked again.
        """
        identity = f"{socket.gethostname()} {self._interpreter(environment)} {sorted(preload)} {_version()}"
        return self._folder / hashlib.sha256(identity.encode()).hexdigest()[:16]

    def _interpreter(self, environment: str) -> str:
        try:
            return self._environments[environment]
        except KeyError:
            known = ", ".join(sorted(self._environments))
            raise JobEngineError(f"no environment is named {environment!r}; there are {known}") from None

    def _start_and_connect(self, folder: Path, environment: str, preload: tuple[str, ...]) -> socket.socket:
        with self._starting:
            for _ in range(3):
                with contextlib.suppress(OSError):  # someone else may have started it meanwhile
                    return _connect(folder)
                self._start(folder, environment, preload)
        raise JobEngineError(f"the job starter does not answer; see {folder / 'zygote.log'}")

    def _start(self, folder: Path, environment: str, preload: tuple[str, ...]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ready, told = os.pipe()
        command = [self._interpreter(environment), "-P", "-m", "sagesse.runtime.zygote"]
        command += ["--folder", str(folder), "--preload", ",".join(sorted(preload)), "--ready", str(told)]
        with (folder / "zygote.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd="/",
                env=_zygote_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(told,),
                start_new_session=True,
            )
        os.close(told)
        with os.fdopen(ready, "rb") as answer:
            waiting, _, _ = select.select([answer], [], [], _START_S)
            if waiting and answer.read(5) == b"ready":
                _collect_when_it_ends(process)
                return
        process.kill()
        process.wait()


@functools.cache
def _version() -> int:
    """Of the code that zygotes run: when it was changed last, as this process began with it."""
    runtime = Path(sagesse.__file__).parent / "runtime"
    return max(file.stat().st_mtime_ns for file in runtime.glob("*.py"))


def _collect_when_it_ends(process: subprocess.Popen[bytes]) -> None:
    threading.Thread(target=process.wait, name="zygote-exit", daemon=True).start()


def _zygote_environment() -> dict[str, str]:
    """Nothing of ours but how to find programs and this package: the server's secrets stay with the server."""
    package = str(Path(sagesse.__file__).parent.parent)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        # OpenMP reads it once, when torch is loaded: threads that spin while they wait starve the other jobs.
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": os.pathsep.join([package, *_python_path()]),
    }


def _python_path() -> Iterator[str]:
    inherited = os.environ.get("PYTHONPATH", "")
    return (entry for entry in inherited.split(os.pathsep) if entry)


def _connect(folder: Path) -> socket.socket:
    """Connect by a short name: the path of a unix socket may be 107 bytes long, no more."""
    held = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(f"/proc/self/fd/{held}/{_SOCKET}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(held)
    return connection


def _ask(connection: socket.socket, request: Mapping[str, object]) -> str:
    with connection:
        connection.settimeout(_ANSWER_S)
        try:
            connection.sendall(msgspec.json.encode(request))
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(64).decode()
        except OSError:
            return ""


BUILTIN: Mapping[str, str] = {"builtin": sys.executable}
