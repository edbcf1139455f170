"""From encoded images to arrays of bytes: decode, resize, crop."""

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from sagesse.algorithms.base import ClientError
from sagesse.algorithms.image_classification.params import ImageShape

Pixels = NDArray[np.uint8]
CACHE_BYTES = 1 << 30
_PIXEL_LIMIT = 100_000_000  # a larger header is a mistake or an attack


class Framing(NamedTuple):
    """How an image becomes the network's input: shortest side to `resize`, then a window of `shape`."""

    shape: ImageShape
    resize: int | None = None


class UnreadableImageError(ValueError):
    """The bytes are not an image that we can read."""


def decode(body: bytes, resize: int | None) -> Pixels:
    """Decode JPEG, PNG or another known format to (height, width, 3), shortest side `resize` if given.

    JPEGs are decoded at a reduced scale when the result is much smaller.

    Raises:
        UnreadableImageError: broken, unknown, or larger than 100 million pixels.
    """
    try:
        with Image.open(io.BytesIO(body)) as image:
            if image.width * image.height > _PIXEL_LIMIT:
                raise UnreadableImageError(f"{image.width} x {image.height} pixels are too many")
            if resize is None:
                return np.asarray(image.convert("RGB"))
            scale = resize / min(image.size)
            width, height = (max(resize, round(side * scale)) for side in image.size)
            image.draft("RGB", (2 * width, 2 * height))
            picture = image.convert("RGB")
            return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    except UnreadableImageError:
        raise
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        Image.DecompressionBombError,
    ) as error:
        raise UnreadableImageError(str(error) or type(error).__name__) from error


def centre(pixels: Pixels, shape: ImageShape) -> Pixels:
    """The middle of an image that is at least as large as `shape`."""
    y, x = (pixels.shape[0] - shape.height) // 2, (pixels.shape[1] - shape.width) // 2
    return pixels[y : y + shape.height, x : x + shape.width]


def frame(body: bytes, framing: Framing) -> Pixels:
    """Decode for inference: as a validation image where that is possible, else stretched to the shape."""
    shape = framing.shape
    pixels = decode(body, framing.resize)
    if framing.resize is not None and pixels.shape[0] >= shape.height and pixels.shape[1] >= shape.width:
        return centre(pixels, shape)
    if pixels.shape[:2] == (shape.height, shape.width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((shape.width, shape.height), Image.Resampling.BILINEAR))


class Photos:
    """The images of one channel; decoded once and kept when they fit into memory."""

    def __init__(self, paths: Sequence[Path], framing: Framing, *, whole: bool, threads: int) -> None:
        """Check and decode all images.

        Args:
            paths: the image files.
            framing: the window that the network sees.
            whole: keep what lies outside of the centre window too, for random crops.
            threads: decoders at work; decoding frees the interpreter.

        Raises:
            ClientError: an image is unreadable or smaller than the window.
        """
        self._paths, self._framing, self._whole = paths, framing, whole
        self._kept = list[Pixels]()
        size = 0
        with ThreadPoolExecutor(max(1, threads)) as pool:
            for pixels in pool.map(self._load, range(len(paths))):
                size += pixels.nbytes
                if size <= CACHE_BYTES:
                    self._kept.append(pixels)

    def __len__(self) -> int:
        return len(self._paths)

    def take(self, rows: Sequence[int]) -> Iterator[Pixels]:
        """The images of these rows, each at least as large as the window."""
        for row in rows:
            yield self._kept[row] if row < len(self._kept) else self._load(row)

    def _load(self, row: int) -> Pixels:
        path, shape = self._paths[row], self._framing.shape
        try:
            pixels = decode(path.read_bytes(), self._framing.resize)
        except UnreadableImageError as error:
            raise ClientError(f"The image {path.name} cannot be read: {error}") from error
        if pixels.shape[0] < shape.height or pixels.shape[1] < shape.width:
            raise ClientError(
                f"The image {path.name} has {pixels.shape[1]} x {pixels.shape[0]} pixels, less than image_shape "
                f"{shape.width} x {shape.height}; set resize or a smaller image_shape."
            )
        return pixels if self._whole else np.ascontiguousarray(centre(pixels, shape))
