"""The pre-loaded parent: it imports once and forks the supervisor of each run in milliseconds.

    python -m sagesse.runtime.zygote --folder FOLDER --preload torch,numpy --ready FD

It is single-threaded and never computes (an OpenMP call here would hang the children), never touches a
GPU, and keeps no state: killed at any time, it is started again by the next job and the running ones do not
notice. It ends by itself when unused, or when its folder is gone.
"""

import argparse
import contextlib
import fcntl
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
import weakref
from pathlib import Path
from typing import Any

from sagesse.runtime.huge_pages import collapse, own_blocks
from sagesse.runtime.sandbox import Level, probe
from sagesse.runtime.supervisor import Host, supervise
from sagesse.runtime.thread_budget import LoadedLibraries

SOCKET, LOCK = "zygote.sock", "zygote.lock"
_LOOK_AROUND_S, _REQUEST_S = 30.0, 5.0
_CALM_S = 0.05  # without a request for so long, there is time to put the memory in order
_ALWAYS = (
    "sagesse.runtime.script",
    "sagesse.runtime.train",
    "gzip",
)  # the last: what tarfile loads when it opens one


def main() -> None:
    """Listen, say so on the ready descriptor, import, then serve until told to stop or idle too long."""
    arguments = _arguments()
    os.chdir(arguments.folder)  # relative names: the path of a unix socket may be 107 bytes long, no more
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another zygote serves this folder")
    listener = _listen()
    os.write(arguments.ready, b"ready")
    os.close(arguments.ready)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel collects the supervisors
    _preload([name for name in arguments.preload.split(",") if name])
    _serve(listener, lock, arguments.idle, LoadedLibraries())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--preload", default="")
    parser.add_argument("--ready", type=int, required=True)
    parser.add_argument("--idle", type=float, default=1800.0)
    return parser.parse_args()


def _listen() -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SOCKET)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(SOCKET)
    os.chmod(SOCKET, 0o600)
    listener.listen(256)
    return listener


def _preload(names: list[str]) -> None:
    for name in (*_ALWAYS, *names):
        try:
            importlib.import_module(name)
        except Exception:  # the job that needs it fails with its own message
            traceback.print_exc()
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random")  # it loads itself late, and every fork seeds it
    _leave_to_the_kernel()
    gc.collect()
    gc.freeze()


def _leave_to_the_kernel() -> None:
    """Let no fork tidy up at its end what the preloaded modules made, as libraries of operators: torch takes 0.1 s."""
    finalizers: Any = weakref.finalize
    for finalizer in finalizers._registry:
        finalizer.atexit = False


def _serve(listener: socket.socket, lock: int, idle_s: float, libraries: LoadedLibraries) -> None:
    level: Level | None = None
    idle_left_s = idle_s
    scattered = list(own_blocks())
    while idle_left_s > 0:
        patience_s = min(_CALM_S if scattered else _LOOK_AROUND_S, idle_left_s)
        listener.settimeout(patience_s)
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            idle_left_s = 0.0 if not Path(SOCKET).exists() else idle_left_s - patience_s
            if scattered:
                collapse(scattered.pop())
            continue
        idle_left_s = idle_s
        with connection:
            request: dict[str, Any] = _read_request(connection)
            if request.get("stop"):
                return
            if "run" not in request:
                continue
            if level is None:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                level = probe(Path(request["run"]))
                signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            if os.fork() == 0:
                listener.close()
                os.close(lock)
                host = Host(
                    max(level, Level(request["best_level"])),
                    tuple(request["hidden"]),
                    tuple(map(Path, request["shown"])),
                    libraries,
                )
                _become_supervisor(connection, Path(request["run"]), host)


def _read_request(connection: socket.socket) -> dict[str, Any]:
    """The JSON object a peer sent; an empty one when it went away before the end."""
    connection.settimeout(_REQUEST_S)
    content = b""
    try:
        while chunk := connection.recv(1 << 16):
            content += chunk
        return json.loads(content)
    except (OSError, ValueError):
        return {}


def _become_supervisor(connection: socket.socket, folder: Path, host: Host) -> None:
    os.chdir("/")

    def announce(word: bytes) -> None:
        with contextlib.suppress(OSError), connection:
            connection.sendall(word)

    try:
        supervise(folder, host, announce)
    except BaseException:
        with contextlib.suppress(OSError):
            (folder / "supervisor.log").write_text(traceback.format_exc())
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
