"""Draw the pre-training pictures into two flat files: `python -m tools.pretrain.render FOLDER --count N`."""

import argparse
from pathlib import Path

import numpy as np
from tools.pretrain import scene

SIZE_PX = 72  # training crops 64 from it
CHUNK = 64


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=131072)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    draw(options.folder, options.count, options.seed)


def draw(folder: Path, count: int, seed: int) -> None:
    """Write pictures.u8 and labels.u8; the order is shuffled within blocks so that batches are mixed."""
    shape = (count, SIZE_PX, SIZE_PX, 3)
    pictures = np.memmap(folder / "pictures.u8", np.uint8, "w+", shape=shape)
    labels = np.memmap(folder / "labels.u8", np.uint8, "w+", shape=(count, len(scene.HEADS)))
    place = np.random.default_rng(seed).permutation(count)
    for start in range(0, count, CHUNK):
        where = place[start : start + CHUNK]
        batch = scene.render(np.random.default_rng((seed, start)), len(where), SIZE_PX)
        pictures[where], labels[where] = batch
        if start % (CHUNK * 64) == 0:
            print(f"{start}/{count}", flush=True)


if __name__ == "__main__":
    main()
