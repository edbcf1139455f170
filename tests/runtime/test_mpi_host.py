"""The stand-in for ssh between the hosts of an MPI job."""

import socket
import threading

import pytest

from sagesse.runtime import mpi_host
from sagesse.runtime.distribution import host_secret


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class _Serving(threading.Thread):
    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.code = -1

    def run(self) -> None:
        self.code = mpi_host.serve("127.0.0.1", self._port)


def test_a_command_runs_there_and_its_exit_code_comes_back(port: int) -> None:
    serving = _Serving(port)
    serving.start()
    assert mpi_host.connect("127.0.0.1", port, "exit 5") == 5
    serving.join(10)
    assert serving.code == 5


@pytest.mark.parametrize(
    "line", [b"", b"{}\n", b'{"secret": "guessed", "command": "exit 9"}\n', b"[1]\n", b"\xff\n"]
)
def test_who_does_not_know_the_secret_runs_nothing(port: int, line: bytes) -> None:
    serving = _Serving(port)
    serving.start()
    with mpi_host._connection("127.0.0.1", port) as stranger:
        stranger.sendall(line)
        stranger.shutdown(socket.SHUT_WR)
        assert stranger.recv(1) == b""
    assert mpi_host.connect("127.0.0.1", port, "exit 3") == 3


def test_each_job_has_a_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    one = host_secret()
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another")
    assert host_secret() != one
