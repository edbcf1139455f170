"""A server in a process of its own: talk to it with unmodified clients, kill it, start it again."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3  # pyright: ignore[reportMissingTypeStubs]
import orjson
from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]

_START_S = 30.0
_STOP_S = 20.0


class ServerDied(Exception):  # noqa: N818 - reads as the fact it states
    """The server ended before it was healthy; the text is what it printed."""


class Server:
    """A Sagesse server.

    Args:
        data_dir: where it keeps its data.
        ephemeral: keeps nothing durable, takes any access key; see `sagesse up --ephemeral`.
        arguments: further arguments of `sagesse up`.
        python: the interpreter that has Sagesse.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        ephemeral: bool = True,
        arguments: tuple[str, ...] = (),
        python: str = sys.executable,
    ) -> None:
        self.data_dir = data_dir
        self.port = 0
        self.ready: dict[str, Any] = {}
        self._is_ephemeral = ephemeral
        self._python = python
        self._arguments = [*(["--ephemeral"] if ephemeral else []), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_ephemeral and self._process is not None:
            # Leave no process behind; an ephemeral server sees to that itself, and a dead one cannot be asked.
            with contextlib.suppress(subprocess.CalledProcessError):
                self._command("down", "--jobs")
        self.stop()

    @property
    def url(self) -> str:
        """Its endpoint URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    def start(self) -> None:
        """Start it and wait until it is healthy; a second start uses the same port.

        Raises:
            ServerDied: it ended, or was not healthy within 30 s.
        """
        command = [self._python, "-m", "sagesse", "up", "--json", "--port", str(self.port)]
        log = self.data_dir / "server.log"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(self.data_dir), *self._arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                env={
                    key: value
                    for key, value in os.environ.items()
                    if not key.startswith(("AWS_", "SAGESSE_"))
                },
            )
        line = self._first_line()
        if not line:
            self.kill()
            raise ServerDied(log.read_text(errors="replace")[-4000:])
        self.ready = orjson.loads(line)
        self.port = int(self.ready["port"])

    def stop(self) -> None:
        """End it in good order; nothing happens when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with kill -9."""
        self._end(signal.SIGKILL)

    def client(self, service: str, *, region: str = "us-east-1", **settings: Any) -> Any:
        """A boto3 client of the service, as root unless `aws_access_key_id` and its secret are given."""
        keys = {
            "aws_access_key_id": self.ready["access_key_id"],
            "aws_secret_access_key": self.ready["secret_access_key"],
        }
        config = Config(retries={"max_attempts": 0}, read_timeout=60, s3={"addressing_style": "path"})
        session: Any = boto3.Session()
        return session.client(
            service,
            **{"endpoint_url": self.url, "region_name": region, "config": config, **keys, **settings},
        )

    @property
    def administrator(self) -> dict[str, str]:
        """The header that opens the server's own endpoints."""
        return {"Authorization": f"Bearer {self.ready['secret_access_key']}"}

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """What the bus carried behind that sequence, as ``/_sagesse/events`` shows it."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        events: list[dict[str, Any]] = []
        while True:
            url = f"{self.url}/_sagesse/events?after={after}&limit=1000"
            with opener.open(urllib.request.Request(url, headers=self.administrator), timeout=60) as answer:
                page = orjson.loads(answer.read())
            if not page["events"]:
                return events
            events += page["events"]
            after = page["last"]

    def environment(self) -> dict[str, str]:
        """What `eval $(sagesse env)` exports for this server, on top of this process's environment."""
        return {**os.environ, **orjson.loads(self._command("env", "--json"))}

    def _command(self, *arguments: str) -> bytes:
        """What a `sagesse` command about this server prints."""
        command = [self._python, "-m", "sagesse", *arguments, "--data-dir", str(self.data_dir)]
        return subprocess.run(command, capture_output=True, check=True).stdout

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process

    def _first_line(self) -> bytes:
        """The line the server prints when it is healthy; empty when it ended or took too long."""
        process = self._running
        stdout = process.stdout
        if stdout is None:
            return b""
        timer = threading.Timer(_START_S, process.kill)
        timer.start()
        try:
            return stdout.readline()
        finally:
            timer.cancel()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
