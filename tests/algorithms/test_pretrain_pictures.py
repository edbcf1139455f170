"""The generator behind the shipped backbone (tools/pretrain): reproducible, labelled, and not the marbles."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tools.pretrain import scene, shape, texture

ROOT = Path(__file__).parents[2]


def test_a_seed_draws_the_same_pictures_and_labels():
    first, second = (scene.render(np.random.default_rng(4), 4, 24) for _ in range(2))
    assert np.array_equal(first.pictures, second.pictures)
    assert np.array_equal(first.labels, second.labels)


def test_labels_lie_within_their_heads():
    labels = np.concatenate([scene.render(np.random.default_rng(k), 8, 16).labels for k in range(30)])
    assert (labels < np.array(list(scene.HEADS.values()))).all()


@pytest.mark.parametrize("family", range(len(texture.FAMILIES)))
def test_every_texture_is_a_finite_field_that_varies(family):
    line = np.linspace(-1, 1, 32, dtype=np.float32)
    u, v = (np.repeat(a[None], 12, 0) for a in np.meshgrid(line, line))
    colours = np.full((12, 1, 1), 3, np.float32)
    field = texture.field(family, np.arange(12), colours, u, v, np.random.default_rng(0))
    assert np.isfinite(field).all()
    assert 0 <= field.min() <= field.max() <= 1
    assert field.std() > 0.01


def test_no_two_curves_are_alike():
    assert len(np.unique(shape.CURVE_TABLE.round(3), axis=0)) == shape.CURVES


def test_the_generator_knows_nothing_of_the_marbles():
    code = "import sys, tools.pretrain.render; print([n for n in sys.modules if n.startswith('sagesse')])"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
