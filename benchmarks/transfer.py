"""What the shipped backbone is worth: transfer learning against the same network from scratch, on marbles.

    python benchmarks/transfer.py [--seeds 3] [--photos 50 400] [--epochs 15]

Both learn from the same photos with the same hyperparameters; a quarter as many other photos choose the epoch, and
one fixed set of 500 other photos, drawn from another seed, gives the accuracy. From scratch there is no
lower rate for the body. Prints a table and, with --json, one object.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sagesse.algorithms.base import Channel, Job
from sagesse.algorithms.image_classification import training
from sagesse.algorithms.image_classification.inference import ImageModel
from sagesse.algorithms.image_classification.network import ResNet, Shape
from sagesse.algorithms.image_classification.pretrained import BACKBONE_WIDTH, Start
from sagesse.demo.marble import Photo, dataset

TEST_PHOTOS, TEST_SEED = 500, 987_654
HYPERPARAMETERS = {
    "num_layers": "18",
    "num_classes": "2",
    "image_shape": "3,64,64",
    "resize": "72",
    "augmentation_type": "crop",
    "mini_batch_size": "16",
    "learning_rate": "0.02",
    "epochs": "15",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--photos", type=int, nargs="+", default=[50, 400])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], help="other hyperparameters, name=value")
    options = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in options.set) | {"epochs": str(options.epochs)}
    test = list(dataset(TEST_PHOTOS, TEST_SEED))
    rows = {}
    for photos in options.photos:
        for transfer in (True, False):
            scores, begun = [], time.monotonic()
            for seed in range(options.seeds):
                scores.append(
                    accuracy(photos, seed, test, transfer=transfer, threads=options.threads, given=given)
                )
            name = f"{photos} photos, {'transfer' if transfer else 'from scratch'}"
            rows[name] = scores
            seconds = (time.monotonic() - begun) / options.seeds
            spread = " ".join(f"{100 * s:.1f}" for s in scores)
            print(
                f"{name:28s} {100 * statistics.mean(scores):5.1f} %  ({spread}), {seconds:.1f} s each",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows))


def accuracy(
    photos: int,
    seed: int,
    test: list[Photo],
    *,
    transfer: bool,
    threads: int = 1,
    given: dict[str, str] | None = None,
) -> float:
    """Train on `photos` marbles of a seed and measure the share of test photos that come out right."""
    with tempfile.TemporaryDirectory() as folder, _scratch(not transfer):
        job = _job(Path(folder), photos, seed, threads, given or {}, transfer=transfer)
        training.train(job)
        return measure(ImageModel(job.model_dir), test)


def measure(model: ImageModel, test: list[Photo]) -> float:
    rows = [model.decode(photo.jpeg, "image/jpeg") for photo in test]
    chances = [
        chance for start in range(0, len(rows), 100) for chance in model.predict(rows[start : start + 100])
    ]
    return float(np.mean([np.argmax(c) == (p.label == "ok") for c, p in zip(chances, test, strict=True)]))


@contextmanager
def _scratch(wanted: bool) -> Iterator[None]:
    """Let training begin with random weights in the very network of the backbone."""
    shipped = training.begin
    if wanted:
        training.begin = lambda *_: Start(
            ResNet(Shape(18, BACKBONE_WIDTH, 2)), BACKBONE_WIDTH, False, "scratch"
        )
    try:
        yield
    finally:
        training.begin = shipped


def _job(folder: Path, photos: int, seed: int, threads: int, given: dict[str, str], *, transfer: bool) -> Job:
    drawn = list(dataset(photos + photos // 4, 1000 + seed))
    channels = dict[str, Channel]()
    for name, part in (("train", drawn[:photos]), ("validation", drawn[photos:])):
        channels |= write_channel(folder, name, part)
    settings = HYPERPARAMETERS | given
    settings |= {"num_training_samples": str(photos), "use_pretrained_model": str(int(transfer))}
    return Job(
        hyperparameters=settings,
        channels=channels,
        model_dir=folder / "model",
        output_dir=folder / "output",
        num_threads=threads,
        seed=seed,
        report=lambda _: None,
    )


def write_channel(folder: Path, name: str, photos: list[Photo]) -> dict[str, Channel]:
    """Lay photos out as the two channels that training reads."""
    images, lists = folder / name, folder / f"{name}_lst"
    images.mkdir()
    lists.mkdir()
    lines = []
    for photo in photos:
        (images / f"{photo.number}.jpg").write_bytes(photo.jpeg)
        lines.append(f"{photo.number}\t{int(photo.label == 'ok')}\t{photo.number}.jpg")
    (lists / f"{name}.lst").write_text("\n".join(lines))
    return {
        name: Channel(name, images, "application/x-image"),
        f"{name}_lst": Channel(f"{name}_lst", lists, "application/x-image"),
    }


if __name__ == "__main__":
    main()
