"""The processes of one host of a distributed job, started together and ended together.

Each line of theirs is shown with its rank, as the training toolkit shows those of mpirun, if the world says so. The
first one that fails ends the others, and its exit code is ours. As a program:
``rank <host rank> <processes> <port> <tags> <hosts> program arguments...``.
"""

import multiprocessing
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from sagesse.runtime.distribution import World, rank_variables

_READ_BYTES = 1 << 16
_LOOK_S = 0.2
_ERROR_BYTES = 2048


class _Process(Protocol):
    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...


class _Forked:
    """A fork of this process as a `_Process`: it has loaded what we have loaded."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._process = multiprocessing.get_context("fork").Process(target=work)
        self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()


class _Pipe(NamedTuple):
    tag: bytes
    target: int
    rest: bytearray


def main() -> int:
    """Run the program that the arguments name, once for each rank."""
    host_rank, per_host, port, tags, hosts, *program = sys.argv[1:]
    world = World(tuple(hosts.split(",")), int(host_rank), int(per_host), int(port), tags == "1")

    def start(variables: dict[str, str], outputs: tuple[int, int]) -> _Process:
        environment = {**os.environ, **variables}
        return subprocess.Popen(program, env=environment, stdout=outputs[0], stderr=outputs[1])

    return _run(world, start)[0]


def run_forked(world: World, run: Callable[[], int]) -> tuple[int, str]:
    """Call `run` in a fork for each rank of this host.

    Returns:
        0 or the exit code of the first that failed, and the end of what the ranks wrote to stderr.
    """

    def start(variables: dict[str, str], outputs: tuple[int, int]) -> _Process:
        def work() -> None:
            os.dup2(outputs[0], 1)
            os.dup2(outputs[1], 2)
            os.environ.update(variables)
            numpy_random: Any = sys.modules.get("numpy.random")
            if numpy_random is not None:
                numpy_random.seed()  # forks share its state
            sys.exit(run())

        return _Forked(work)

    return _run(world, start)


def _run(world: World, start: Callable[[dict[str, str], tuple[int, int]], _Process]) -> tuple[int, str]:
    processes: list[_Process] = []
    with selectors.DefaultSelector() as selector:
        for local_rank in range(world.per_host):
            rank = world.host_rank * world.per_host + local_rank
            pipes = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
            processes.append(start(rank_variables(world, local_rank), (pipes[0][1], pipes[1][1])))
            for (reader, writer), target, name in zip(pipes, (1, 2), ("stdout", "stderr"), strict=True):
                os.close(writer)
                tag = f"[1,mpirank:{rank},{world.hosts[world.host_rank]}]<{name}>:" if world.tags else ""
                pipe = _Pipe(tag.encode(), target, bytearray())
                selector.register(reader, selectors.EVENT_READ, pipe)
        signal.signal(signal.SIGTERM, lambda _number, _frame: _end(processes))
        return _watch(processes, selector)


def _watch(processes: Sequence[_Process], selector: selectors.BaseSelector) -> tuple[int, str]:
    """Show what the processes print until they have ended; a failure ends them all."""
    failed, errors = 0, b""
    while True:
        for key, _ in selector.select(timeout=_LOOK_S):
            chunk = os.read(key.fd, _READ_BYTES)
            _show(key.data, chunk)
            if key.data.target == 2:
                errors = (errors + chunk)[-_ERROR_BYTES:]
            if not chunk:
                selector.unregister(key.fd)
                os.close(key.fd)
        codes = [process.poll() for process in processes]
        if not failed and any(codes):
            failed = next(code for code in codes if code)
            _end(processes)
        if None not in codes and not selector.get_map():
            break
    return (failed if failed >= 0 else 128 - failed), errors.decode("utf-8", "replace").strip()


def _show(pipe: _Pipe, chunk: bytes) -> None:
    pipe.rest.extend(chunk)
    *lines, rest = bytes(pipe.rest).split(b"\n")
    if not chunk and rest:
        lines, rest = [*lines, rest], b""
    pipe.rest[:] = rest
    if lines:
        os.write(pipe.target, b"".join(pipe.tag + line + b"\n" for line in lines))


def _end(processes: Sequence[_Process]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
