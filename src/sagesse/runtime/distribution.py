"""Script mode over several processes: torchrun, MPI, and how the ranks of a job find one another.

Source: aws/sagemaker-training-toolkit 5.1 (what its runners start, not their code).
"""

import hashlib
import os
import shlex
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sagesse.runtime.own_python import current_python
from sagesse.runtime.script_setting import ScriptSetting

_UNSUPPORTED = {
    "sagemaker_parameter_server_enabled": "parameter servers are not built",
    "sagemaker_distributed_dataparallel_enabled": "SageMaker's data-parallel library is AWS's own",
    "sagemaker_multi_worker_mirrored_strategy_enabled": "TensorFlow's multi-worker strategy is not built",
    "sagemaker_pytorch_xla_multi_worker_enabled": "PyTorch/XLA is not built",
}
ON_LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "TP_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
"""The variables that have torch's backends use the interface on which the hosts of a job meet."""


class DistributionError(Exception):
    """The distribution that was asked for cannot be had; the text says what to change."""


class World(NamedTuple):
    """Who takes part in a job: hosts in order, this one's place, processes on each.

    Attributes:
        port: of the first host, for the rendezvous; another for each job, because jobs share this machine's network.
        tags: whether each line of a process says which one printed it, as under MPI; torchrun shows them as they are.
    """

    hosts: tuple[str, ...]
    host_rank: int
    per_host: int
    port: int
    tags: bool = True

    @property
    def size(self) -> int:
        """How many processes there are."""
        return len(self.hosts) * self.per_host

    @property
    def master(self) -> str:
        """The first host."""
        return self.hosts[0]


def world_of(setting: ScriptSetting, per_host: int) -> World:
    """The world of the running job, with `per_host` processes on each host that takes part."""
    hosts: list[str] = setting.distribution_hosts or setting.resource.get("hosts", ["algo-1"])
    current = setting.resource.get("current_host", hosts[0])
    # Below the ports that the kernel gives away by itself; another one for a job of the same name on another server.
    port = 10_000 + zlib.crc32(host_secret().encode()) % 20_000
    return World(tuple(hosts), hosts.index(current), per_host, port)


def launcher(setting: ScriptSetting, python: str, *, is_python_file: bool = True) -> World | list[str] | None:
    """How the user's program is started: for each rank of a world, by a command before it, or just once.

    Just once also on hosts of an instance group that takes no part.

    Raises:
        DistributionError: not supported here.
    """
    framework = setting.framework
    for name, why in _UNSUPPORTED.items():
        if framework.get(name):
            raise DistributionError(f"{name}: {why}; use torch_distributed or mpi")
    if setting.group not in setting.distribution_groups:
        return None
    if framework.get("sagemaker_torch_distributed_enabled"):
        if not is_python_file:
            raise DistributionError(
                "sagemaker_torch_distributed_enabled: packages and commands are not supported for "
                "torch_distributed; use a Python script as the entry point"
            )
        return world_of(setting, _gpus() or 1)._replace(tags=False)
    if framework.get("sagemaker_pytorch_ddp_enabled"):
        return world_of(setting, _gpus() or 1)
    if framework.get("sagemaker_mpi_enabled"):
        world = world_of(setting, _per_host(framework))
        return _mpirun(setting, world, python) if shutil.which("mpirun") else world
    return None


def command(launch: World | list[str] | None, python: str, program: list[str]) -> list[str]:
    """How `program` is started by other means than our forks.

    Args:
        python: the interpreter that runs what is ours before it.
    """
    match launch:
        case None:
            return program
        case World():
            numbers = (launch.host_rank, launch.per_host, launch.port, int(launch.tags))
            place = (*map(str, numbers), ",".join(launch.hosts))
            return [*_ours(python, "rank"), *place, *program]
        case _:
            return [*launch, *_on_each_host(program)]


def _on_each_host(program: list[str]) -> list[str]:
    """`program` as every host finds it: a job's own Python lies in the host's HOME."""
    own = current_python()
    if own is None or program[0] != str(own / "bin/python3"):
        return program
    return ["/bin/sh", "-c", f'exec "$HOME/{own.name}/bin/python3" "$@"', "python3", *program[1:]]


