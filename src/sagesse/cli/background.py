"""A server of its own, left running: started as `sagesse up` would be, in a session that no terminal ends."""

import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.instance import Facts, find, last
from sagesse.config import Settings

_START_S = 30.0
_TICK_S = 0.05
_LOG_BYTES = 10 << 20


class Started(NamedTuple):
    """A healthy server, and whether it was started just now."""

    facts: Facts
    is_new: bool


def ensure(settings: Settings) -> Started:
    """Have a healthy server on the data directory; idempotent.

    Raises:
        CommandFailed: it cannot be started.
    """
    if find(settings.folder) is None:
        try:
            return Started(start(settings), is_new=True)
        except CommandFailed as failure:
            if failure.code != Exit.RUNNING_ALREADY:
                raise  # else: someone else started one at the same moment
    return Started(_await_health(settings.folder), is_new=False)


def start(settings: Settings) -> Facts:
    """Start a server and return when it is healthy.

    Raises:
        CommandFailed: it ended, or was not healthy in time; with its own words.
    """
    try:
        log = _open_log(settings.folder)
    except OSError as error:
        raise CommandFailed(
            f"the data directory {settings.folder} cannot be used: {error}",
            fix="Choose another with --data-dir, or see `sagesse doctor`.",
        ) from error
    with log:
        begin = log.tell()
        process = subprocess.Popen(
            _command(settings),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        line = _first_line(process)
    if line:
        return msgspec.json.decode(line, type=Facts)
    if process.poll() is None:
        process.kill()
    code = process.wait()
    raise _failure(settings.folder / "run" / "server.log", begin, code)


def at_its_old_port(settings: Settings) -> Settings:
    """The settings with the port that the last server had, so that what it started finds the next one."""
    old = last(settings.folder)
    return settings if old is None else msgspec.structs.replace(settings, port=old.port)


def _command(settings: Settings) -> Sequence[str]:
    return [
        *(sys.executable, "-P", "-m", "sagesse", "up", "--json"),
        *("--data-dir", str(settings.folder), "--host", settings.host),
        *("--port", str(settings.port), "--region", settings.region),
        *(["--ephemeral"] if settings.ephemeral else []),
    ]


def _open_log(folder: Path) -> BinaryIO:
    """The log of detached servers; when it is long, the old one is set aside."""
    run = folder / "run"
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = run / "server.log"
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(run / "server.log.1")
    file = log.open("ab")
    file.seek(0, 2)
    return file


def _first_line(process: "subprocess.Popen[bytes]") -> bytes:
    """The line that the server prints when it is healthy; empty when it ended or took too long."""
    stdout: Any = process.stdout
    with stdout:
        waiting, _, _ = select.select([stdout], [], [], _START_S)
        return stdout.readline() if waiting else b""


def _await_health(folder: Path) -> Facts:
    """A server that someone else has just started needs a moment."""
    deadline = time.monotonic() + _START_S
    while (found := find(folder)) is not None and time.monotonic() < deadline:
        if found.facts is not None:
            return found.facts
        time.sleep(_TICK_S)
    raise CommandFailed(
        f"the server that has {folder} ended before it was healthy"
        if found is None
        else f"the server with process id {found.pid} does not become healthy",
        fix=f"Look into {folder / 'run' / 'server.log'}; end it with `sagesse down`.",
    )


def _failure(log: Path, begin: int, code: int) -> CommandFailed:
    """What the server wrote since `begin`: its own refusal if it made one."""
    said = log.read_bytes()[begin:].decode(errors="replace").strip()
    try:
        refusal: dict[str, Any] = msgspec.json.decode(said.rsplit("\n", 1)[-1], type=dict[str, Any])
        return CommandFailed(refusal["error"], fix=refusal["fix"], code=refusal["code"])
    except (msgspec.MsgspecError, KeyError):
        tail = "\n".join(said.splitlines()[-5:]) or "it could not even write why; is the disk full?"
        return CommandFailed(
            f"the server did not become healthy (exit code {code}): {tail}",
            fix=f"See `sagesse doctor`. Its log: {log}",
            code=Exit.FAILED,
        )
