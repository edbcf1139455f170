"""The `.lst` files: which image has which label."""

from pathlib import Path
from typing import NamedTuple

from sagesse.algorithms.base import Channel, ClientError

IMAGE_TYPES = ("application/x-image", "image/jpeg", "image/png")
_SHOWN = 5  # mistakes of a list that the message quotes


class Listing(NamedTuple):
    """Image files and their labels; a row is a class index, or one 0/1 flag for each class."""

    paths: list[Path]
    labels: list[list[float]]


def read_channel(channels: dict[str, Channel], name: str, num_classes: int, *, multi_label: bool) -> Listing:
    """Read the images of channel `name` with the list of channel `<name>_lst`.

    Raises:
        ClientError: the channel or its list is missing, is RecordIO, or names images or classes that are not there.
    """
    images, lists = channels.get(name), channels.get(f"{name}_lst")
    if images is None:
        raise ClientError(
            f"The channel {name!r} is missing; image-classification needs train and validation."
        )
    _refuse_records(images)
    if lists is None:
        raise ClientError(
            f"The channel '{name}_lst' is missing: raw images need a .lst file with their labels."
        )
    files = sorted(p for p in lists.path.rglob("*.lst") if p.is_file())
    if len(files) != 1:
        raise ClientError(f"The channel '{name}_lst' must hold one .lst file, it holds {len(files)}.")
    return _read(files[0], images.path, num_classes, multi_label=multi_label)


def _refuse_records(images: Channel) -> None:
    content = (images.content_type or IMAGE_TYPES[0]).partition(";")[0].strip().lower()
    if content not in IMAGE_TYPES or any(images.path.glob("*.rec")):
        raise ClientError(
            f"The channel {images.name!r} has content type {images.content_type!r} or .rec files; RecordIO is not "
            f"supported yet: give raw images as {', '.join(IMAGE_TYPES)} with a .lst file."
        )
    if images.mode not in {"File", "FastFile"}:
        raise ClientError(
            f"The channel {images.name!r} has input mode {images.mode!r}; File or FastFile expected."
        )


def _read(file: Path, root: Path, num_classes: int, *, multi_label: bool) -> Listing:
    paths, labels, wrong = list[Path](), list[list[float]](), list[str]()
    for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            path, label = _entry(line.rstrip("\r\n").split("\t"), root, num_classes, multi_label=multi_label)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        paths.append(path)
        labels.append(label)
    if wrong:
        shown = "; ".join(wrong[:_SHOWN]) + (
            f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        )
        raise ClientError(f"{file.name}: {shown}")
    if not paths:
        raise ClientError(f"{file.name}: the list is empty.")
    return Listing(paths, labels)


def _entry(parts: list[str], root: Path, num_classes: int, *, multi_label: bool) -> tuple[Path, list[float]]:
    columns = num_classes if multi_label else 1
    if len(parts) != columns + 2:
        raise ValueError(f"{len(parts)} columns separated by tabs, expected index, {columns} label, path")
    try:
        label = [float(part) for part in parts[1:-1]]
    except ValueError:
        raise ValueError(f"label {' '.join(parts[1:-1])!r} is not a number") from None
    if multi_label and any(value not in (0.0, 1.0) for value in label):
        raise ValueError("a multi-label flag is neither 0 nor 1")
    if not multi_label and not (label[0].is_integer() and 0 <= label[0] < num_classes):
        raise ValueError(f"class {parts[1]} is not one of 0 to {num_classes - 1}")
    path = root / parts[-1].strip().lstrip("/")
    if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        raise ValueError(f"there is no image {parts[-1].strip()!r} in the channel")
    return path, label
