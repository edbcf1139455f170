"""Who takes part: ranks and sizes, from the variables of torchrun or of mpirun."""

import os
from typing import Any, NoReturn

import torch
import torch.distributed

dist: Any = torch.distributed  # its annotations are incomplete


class _Place:
    """This process among the others; empty until `init`."""

    is_ours = False  # whether we made the process group, and so end it


def init() -> None:
    """Join the others; alone where no launcher said who they are. A second call does nothing."""
    if dist.is_initialized():
        return
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29500")
    backend = "nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    count, own = _number("SIZE", "WORLD_SIZE"), _number("RANK", "RANK")
    if count == 1:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    else:
        dist.init_process_group(backend, rank=own, world_size=count)
    _Place.is_ours = True


def shutdown() -> None:
    """Leave the others."""
    if _Place.is_ours and dist.is_initialized():
        dist.destroy_process_group()
        _Place.is_ours = False


def is_initialized() -> bool:
    """Whether `init` was called."""
    return dist.is_initialized()


def rank() -> int:
    """This process's number among all."""
    _require()
    return dist.get_rank()


def size() -> int:
    """How many processes there are."""
    _require()
    return dist.get_world_size()


def local_rank() -> int:
    """This process's number on its host."""
    _require()
    return _number("LOCAL_RANK", "LOCAL_RANK")


def local_size() -> int:
    """How many processes this host has."""
    _require()
    return _number("LOCAL_SIZE", "LOCAL_WORLD_SIZE")


def cross_rank() -> int:
    """This host's number."""
    return rank() // local_size()


def cross_size() -> int:
    """How many hosts there are."""
    return size() // local_size()


def is_homogeneous() -> bool:
    """Every host has as many processes as the others here."""
    return True


def gloo_built() -> bool:
    """Gloo is what CPUs use."""
    return True


def gloo_enabled() -> bool:
    """Whether gloo is in use; before `init`, whether it would be."""
    return not torch.cuda.is_available()


def nccl_built() -> bool:
    """Whether torch has NCCL."""
    return dist.is_nccl_available()


def cuda_built() -> bool:
    """Whether torch has CUDA."""
    return torch.cuda.is_available()


def mpi_built() -> bool:
    """MPI carries nothing here, whoever started the processes."""
    return False


mpi_enabled = mpi_threads_supported = mpi_built


def _number(mpi: str, torch_name: str) -> int:
    default = "1" if mpi.endswith("SIZE") else "0"
    return int(os.environ.get(f"OMPI_COMM_WORLD_{mpi}") or os.environ.get(torch_name) or default)


def _require() -> None:
    if not dist.is_initialized():
        _refuse()


def _refuse() -> NoReturn:
    raise ValueError("Horovod has not been initialized; use hvd.init().")
