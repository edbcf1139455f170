"""Training over several hosts with xgboost's own collective: the first host has its tracker."""

import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xgboost import collective
from xgboost.tracker import RabitTracker

_FIRST_PORT = 9099
_TO_GATE = 1000
_PATIENCE_S = 120.0
_PAUSE_S = 0.05


def rabit_run(  # noqa: PLR0913, PLR0917 - its signature is what scripts call
    exec_fun: Callable[..., object],
    args: dict[str, Any],
    include_in_training: bool,
    hosts: Sequence[str],
    current_host: str,
    first_port: int | None = None,
    second_port: int | None = None,
    max_connect_attempts: int | None = None,
    connect_retry_timeout: int = 3,
    update_rabit_args: bool = False,
) -> None:
    """Call ``exec_fun(**args)`` on the hosts that have data, connected with one another.

    Args:
        include_in_training: whether this host has data; one without returns at once.
        first_port, second_port: of the tracker on the first host, for finding out who has data and for training.
        max_connect_attempts: how often a host tries to reach the tracker.
        connect_retry_timeout: not used; xgboost has its own pause.
        update_rabit_args: give `args` the member ``is_master``, true on one host.
    """
    del connect_retry_timeout
    first = first_port or _FIRST_PORT
    ordered = sorted(hosts)
    with _Group(ordered, current_host, first, max_connect_attempts):
        mine = np.array([host == current_host and include_in_training for host in ordered], dtype=np.int64)
        everyone = collective.allreduce(mine, collective.Op.SUM)
    having = [host for host, has in zip(ordered, everyone, strict=True) if has]
    if not having:
        raise RuntimeError("no host has data to train on")
    if not include_in_training:
        return
    told = {"is_master": current_host == having[0]} if update_rabit_args else {}
    if len(having) == 1:
        exec_fun(**{**args, **told})
        return
    with _Group(having, current_host, second_port or first + 1, max_connect_attempts):
        exec_fun(**{**args, **told})


class _Group:
    """Hosts that are connected while this is entered.

    The first one opens a gate beside its tracker once that listens: xgboost itself waits seconds after a connection
    that was refused, and warns.
    """

    def __init__(self, hosts: Sequence[str], current: str, port: int, attempts: int | None) -> None:
        self._address, self._gate = socket.gethostbyname(hosts[0]), port + _TO_GATE
        self._tracker = RabitTracker(len(hosts), self._address, port) if current == hosts[0] else None
        retries = {} if attempts is None else {"dmlc_retry": attempts}
        self._member = collective.CommunicatorContext(
            dmlc_tracker_uri=self._address, dmlc_tracker_port=port, dmlc_task_id=current, **retries
        )
        self._open: socket.socket | None = None

    def __enter__(self) -> None:
        if self._tracker is not None:
            self._tracker.start()
            self._open = socket.create_server((self._address, self._gate))
        else:
            self._wait_at_the_gate()
        self._member.__enter__()

    def __exit__(self, *error: object) -> None:
        self._member.__exit__(*error)
        if self._tracker is not None and self._open is not None:
            self._tracker.wait_for()
            self._open.close()

    def _wait_at_the_gate(self) -> None:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            try:
                socket.create_connection((self._address, self._gate), timeout=_PATIENCE_S).close()
            except OSError:
                time.sleep(_PAUSE_S)
            else:
                return
