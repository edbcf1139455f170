"""A Ray cluster on loopback, whose nodes are processes of this machine: to run jobs on, and to kill."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType

from sagesse.runtime.process import descendants

_START_S = 180.0
_OBJECT_STORE_BYTES = 80 << 20  # Ray's least
_NAMESPACES = ("unshare", "--map-root-user", "--uts", "--mount")
_OTHER_MACHINE = """
import os, socket, subprocess, sys
name, unseen, *command = sys.argv[1:]
socket.sethostname(name)
if unseen:
    subprocess.run(["mount", "-t", "tmpfs", "none", unseen], check=True)
os.execv(command[0], command)
"""


def can_make_machines() -> bool:
    """Whether this machine lets us make namespaces: without them all nodes are processes of one machine."""
    if shutil.which(_NAMESPACES[0]) is None:
        return False
    return subprocess.run([*_NAMESPACES, "true"], capture_output=True, check=False).returncode == 0


class Node:
    """A node: `ray start` and all that it starts.

    Args:
        machine: the name of its machine, which it has to itself; None: it is on this one.
        unseen: a folder that its machine does not have.
    """

    def __init__(
        self,
        ray: Path,
        folder: Path,
        address: str,
        *options: str,
        machine: str | None = None,
        unseen: Path | None = None,
    ) -> None:
        self.address = address
        log = folder / f"node-{address}.log"
        command = [ray, "start", "--block", "--node-ip-address", address, "--num-gpus", "0"]
        command += ["--object-store-memory", str(_OBJECT_STORE_BYTES), "--disable-usage-stats", *options]
        if machine is not None:
            become = [ray.with_name("python"), "-c", _OTHER_MACHINE, machine, unseen or ""]
            command = [*_NAMESPACES, *become, *command]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env={**environment, "HOME": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._wait_until_up(log)

    @property
    def pid(self) -> int:
        """Of `ray start`."""
        return self._process.pid

    def kill(self) -> None:
        """Its power fails: every process of it ends at once."""
        for pid in (self._process.pid, *descendants(self._process.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()

    def _wait_until_up(self, log: Path) -> None:
        pause = threading.Event()
        for _ in range(int(_START_S / 0.1)):
            if "Ray runtime started" in log.read_text(errors="replace"):
                return
            if self._process.poll() is not None:
                break
            pause.wait(0.1)
        self.kill()
        raise AssertionError(f"ray did not start: {log.read_text(errors='replace')[-2000:]}")


class Cluster:
    """A head and further nodes, each on a machine of its own where namespaces can be made.

    What is per machine must be per node: were they to share a zygote, the node that has it would take the runs of the
    other one with it when it dies.

    Args:
        python: the interpreter that has Ray.
        cores: of each node, the head first.
        unseen: a folder that no node but the head sees.
    """

    def __init__(self, python: Path, cores: tuple[int, ...], *, unseen: Path | None = None) -> None:
        self._ray = python.parent / "ray"
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # the paths of its sockets are long
        self.address = f"{_address(0)}:{_free_port()}"
        self.nodes: list[Node] = []
        head = ["--head", "--port", self.address.rpartition(":")[2], "--include-dashboard", "false"]
        head += ["--temp-dir", str(self._folder)]
        has_machines = can_make_machines()
        for number, count in enumerate(cores):
            options = [*head] if number == 0 else ["--address", self.address]
            options += ["--num-cpus", str(count)]
            machine = f"node-{number}" if number and has_machines else None
            self.nodes.append(
                Node(self._ray, self._folder, _address(number), *options, machine=machine, unseen=unseen)
            )

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in reversed(self.nodes):
            node.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def configure(data: Path, cluster: Cluster, **more: object) -> None:
    """Have a server over this data directory run its jobs on the cluster."""
    settings = {"job_engine": "ray", "ray_address": cluster.address, **more}
    (data / "settings.json").write_text(json.dumps(settings))


def _address(number: int) -> str:
    """Of a node; each has its own. Ray takes 127.0.0.1 for a name of the machine and uses another one."""
    return f"127.0.0.{number + 2}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_address(0), 0))
        return probe.getsockname()[1]
