import colorsys

import numpy as np
import pytest
import torch

from sagesse.algorithms.image_classification.augment import augment, jitter, normalise, stack
from sagesse.algorithms.image_classification.params import ImageShape

SHAPE = ImageShape(3, 8, 8)
IMAGES = list(np.random.default_rng(0).integers(0, 256, (5, 12, 10, 3), np.uint8))


@pytest.mark.parametrize("kind", ["none", "crop", "crop_color", "crop_color_transform"])
def test_every_kind_gives_pictures_of_the_shape_within_range(kind):
    x = augment(IMAGES, SHAPE, kind, np.random.default_rng(1))
    assert x.shape == (5, 3, 8, 8)
    assert x.min() >= -1e-5
    assert x.max() <= 1 + 1e-5


@pytest.mark.parametrize("kind", ["crop", "crop_color", "crop_color_transform"])
def test_a_seed_gives_the_same_changes(kind):
    first, second = (augment(IMAGES, SHAPE, kind, np.random.default_rng(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, augment(IMAGES, SHAPE, kind, np.random.default_rng(2)))


def test_without_augmentation_the_centre_is_taken():
    assert torch.equal(augment(IMAGES, SHAPE, "none", np.random.default_rng(1)), stack(IMAGES, SHAPE))


def test_a_crop_is_a_window_of_the_image_or_its_mirror():
    image = IMAGES[0]
    x = (
        (augment([image], SHAPE, "crop", np.random.default_rng(3))[0].permute(1, 2, 0) * 255)
        .round()
        .byte()
        .numpy()
    )
    windows = [image[y : y + 8, k : k + 8] for y in range(5) for k in range(3)]
    assert any(np.array_equal(x, w) or np.array_equal(x, w[:, ::-1]) for w in windows)


class _Fixed:
    """A generator that shifts hue, saturation and lightness by what it is told."""

    def __init__(self, *shifts):
        self._shifts = iter(shifts)

    def uniform(self, low, high, shape):
        return np.full(shape, next(self._shifts))


@pytest.mark.parametrize("shifts", [(0, 0, 0), (0.2, 0, 0), (0, -0.1, 0), (0, 0, 0.1), (-0.1, 0.1, -0.05)])
def test_jitter_is_a_shift_in_hue_saturation_and_lightness(shifts):
    colour = (0.8, 0.4, 0.3)
    x = jitter(torch.tensor(colour).view(1, 3, 1, 1), _Fixed(*shifts))
    hue, lightness, saturation = colorsys.rgb_to_hls(*colour)
    expected = colorsys.hls_to_rgb((hue + shifts[0]) % 1, lightness + shifts[2], saturation + shifts[1])
    assert x.flatten().tolist() == pytest.approx(expected, abs=1e-5)


def test_jitter_leaves_grey_without_colour():
    x = jitter(torch.full((4, 3, 2, 2), 0.5), np.random.default_rng(0))
    assert torch.allclose(x[:, 0], x[:, 1])
    assert torch.allclose(x[:, 1], x[:, 2])


def test_normalising_uses_torchvisions_mean_and_deviation():
    x = normalise(torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) + 0.1)
    assert x.flatten().tolist() == pytest.approx([0.1 / 0.229, 0.1 / 0.224, 0.1 / 0.225])
