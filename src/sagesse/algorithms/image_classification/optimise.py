"""The update rule and its learning rate over time."""

import math
from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, Optimizer, RMSprop

from sagesse.algorithms.image_classification.params import Params, steps_of

# A body that has been trained needs small corrections, its new last layer large ones.
BODY_SHARE = 0.1
WARM_UP_EPOCHS = 1.0
_FLOOR = 0.02  # share of the rate that is left at the end


def optimizer_of(params: Params, net: nn.Module, *, pretrained: bool) -> Optimizer:
    """The optimizer that the hyperparameters name; norms and biases are not decayed."""
    groups = _groups(params, net, pretrained=pretrained)
    match params.optimizer:
        case "sgd":
            return SGD(groups, lr=params.learning_rate, momentum=params.momentum)
        case "nag":
            return SGD(
                groups, lr=params.learning_rate, momentum=params.momentum, nesterov=params.momentum > 0
            )
        case "adam":
            return Adam(groups, lr=params.learning_rate, betas=(params.beta_1, params.beta_2), eps=params.eps)
        case "rmsprop":
            return RMSprop(groups, lr=params.learning_rate, alpha=params.gamma, eps=params.eps)


def _groups(params: Params, net: nn.Module, *, pretrained: bool) -> Iterable[dict[str, Any]]:
    for is_head in (True, False):
        for is_matrix in (True, False):
            share = BODY_SHARE if pretrained and not is_head else 1.0
            yield {
                "params": [
                    weight
                    for name, weight in net.named_parameters()
                    if name.startswith("fc.") == is_head and (weight.ndim > 1) == is_matrix
                ],
                "weight_decay": params.weight_decay if is_matrix else 0.0,
                "share": share,
            }


def set_rate(optimizer: Optimizer, params: Params, epoch: float) -> None:
    """Set the rate at a moment counted in epochs: warm-up, then the user's steps, or a cosine without them."""
    rate = params.learning_rate * min(1.0, (epoch + 0.02) / WARM_UP_EPOCHS) * _decay(params, epoch)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]


def _decay(params: Params, epoch: float) -> float:
    steps = steps_of(params)
    if steps:
        return params.lr_scheduler_factor ** sum(epoch >= step for step in steps)
    return _FLOOR + (1 - _FLOOR) * (0.5 + 0.5 * math.cos(math.pi * epoch / params.epochs))
