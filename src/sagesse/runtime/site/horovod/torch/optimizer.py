"""Optimizers whose gradients are those of all processes together."""

from collections.abc import Iterable
from typing import Any

import torch

from .collective import Adasum, Average, allreduce, broadcast_, broadcast_object
from .compression import Compression
from .world import size


def DistributedOptimizer(
    optimizer: torch.optim.Optimizer,
    named_parameters: Iterable[tuple[str, torch.nn.Parameter]] | None = None,
    compression: Any = Compression.none,
    backward_passes_per_step: int = 1,
    op: str = Average,
    gradient_predivide_factor: float = 1.0,
) -> torch.optim.Optimizer:
    """The optimizer, with a `step` that reduces the gradients over all processes first.

    It is the same object, of a subclass of its class, so schedulers and state keep working.
    """
    if op == Adasum:
        raise NotImplementedError("op Adasum is not supported here; allowed: Average, Sum")
    if gradient_predivide_factor != 1.0 and op != Average:
        raise ValueError("gradient_predivide_factor not supported with op != Average")
    own: type[torch.optim.Optimizer] = type(optimizer)
    members = {**_Reducing.__dict__, "_hvd_compression": compression, "_hvd_op": op, "_hvd_own": own}
    kept = {name: value for name, value in members.items() if name not in {"__dict__", "__weakref__"}}
    optimizer.__class__ = type(own.__name__, (own,), kept)
    vars(optimizer)["_hvd_is_reduced"] = False
    return optimizer


class _Reducing:
    """What the subclass adds. `backward_passes_per_step` needs nothing: gradients add up until `step`."""

    def synchronize(self: Any) -> None:
        """Reduce the gradients now, to look at them (for clipping) before `step`."""
        if size() > 1:
            for tensors in _by_type(_gradients(self)).values():
                _reduce_together(tensors, self._hvd_compression, self._hvd_op)
        self._hvd_is_reduced = True

    def skip_synchronize(self: Any) -> Any:
        """A block in which `step` does not reduce again."""
        return _Skipping(self)

    def step(self: Any, closure: Any = None) -> Any:
        """Reduce, unless that was done, then step."""
        if not self._hvd_is_reduced:
            self.synchronize()
        self._hvd_is_reduced = False
        return self._hvd_own.step(self, closure)


class _Skipping:
    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer

    def __enter__(self) -> None:
        self._optimizer._hvd_is_reduced = True

    def __exit__(self, *_: object) -> None:
        self._optimizer._hvd_is_reduced = False


def broadcast_parameters(params: Any, root_rank: int) -> None:
    """Overwrite parameters (a state dict, or pairs of name and tensor) with the root's."""
    pairs: Iterable[tuple[str, Any]] = params.items() if hasattr(params, "items") else params
    for _, value in pairs:
        if isinstance(value, torch.Tensor):
            broadcast_(value.data, root_rank)


def broadcast_optimizer_state(optimizer: torch.optim.Optimizer, root_rank: int) -> None:
    """Overwrite the optimizer's state with the root's."""
    state: Any = optimizer.state_dict()
    optimizer.load_state_dict(broadcast_object(state, root_rank))


def _gradients(optimizer: Any) -> list[torch.Tensor]:
    """In the same order everywhere; a parameter that got no gradient here may have got one elsewhere."""
    found: list[torch.Tensor] = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                found.append(parameter.grad)
    return found


def _by_type(tensors: list[torch.Tensor]) -> dict[tuple[Any, Any], list[torch.Tensor]]:
    sorts: dict[tuple[Any, Any], list[torch.Tensor]] = {}
    for tensor in tensors:
        sorts.setdefault((tensor.dtype, tensor.device), []).append(tensor)
    return sorts


def _reduce_together(tensors: list[torch.Tensor], compression: Any, op: str) -> None:
    """One message for all tensors of a type, because each message has its latency."""
    whole = allreduce(torch.cat([tensor.reshape(-1) for tensor in tensors]), compression=compression, op=op)
    start = 0
    for tensor in tensors:
        tensor.copy_(whole[start : start + tensor.numel()].view_as(tensor))
        start += tensor.numel()
