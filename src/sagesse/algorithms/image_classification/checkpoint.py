"""Where a job stands, so that an interrupted one goes on as if nothing had happened."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch.load answers an untyped dictionary.

from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sagesse.algorithms.base import ClientError
from sagesse.algorithms.image_classification.tensor_file import read_pickled

FILE = "image-classification.pt"


class Progress(NamedTuple):
    """The epochs behind us and the weights of the best one."""

    accuracies: list[float]
    losses: list[float]
    best_weights: dict[str, Tensor]

    @property
    def epochs_done(self) -> int:
        """How many epochs have been validated."""
        return len(self.accuracies)

    @property
    def best_epoch(self) -> int:
        """The most accurate epoch; of equals the one with the smallest loss."""
        return max(range(self.epochs_done), key=lambda k: (self.accuracies[k], -self.losses[k]))

    def add(self, accuracy: float, loss: float, weights: dict[str, Tensor]) -> "Progress":
        """The progress after one more epoch."""
        new = Progress([*self.accuracies, accuracy], [*self.losses, loss], self.best_weights)
        if new.best_epoch < new.epochs_done - 1:
            return new
        return new._replace(best_weights={name: value.clone() for name, value in weights.items()})

    def epochs_since_gain(self, tolerance: float) -> int:
        """Epochs since the accuracy last rose by more than `tolerance` of its best value before."""
        best, last = -1.0, 0
        for epoch, accuracy in enumerate(self.accuracies):
            if accuracy > best * (1 + tolerance if best > 0 else 1):
                best, last = accuracy, epoch
        return self.epochs_done - 1 - last


def save(folder: Path | None, progress: Progress, net: nn.Module, optimizer: Optimizer) -> None:
    """Write the state of a job after an epoch; a reader sees the old or the new one, whole."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    state = {"progress": progress._asdict(), "net": net.state_dict(), "optimizer": optimizer.state_dict()}
    part = folder / (FILE + ".part")
    torch.save(state, part)
    part.replace(folder / FILE)


def resume(folder: Path | None, net: nn.Module, optimizer: Optimizer) -> Progress:
    """Load what an earlier run of the job left, or begin.

    Raises:
        ClientError: the checkpoint is broken or of another network.
    """
    if folder is None or not (folder / FILE).exists():
        return Progress([], [], {})
    state = cast("dict[str, Any]", read_pickled(folder / FILE))
    try:
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        return Progress(**state["progress"])
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ClientError(f"The checkpoint {FILE} does not fit this job: {error}") from error
