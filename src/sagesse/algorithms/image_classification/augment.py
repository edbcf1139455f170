"""Random changes of training images, for a whole batch at once: crop and flip, colour, geometry."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch and some methods of numpy's generator are typed only partly.

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from sagesse.algorithms.image_classification.params import ImageShape
from sagesse.algorithms.image_classification.photo import Pixels, centre

Rng = np.random.Generator
# ImageNet's mean and deviation, which torchvision's checkpoints expect.
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
_JITTER = (36 / 180, 50 / 255, 50 / 255)  # hue, saturation, lightness: SageMaker's crop_color
_ANGLE_RAD, _SHEAR, _ASPECT = np.deg2rad(10), 0.1, 0.25  # SageMaker's crop_color_transform


def stack(images: Iterable[Pixels], shape: ImageShape) -> Tensor:
    """Centre windows as (rows, 3, height, width) floats in 0..1."""
    return _tensor(np.stack([centre(pixels, shape) for pixels in images]))


def augment(images: Iterable[Pixels], shape: ImageShape, kind: str, rng: Rng) -> Tensor:
    """Training windows as (rows, 3, height, width) floats in 0..1, changed as `augmentation_type` says."""
    if kind == "none":
        return stack(images, shape)
    x = _tensor(np.stack([_crop(pixels, shape, rng) for pixels in images]))
    if kind == "crop_color_transform":
        x = transform(x, rng)
    return x if kind == "crop" else jitter(x, rng)


def normalise(x: Tensor) -> Tensor:
    """Zero mean and unit deviation, in the memory order that convolutions like."""
    return ((x - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)


def _tensor(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)


def _crop(pixels: Pixels, shape: ImageShape, rng: Rng) -> Pixels:
    y = rng.integers(0, pixels.shape[0] - shape.height + 1)
    x = rng.integers(0, pixels.shape[1] - shape.width + 1)
    window = pixels[y : y + shape.height, x : x + shape.width]
    return window[:, ::-1] if rng.random() < 0.5 else window


def _uniform(rng: Rng, rows: int, limit: float) -> Tensor:
    return torch.from_numpy(rng.uniform(-limit, limit, (rows, 1, 1)).astype(np.float32))


def jitter(x: Tensor, rng: Rng) -> Tensor:
    """Shift hue, saturation and lightness of each image."""
    high, low = x.amax(1), x.amin(1)
    chroma, lightness = high - low, (high + low) / 2
    safe = chroma.clamp_min(1e-6)
    r, g, b = x.unbind(1)
    hue = (
        torch.where(high == r, (g - b) / safe, torch.where(high == g, (b - r) / safe + 2, (r - g) / safe + 4))
        / 6
    )
    saturation = chroma / (1 - (2 * lightness - 1).abs()).clamp_min(1e-6)
    shifts = [_uniform(rng, len(x), limit) for limit in _JITTER]
    hue = (hue + shifts[0]) % 1
    saturation = (saturation + shifts[1] * (chroma > 1e-6)).clamp(0, 1)
    lightness = (lightness + shifts[2]).clamp(0, 1)
    reach = saturation * torch.minimum(lightness, 1 - lightness)
    k = (hue[:, None] * 12 + torch.tensor([0.0, 8.0, 4.0]).view(1, 3, 1, 1)) % 12
    return lightness[:, None] - reach[:, None] * torch.minimum(k - 3, 9 - k).clamp(-1, 1)


def transform(x: Tensor, rng: Rng) -> Tensor:
    """Rotate, shear and stretch each image a little."""
    rows = len(x)
    angle = rng.uniform(-_ANGLE_RAD, _ANGLE_RAD, rows)
    shear, aspect = rng.uniform(-_SHEAR, _SHEAR, rows), np.sqrt(1 + rng.uniform(-_ASPECT, _ASPECT, rows))
    cos, sin, none = np.cos(angle), np.sin(angle), np.zeros(rows)
    first = np.stack([cos * aspect, (shear * cos - sin) * aspect, none], 1)
    second = np.stack([sin / aspect, (shear * sin + cos) / aspect, none], 1)
    matrix = torch.from_numpy(np.stack([first, second], 1).astype(np.float32))
    grid = affine_grid(matrix, list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="reflection", align_corners=False)
