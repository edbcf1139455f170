"""What every Python of a job runs first."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sagesse.runtime.startup import _sagesse_store

STARTUP = Path(_sagesse_store.__file__).parent
_STORE = """
class TCPStore:
    def __init__(self, host_name, port, world_size=None, is_master=False, timeout=None, wait_for_workers=True,
                 multi_tenant=False, master_listen_fd=None, use_libuv=True):
        "master_listen_fd"
        self.asked = [host_name, port, master_listen_fd]
"""


@pytest.fixture
def torch(tmp_path: Path) -> Path:
    """A folder with what of torch.distributed is changed, where a real store would open sockets."""
    package = tmp_path / "packages/torch"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "distributed.py").write_text(_STORE)
    return package.parent


def asked(code: str, *folders: Path, address: str = "127.9.9.1") -> list[object]:
    """What a Python program that runs `code` says in JSON."""
    path = os.pathsep.join(map(str, (STARTUP, *folders)))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "SAGESSE_HOST_ADDRESS": address}
    command = [sys.executable, "-c", f"import json, os, socket, sys\n{code}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


_ASK = "from torch.distributed import TCPStore\nstore = TCPStore({arguments})\n"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_store_of_this_machine_is_at_the_address_of_the_job(torch: Path, name: str) -> None:
    code = _ASK.format(arguments=f"{name!r}, 29500, 2, False") + "print(json.dumps(store.asked))"
    assert asked(code, torch) == ["127.9.9.1", 29500, None]


def test_the_first_process_listens_there_alone(torch: Path) -> None:
    code = (
        _ASK.format(arguments="'localhost', port=29533, is_master=True")
        + "listener = socket.socket(fileno=store.asked[2])\nprint(json.dumps(listener.getsockname()))"
    )
    assert asked(code, torch, address="127.9.9.7") == ["127.9.9.7", 29533]


def test_a_name_with_a_loopback_address_of_its_own_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAGESSE_HOST_ADDRESS", "127.9.9.1")
    assert _sagesse_store.own_address("127.44.0.2") == "127.44.0.2"


@pytest.mark.parametrize("name", ["192.0.2.7", "no such name", ""])
def test_another_machine_is_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SAGESSE_HOST_ADDRESS", "127.9.9.1")
    assert _sagesse_store.own_address(name) is None


def test_without_an_address_nothing_is_changed(torch: Path) -> None:
    code = _ASK.format(arguments="'localhost', 29500, 2, True") + "print(json.dumps(store.asked))"
    assert asked(code, torch, address="") == ["localhost", 29500, None]


def test_a_store_without_sockets_of_others_is_left_alone(torch: Path) -> None:
    (torch / "torch/distributed.py").write_text(_STORE.replace('"master_listen_fd"', '"old"'))
    code = _ASK.format(arguments="'localhost', 29500, 2, True") + "print(json.dumps(store.asked))"
    assert asked(code, torch) == ["localhost", 29500, None]


def test_the_sitecustomize_that_was_there_runs_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.seen = __file__\n")
    assert asked("print(json.dumps([sys.seen]))", tmp_path) == [str(tmp_path / "sitecustomize.py")]


def test_without_another_one_ours_is_the_module(tmp_path: Path) -> None:
    (file,) = asked("print(json.dumps([sys.modules['sitecustomize'].__file__]))")
    assert file == str(STARTUP / "sitecustomize.py")
