import io
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from sagesse.demo.marble import HEIGHT_PX, KO_KINDS, WIDTH_PX, dataset, draw


@pytest.fixture(scope="module")
def photos():
    return list(dataset(120, seed=3))


def _pixels(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)), np.float32)


def test_a_seed_draws_the_same_bytes_again():
    assert list(dataset(3, seed=5)) == list(dataset(3, seed=5))


def test_another_seed_draws_other_photos():
    assert {p.jpeg for p in dataset(3, seed=5)}.isdisjoint(p.jpeg for p in dataset(3, seed=6))


def test_a_photo_does_not_depend_on_how_many_are_drawn():
    assert list(islice(dataset(50, seed=5), 2)) == list(dataset(2, seed=5))


def test_photos_are_colour_jpegs_of_one_size(photos):
    assert {_pixels(p.jpeg).shape for p in photos[:10]} == {(HEIGHT_PX, WIDTH_PX, 3)}


def test_the_label_follows_from_the_kind(photos):
    assert all((p.label == "ok") == (p.kind == "plain") for p in photos)


def test_all_kinds_occur_and_half_is_ok(photos):
    assert {p.kind for p in photos} == {"plain", *KO_KINDS}
    assert 0.4 < np.mean([p.label == "ok" for p in photos]) < 0.6


def test_neither_brightness_nor_spread_gives_the_class_away(photos):
    is_ok = np.array([p.label == "ok" for p in photos])
    for measure in (np.mean, np.std):
        values = np.array([measure(_pixels(p.jpeg)) for p in photos])
        cuts = np.quantile(values, np.linspace(0.05, 0.95, 19))
        best = max(max(np.mean((values > cut) == is_ok), np.mean((values <= cut) == is_ok)) for cut in cuts)
        assert best < 0.75


@pytest.mark.parametrize("kind", ["plain", *KO_KINDS])
def test_each_kind_can_be_drawn_on_request(kind):
    assert draw(np.random.default_rng(0), kind).size == (WIDTH_PX, HEIGHT_PX)
