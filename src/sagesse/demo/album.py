"""The photos of the story on disk: rendered once, labelled, split, and listed for training."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from sagesse.demo import marble

Part: TypeAlias = Literal["train", "validation", "unseen"]
PARTS: tuple[Part, ...] = ("train", "validation", "unseen")

_SEED, _UNSEEN_SEED = 0, 1  # photos of different seeds have nothing in common
_TRAIN_SHARE = 0.8


class Picture(msgspec.Struct, frozen=True):
    """One photo: where it is, and what is on it."""

    part: Part
    file: str
    label: marble.Label
    kind: marble.Kind


class Album(msgspec.Struct, frozen=True):
    """Labelled photos for training and validation, and others that training never sees.

    Attributes:
        stamp: changes with the photos.
    """

    stamp: str
    pictures: tuple[Picture, ...]

    def of(self, part: Part) -> list[Picture]:
        """The photos of one part, in order."""
        return [picture for picture in self.pictures if picture.part == part]

    def listing(self, part: Part) -> bytes:
        """The part as a ``.lst`` file: index, label (1 is ok, 0 is ko), path."""
        lines = (
            f"{number}\t{int(picture.label == 'ok')}\t{picture.file}\n"
            for number, picture in enumerate(self.of(part))
        )
        return "".join(lines).encode()


def unseen_count(count: int) -> int:
    """How many photos are classified in the end, for `count` labelled ones."""
    return max(1, count // 4)


def make_album(folder: Path, count: int, advance: Callable[[], None]) -> Album:
    """Render `count` labelled photos (80 % train, 20 % validation) and a quarter as many unseen ones into `folder`.

    What an earlier call made is taken as it is. `advance` is called after each photo.
    """
    stamp = _stamp(count)
    album = _read(folder / "album.json", stamp)
    if album is not None:
        for _ in album.pictures:
            advance()
        return album
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
    pictures = [
        *_render(folder, count, _SEED, advance),
        *_render(folder, unseen_count(count), _UNSEEN_SEED, advance),
    ]
    album = Album(stamp, tuple(pictures))
    draft = folder / f"album.json.{os.getpid()}"
    draft.write_bytes(msgspec.json.encode(album))
    draft.replace(folder / "album.json")
    return album


def _render(folder: Path, count: int, seed: int, advance: Callable[[], None]) -> list[Picture]:
    pictures: list[Picture] = []
    for photo in marble.dataset(count, seed):
        part: Part = "train" if photo.number < count * _TRAIN_SHARE else "validation"
        if seed == _UNSEEN_SEED:
            part = "unseen"
        picture = Picture(part, f"{photo.number:05d}.jpg", photo.label, photo.kind)
        (folder / part / picture.file).write_bytes(photo.jpeg)
        pictures.append(picture)
        advance()
    return pictures


def _stamp(count: int) -> str:
    """Changes with the number of photos and with the renderer."""
    renderer = Path(marble.__file__).read_bytes()
    return hashlib.sha256(b"%d\n" % count + renderer).hexdigest()[:12]


def _read(path: Path, stamp: str) -> Album | None:
    try:
        album = msgspec.json.decode(path.read_bytes(), type=Album)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return album if album.stamp == stamp else None
