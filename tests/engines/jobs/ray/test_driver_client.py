"""The server's end of the channel, against small programs in the driver's place."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from sagesse.engines.jobs.base import JobEngineError
from sagesse.engines.jobs.ray.driver_client import DriverClient
from tests.services.sagemaker.flow import until

ANSWERS = (
    "import json, socket, sys\n"
    "channel = socket.socket(fileno=int(sys.argv[-1]))\n"
    "lines = channel.makefile('rwb', 0)\n"
    "def tell(**message): lines.write(json.dumps(message).encode() + b'\\n')\n"
)
READY = ANSWERS + "tell(type='ready')\n"
ECHO = READY + (
    "for line in lines:\n"
    "    asked = json.loads(line)\n"
    "    if asked['do'] == 'stop': break\n"
    "    tell(type='ended', run_id=asked['run_id'])\n"
    "    tell(type='answer', id=asked['id'], error='no' if asked['do'] == 'discard' else '')\n"
)


class Clients:
    """Clients of drivers whose program the test gives; what they heard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.opened: list[DriverClient] = []
        self.heard: list[str] = []
        self.has_heard = Event()

    def __call__(self, program: str) -> DriverClient:
        client = DriverClient([sys.executable, "-c", program], self._folder / "driver.log", self._hear)
        self.opened.append(client)
        return client

    def _hear(self, run_id: str) -> None:
        self.heard.append(run_id)
        self.has_heard.set()


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    clients = Clients(tmp_path)
    yield clients
    for client in clients.opened:
        client.close()


def test_it_is_asked_and_heard(clients: Clients) -> None:
    clients(ECHO).ask("ensure", "run")
    assert clients.has_heard.wait(30)
    assert clients.heard == ["run"]


def test_what_it_cannot_do_is_an_error(clients: Clients) -> None:
    with pytest.raises(JobEngineError, match="no"):
        clients(ECHO).ask("discard", "run")


def test_a_driver_that_cannot_join_says_why(clients: Clients) -> None:
    client = clients(ANSWERS + "tell(type='ready', error='nobody is at 127.0.0.1:1')\n")
    with pytest.raises(JobEngineError, match=r"nobody is at 127\.0\.0\.1:1"):
        client.ask("ensure", "run")
    assert not client.is_running


def test_a_driver_that_ends_at_once_leads_to_its_log(clients: Clients) -> None:
    with pytest.raises(JobEngineError, match=r"driver\.log"):
        clients("raise SystemExit(1)").ask("ensure", "run")


def test_a_driver_that_is_joining_can_be_closed(clients: Clients, tmp_path: Path) -> None:
    client = clients(ANSWERS + f"open({str(tmp_path / 'up')!r}, 'w'); lines.read()\n")
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(client.ask, "ensure", "run")
        until((tmp_path / "up").exists)
        client.close()
        with pytest.raises(JobEngineError, match="the driver ended"):
            asked.result(30)


def test_a_driver_that_ended_is_started_again(clients: Clients) -> None:
    client = clients(ECHO)
    with pytest.raises(JobEngineError, match="has ended"):
        client.ask("stop", "run")
    client.ask("ensure", "run")
    assert client.is_running


def test_wake_starts_it_meanwhile(clients: Clients) -> None:
    client = clients(READY + "tell(type='ended', run_id='adopted')\nlines.read()\n")
    client.wake()
    assert clients.has_heard.wait(30)
    assert clients.heard == ["adopted"]
