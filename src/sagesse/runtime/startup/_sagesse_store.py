"""Has torch's TCPStore of a job meet at the job's own address, because jobs share the network of this machine.

torch listens at all addresses, so of two jobs that use one port (7777 of ModelTrainer's driver, 29500 of torchrun and
many scripts) the second could not begin. A name that means a loopback address now means one that is the job's alone:
where its name says so, else ``SAGESSE_HOST_ADDRESS``. A user's own Python runs this too: it needs
nothing else of ours.
"""

import functools
import importlib.util
import ipaddress
import os
import socket
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_MODULE = "torch.distributed"
_MEMBERS = (  # of TCPStore.__init__, in order
    "host_name",
    "port",
    "world_size",
    "is_master",
    "timeout",
    "wait_for_workers",
    "multi_tenant",
    "master_listen_fd",
    "use_libuv",
)
_BACKLOG = 2048


def find() -> "ModuleSpec | None":
    """How torch.distributed is loaded, and changed then."""
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.loader is None:
        return spec
    run = spec.loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        change(module)

    spec.loader.exec_module = exec_module
    return spec


def change(module: ModuleType) -> None:
    """Change the TCPStore of torch.distributed; once. One that cannot be given a socket stays as it is."""
    store: Any = getattr(module, "TCPStore", None)
    original: Any = getattr(store, "__init__", None)
    if hasattr(original, "__wrapped__") or "master_listen_fd" not in (getattr(original, "__doc__", "") or ""):
        return

    @functools.wraps(original)
    def begin(self: object, *arguments: object, **named: object) -> None:
        given: dict[str, Any] = {**dict(zip(_MEMBERS, arguments)), **named}  # noqa: B905 - as many as there are
        address = own_address(str(given.get("host_name", "")))
        if address is not None:
            given["host_name"] = address
            if given.get("is_master") and given.get("port") and given.get("master_listen_fd") is None:
                given["master_listen_fd"] = _listen(address, given["port"])
        original(self, **given)

    store.__init__ = begin


def own_address(name: str) -> "str | None":
    """The loopback address by which the job alone knows `name`; None when it is no name of this machine."""
    try:
        found = ipaddress.ip_address(socket.gethostbyname(name))
    except (OSError, ValueError):
        return None
    if not found.is_loopback:
        return None
    return os.environ["SAGESSE_HOST_ADDRESS"] if str(found) == "127.0.0.1" else str(found)


def _listen(address: str, port: int) -> "int | None":
    """A socket that listens there; None when it cannot be had, so that torch says why."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        return None
    return listener.detach()
