"""One server per data directory: real locks, real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.cli.instance import Facts, Instance, Occupied, end, find, hold, last, publish

HOLDER = """
import signal, sys
from pathlib import Path
from sagesse.cli.instance import hold
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with hold(Path(sys.argv[1])):
    print("holds", flush=True)
    signal.pause()
"""


def facts(**changes: object) -> Facts:
    values: dict[str, object] = {
        "url": "http://127.0.0.1:1",
        "port": 1,
        "pid": os.getpid(),
        "access_key_id": "AKIA",
        "secret_access_key": "secret",
        "region": "us-east-1",
        "account": "123456789012",
        "data_dir": "/data",
        "ephemeral": False,
        "started": 0.0,
        "certificate": "/data/ca/ca.pem",
        "bundle": "/data/ca/bundle.pem",
    }
    return Facts(**{**values, **changes})  # type: ignore[arg-type]


class Holder:
    def __init__(self, folder: Path, *flags: str) -> None:
        command = [sys.executable, "-c", HOLDER, str(folder), *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"holds\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    one = Holder(tmp_path)
    yield one
    one.kill()


def test_nobody_has_an_unused_folder(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    assert find(tmp_path / "missing") is None


def test_the_holder_is_found_by_its_process_id(tmp_path: Path, holder: Holder) -> None:
    assert find(tmp_path) == Instance(holder.process.pid, None)


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path, holder: Holder) -> None:
    with pytest.raises(Occupied) as refusal, hold(tmp_path):
        pass
    assert refusal.value.instance.pid == holder.process.pid


def test_looking_does_not_disturb_the_holder(tmp_path: Path, holder: Holder) -> None:
    for _ in range(3):
        find(tmp_path)
    with pytest.raises(Occupied), hold(tmp_path):
        pass


def test_a_killed_holder_holds_no_more_but_its_facts_stay(tmp_path: Path, holder: Holder) -> None:
    publish(tmp_path, facts(pid=holder.process.pid, port=4711))
    holder.kill()
    assert find(tmp_path) is None
    remembered = last(tmp_path)
    assert remembered is not None
    assert remembered.port == 4711


def test_facts_of_an_earlier_server_are_not_taken_for_this_ones(tmp_path: Path, holder: Holder) -> None:
    publish(tmp_path, facts(pid=holder.process.pid + 1))
    assert find(tmp_path) == Instance(holder.process.pid, None)


def test_facts_are_for_the_owner_only(tmp_path: Path) -> None:
    publish(tmp_path, facts())
    assert (tmp_path / "run" / "server.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_facts_are_gone_after_a_good_end(tmp_path: Path) -> None:
    with hold(tmp_path):
        publish(tmp_path, facts())
    assert last(tmp_path) is None


def test_damaged_facts_are_no_facts(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "server.json").write_bytes(b'{"url": ')
    assert last(tmp_path) is None


def test_a_server_ends_by_sigterm(tmp_path: Path, holder: Holder) -> None:
    instance = find(tmp_path)
    assert instance is not None
    assert end(tmp_path, instance, grace_s=10)
    assert holder.process.wait(10) == -signal.SIGTERM


def test_a_deaf_server_is_killed(tmp_path: Path) -> None:
    deaf = Holder(tmp_path, "deaf")
    instance = find(tmp_path)
    assert instance is not None
    assert not end(tmp_path, instance, grace_s=0.05)
    assert deaf.process.wait(10) == -signal.SIGKILL
    deaf.kill()


def test_a_process_that_does_not_hold_the_folder_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        assert end(tmp_path, Instance(stranger.pid, None), grace_s=0)
        assert stranger.poll() is None
        stranger.kill()
