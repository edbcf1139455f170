"""Residual networks for images, with parameter names as torchvision gives them.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (2016), table 1. The names
(`layer1.0.conv1.weight`, `fc.bias`, ...) are kept so that a state dict of torchvision's resnet18 to
resnet152 loads as it is; `width` 64 is theirs, our shipped backbone has a smaller one. The 20 to 110 layer
networks for small images (section 4.2 of the paper) have a 3x3 stem, three stages and no pooling after it.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# torch types some factories (nn.init, relu in place) only partly.

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

Block = type["BasicBlock"] | type["Bottleneck"]


class Shape(NamedTuple):
    """What tells one residual network from another."""

    num_layers: int
    width: int = 64
    num_classes: int = 1000


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (the paper's figure 5, left)."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _shortcut(inputs, planes * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu_(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu_(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions and a shortcut; the stride sits in the 3x3, as in torchvision."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu_(self.bn1(self.conv1(x)))
        y = torch.relu_(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu_(y + (x if self.downsample is None else self.downsample(x)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


_LARGE: dict[int, tuple[Block, tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
    200: (Bottleneck, (3, 24, 36, 3)),
}
_SMALL = (20, 32, 44, 56, 110)
NUM_LAYERS = (*_LARGE, *_SMALL)


class ResNet(nn.Module):
    """A residual network; `features` gives the pooled vector, `forward` the class scores (logits)."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        large = shape.num_layers in _LARGE
        block, depths = _LARGE[shape.num_layers] if large else (BasicBlock, _small_depths(shape.num_layers))
        width = shape.width if large else max(16, shape.width // 4)
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False) if large else _conv3x3(width)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        self.stages = _add_stages(self, block, depths, width)
        self.num_features = width * 2 ** (len(depths) - 1) * block.expansion
        self.fc = nn.Linear(self.num_features, shape.num_classes)
        self._initialise()
        # The memory order in which CPU convolutions are fast; loading weights keeps it.
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def features(self, x: Tensor) -> Tensor:
        """(rows, 3, height, width) float to (rows, num_features) float."""
        x = self.maxpool(torch.relu_(self.bn1(self.conv1(x))))
        for stage in self.stages:
            x = getattr(self, stage)(x)
        return x.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))

    def _initialise(self) -> None:
        # He et al. (2015), eq. 10; the last norm of each block starts at zero (Goyal et al. 2017, 5.1).
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, BasicBlock):
                nn.init.zeros_(module.bn2.weight)
            elif isinstance(module, Bottleneck):
                nn.init.zeros_(module.bn3.weight)


def _conv3x3(width: int) -> nn.Conv2d:
    return nn.Conv2d(3, width, 3, 1, 1, bias=False)


def _small_depths(num_layers: int) -> tuple[int, ...]:
    return ((num_layers - 2) // 6,) * 3


def _add_stages(net: nn.Module, block: Block, depths: Sequence[int], width: int) -> list[str]:
    inputs, names = width, list[str]()
    for index, depth in enumerate(depths):
        planes = width * 2**index
        blocks = list[nn.Module]()
        for position in range(depth):
            stride = 2 if position == 0 and index > 0 else 1
            blocks.append(block(inputs, planes, stride))
            inputs = planes * block.expansion
        names.append(f"layer{index + 1}")
        net.add_module(names[-1], nn.Sequential(*blocks))
    return names
