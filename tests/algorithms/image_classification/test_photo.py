import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sagesse.algorithms.base import ClientError
from sagesse.algorithms.image_classification import photo
from sagesse.algorithms.image_classification.params import ImageShape
from sagesse.algorithms.image_classification.photo import Framing, Photos, UnreadableImageError, decode, frame
from tests.algorithms.image_classification.sample import picture

SHAPE = ImageShape(3, 16, 16)


@pytest.mark.parametrize(
    ("size", "expected"), [((40, 20), (24, 48, 3)), ((20, 40), (48, 24, 3)), ((10, 10), (24, 24, 3))]
)
def test_resize_is_the_shortest_side(size, expected):
    assert decode(picture(0, size=size), 24).shape == expected


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_other_colour_modes_become_rgb(mode):
    out = io.BytesIO()
    Image.new(mode, (20, 20)).save(out, "TIFF")
    assert decode(out.getvalue(), None).shape == (20, 20, 3)


def test_a_reduced_jpeg_decode_keeps_the_colour():
    pixels = decode(picture(1, size=(640, 480), kind="JPEG"), 16)
    assert pixels.shape[:2] == (16, 21)
    assert pixels[..., 2].mean() > pixels[..., 0].mean() + 60


def test_inference_frames_as_validation_does(tmp_path):
    body = picture(0, size=(40, 20))
    (tmp_path / "a.png").write_bytes(body)
    framing = Framing(SHAPE, 18)
    trained_on = next(Photos([tmp_path / "a.png"], framing, whole=False, threads=1).take([0]))
    assert np.array_equal(frame(body, framing), trained_on)


def test_inference_stretches_an_image_of_any_size():
    assert frame(picture(0, size=(5, 90)), Framing(SHAPE)).shape == (16, 16, 3)


def test_a_training_image_smaller_than_the_shape_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(0, size=(16, 12)))
    with pytest.raises(
        ClientError, match=r"a.png has 16 x 12 pixels, less than image_shape 16 x 16; set resize"
    ):
        Photos([tmp_path / "a.png"], Framing(SHAPE), whole=False, threads=1)


def test_images_beyond_the_cache_are_decoded_when_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(photo, "CACHE_BYTES", 16 * 16 * 3)
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for label, path in enumerate(paths):
        path.write_bytes(picture(label))
    photos = Photos(paths, Framing(SHAPE), whole=False, threads=1)
    assert np.array_equal(next(photos.take([1])), decode(picture(1), None))


def test_a_header_that_promises_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(photo, "_PIXEL_LIMIT", 100)
    with pytest.raises(UnreadableImageError, match="16 x 16 pixels are too many"):
        decode(picture(0), None)


@given(st.binary(max_size=300))
def test_any_bytes_are_pixels_or_unreadable(body):
    with pytest.raises(UnreadableImageError):
        decode(b"\x89PNG" + body, 8)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_a_damaged_jpeg_is_pixels_or_unreadable(place, patch):
    body = bytearray(picture(0, kind="JPEG"))
    place %= len(body)
    body[place : place + len(patch)] = patch
    try:
        channels = decode(bytes(body), 8).shape[2]
    except UnreadableImageError:
        channels = 3
    assert channels == 3
