"""Tiny pictures of two obvious classes and jobs that learn from them in a second."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from sagesse.algorithms.base import Channel, Job

SIZE_PX = 16
HYPERPARAMETERS = {
    "num_classes": "2",
    "num_training_samples": "24",
    "num_layers": "20",
    "image_shape": f"3,{SIZE_PX},{SIZE_PX}",
    "mini_batch_size": "8",
    "epochs": "2",
    "learning_rate": "0.05",
}


def picture(
    label: int, seed: int = 0, size: tuple[int, int] = (SIZE_PX, SIZE_PX), kind: str = "PNG"
) -> bytes:
    """A reddish (0) or bluish (1) noise picture."""
    pixels = np.random.default_rng(seed).integers(0, 100, (size[1], size[0], 3), np.uint8)
    pixels[..., 0 if label == 0 else 2] += 120
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def channel(folder: Path, name: str, count: int, flags: int = 1) -> dict[str, Channel]:
    """A channel of pictures and its list; `flags` label columns."""
    images, lists = folder / name, folder / f"{name}_lst"
    images.mkdir(parents=True)
    lists.mkdir()
    lines = list[str]()
    for number in range(count):
        label = number % 2
        (images / f"{number}.png").write_bytes(picture(label, number))
        labels = [str(label)] if flags == 1 else [str(int(label == k % 2)) for k in range(flags)]
        lines.append("\t".join([str(number), *labels, f"{number}.png"]))
    (lists / f"{name}.lst").write_text("\n".join(lines) + "\n")
    return {name: Channel(name, images, "image/png"), f"{name}_lst": Channel(f"{name}_lst", lists)}


def job(
    folder: Path, *, channels: dict[str, Channel] | None = None, checkpoints: bool = False, **given: object
) -> Job:
    """A job with its log in `job.report.__self__`, a list."""
    if channels is None:
        data = folder / "data"
        channels = (
            _existing(data) if data.exists() else channel(data, "train", 24) | channel(data, "validation", 8)
        )
    return Job(
        hyperparameters=HYPERPARAMETERS | {name: str(value) for name, value in given.items()},
        channels=channels,
        model_dir=folder / "model",
        output_dir=folder / "output",
        checkpoint_dir=folder / "checkpoints" if checkpoints else None,
        report=list[str]().append,
    )


def log(given: Job) -> list[str]:
    """The lines that a job has reported."""
    return given.report.__self__  # type: ignore[attr-defined]


def _existing(data: Path) -> dict[str, Channel]:
    return {name: Channel(name, data / name, "image/png") for name in sorted(p.name for p in data.iterdir())}