def rank_variables(world: World, local_rank: int) -> dict[str, str]:
    """What one process of a world finds in its environment: torch's names and Open MPI's."""
    rank = world.host_rank * world.per_host + local_rank
    return {
        **rendezvous_variables(world),
        "RANK": str(rank),
        "WORLD_SIZE": str(world.size),
        "LOCAL_RANK": str(local_rank),
        "LOCAL_WORLD_SIZE": str(world.per_host),
        "GROUP_RANK": str(world.host_rank),
        "ROLE_RANK": str(rank),
        "ROLE_WORLD_SIZE": str(world.size),
        "TORCHELASTIC_RUN_ID": str(world.port),
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_SIZE": str(world.size),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(local_rank),
        "OMPI_COMM_WORLD_LOCAL_SIZE": str(world.per_host),
    }


def rendezvous_variables(world: World) -> dict[str, str]:
    """Where the processes meet, and each one's share of the host's threads."""
    threads = int(os.environ.get("OMP_NUM_THREADS") or 1)
    return {
        "MASTER_ADDR": world.master,
        "MASTER_PORT": str(world.port),
        "OMP_NUM_THREADS": str(max(1, threads // world.per_host)),
        **ON_LOOPBACK,
    }


def host_secret() -> str:
    """What the hosts of a job share and nobody else knows: made of the session of its role."""
    told = f"{os.environ.get('AWS_SESSION_TOKEN', '')} {os.environ.get('TRAINING_JOB_ARN', '')}"
    return hashlib.sha256(told.encode()).hexdigest()


def _gpus() -> int:
    return int(os.environ.get("SM_NUM_GPUS") or 0)


def _per_host(framework: Mapping[str, Any]) -> int:
    given = framework.get("sagemaker_mpi_num_of_processes_per_host")
    try:
        count = int(given) if given is not None else _gpus() or 1
    except (TypeError, ValueError):
        count = 0
    if count < 1:
        raise DistributionError(
            f"sagemaker_mpi_num_of_processes_per_host {given!r} is no number of processes; allowed: 1 and more"
        )
    return count


def _mpirun(setting: ScriptSetting, world: World, python: str) -> list[str]:
    """mpirun on the first host; the others wait for what it sends them."""
    os.environ.update(rendezvous_variables(world))
    port = str(world.port + 1)
    # Each host looks for it where the first one has it.
    agent = _agent(setting.base / "mpi-agent", python, port)
    if world.host_rank > 0:
        return [*_ours(python, "mpi_host"), "serve", world.hosts[world.host_rank], port]
    custom = str(setting.framework.get("sagemaker_mpi_custom_mpi_options") or "").split()
    return [
        *("mpirun", "--allow-run-as-root", "--leave-session-attached", "--tag-output"),
        *("-bind-to", "none", "-map-by", "slot"),
        *("--host", ",".join(f"{host}:{world.per_host}" for host in world.hosts), "-np", str(world.size)),
        *("-mca", "btl_tcp_if_include", "lo", "-mca", "oob_tcp_if_include", "lo", "-mca", "pml", "ob1"),
        *("-mca", "btl", "^openib", "-mca", "orte_abort_on_non_zero_status", "1"),
        *("-mca", "plm_rsh_no_tree_spawn", "1", "-mca", "plm_rsh_agent", agent),
        *custom,
    ]


def _agent(agent: Path, python: str, port: str) -> str:
    """A program that mpirun calls as it would call ssh: ``agent host command``."""
    agent.write_text(f'#!/bin/sh\nexec {shlex.join([*_ours(python, "mpi_host"), "connect", port])} "$@"\n')
    agent.chmod(0o700)
    return str(agent)


def _ours(python: str, module: str) -> list[str]:
    """One of our modules in the user's interpreter: behind everything of its own, which is never replaced by ours."""
    source = str(Path(__file__).resolve().parents[2])
    start = f"import sys; sys.path.append({source!r}); from sagesse.runtime.{module} import main; sys.exit(main())"
    return [python, "-c", start]
