"""What all processes do together. Every one must call the same things in the same order."""

from collections.abc import Sequence
from typing import Any

import torch

from .compression import Compression
from .world import dist, rank, size

Average, Sum, Adasum, Min, Max, Product = "Average", "Sum", "Adasum", "Min", "Max", "Product"
_REDUCTIONS = {
    "Average": dist.ReduceOp.SUM,
    "Sum": dist.ReduceOp.SUM,
    "Min": dist.ReduceOp.MIN,
    "Max": dist.ReduceOp.MAX,
    "Product": dist.ReduceOp.PRODUCT,
}


def allreduce(
    tensor: torch.Tensor,
    average: bool | None = None,
    name: str | None = None,
    compression: Any = Compression.none,
    op: str | None = None,
    prescale_factor: float = 1.0,
    postscale_factor: float = 1.0,
) -> torch.Tensor:
    """The tensor reduced over all processes, averaged unless `op` (or `average=False`) says otherwise."""
    small, context = compression.compress(tensor.detach().clone())
    scaled = small.mul_(prescale_factor) if prescale_factor != 1.0 else small
    reduced = compression.decompress(_reduce(scaled, average, op), context)
    return reduced.mul_(postscale_factor) if postscale_factor != 1.0 else reduced


def allreduce_(
    tensor: torch.Tensor, average: bool | None = None, name: str | None = None, op: str | None = None
) -> torch.Tensor:
    """As `allreduce`, in place."""
    with torch.no_grad():
        return _reduce(tensor, average, op)


def grouped_allreduce(
    tensors: Sequence[torch.Tensor],
    average: bool | None = None,
    name: str | None = None,
    op: str | None = None,
) -> list[torch.Tensor]:
    """`allreduce` of several tensors."""
    return [allreduce(tensor, average=average, op=op) for tensor in tensors]


def allgather(tensor: torch.Tensor, name: str | None = None) -> torch.Tensor:
    """The tensors of all processes, one behind the other along the first dimension, which may differ."""
    parts: list[torch.Tensor] = [torch.empty(0)] * size()
    own = tensor.detach().cpu()
    dist.all_gather_object(parts, own)
    return torch.cat(parts).to(tensor.device)


def allgather_object(obj: Any, name: str | None = None) -> list[Any]:
    """The objects of all processes, by rank."""
    found: list[Any] = [None] * size()
    dist.all_gather_object(found, obj)
    return found


def broadcast(tensor: torch.Tensor, root_rank: int, name: str | None = None) -> torch.Tensor:
    """The root's tensor."""
    return broadcast_(tensor.detach().clone(), root_rank)


def broadcast_(tensor: torch.Tensor, root_rank: int, name: str | None = None) -> torch.Tensor:
    """Overwrite the tensor with the root's."""
    with torch.no_grad():
        dist.broadcast(tensor, root_rank)
    return tensor


def broadcast_object(obj: Any, root_rank: int = 0, name: str | None = None) -> Any:
    """The root's object."""
    held = [obj if rank() == root_rank else None]
    dist.broadcast_object_list(held, root_rank)
    return held[0]


def barrier() -> None:
    """Wait for all."""
    dist.barrier()


def join(device: int = -1) -> int:
    """Wait for all at the end; the last rank. Processes with less data must not come here early: that is not built."""
    dist.barrier()
    return size() - 1


def _reduce(tensor: torch.Tensor, average: bool | None, op: str | None) -> torch.Tensor:
    chosen = op or (Sum if average is False else Average)
    if chosen not in _REDUCTIONS:
        raise NotImplementedError(f"op {chosen} is not supported here; allowed: {', '.join(_REDUCTIONS)}")
    dist.all_reduce(tensor, op=_REDUCTIONS[chosen])
    if chosen != Average:
        return tensor
    if tensor.is_floating_point() or tensor.is_complex():
        return tensor.div_(size())
    return tensor.div_(size(), rounding_mode="trunc")
