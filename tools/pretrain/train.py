"""Teach the backbone to name the causes of the drawn pictures: `python -m tools.pretrain.train FOLDER`.

Writes a checkpoint after every epoch and goes on from it when started again.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tools.pretrain import scene
from tools.pretrain.render import SIZE_PX
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sagesse.algorithms.image_classification.network import ResNet, Shape

WIDTH = 32
BATCH = 256
WEIGHT_DECAY = 5e-5
HEAD_WEIGHT = {"texture": 1.0, "shape": 1.0, "colours": 0.7, "material": 0.7, "ground": 0.5}
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
TEST = 2048  # the last pictures are never trained on


def crop(pictures: NDArray[np.uint8], rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
    """A random window, turn and order of colour channels; the window's size is one for the batch."""
    size = int(rng.choice([48, 56, 64, 64, 64, 72]))
    out = np.empty((len(rows), size, size, 3), np.uint8)
    for place, row in enumerate(rows):
        y, x = rng.integers(0, SIZE_PX - size + 1, 2)
        window = pictures[row, y : y + size, x : x + size]
        window = window.transpose(1, 0, 2) if rng.random() < 0.5 else window
        out[place] = window[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    return prepare(out[..., rng.permutation(3)])


def prepare(pictures: NDArray[np.uint8]) -> Tensor:
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
    return ((x.float() / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


class Teacher(nn.Module):
    """The backbone and one linear head for each cause."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ResNet(Shape(18, WIDTH, sum(scene.HEADS.values())))

    def losses(self, x: Tensor, labels: Tensor) -> tuple[Tensor, list[float]]:
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.net(x)
        total, hits = torch.zeros(()), list[float]()
        parts = scores.float().split(list(scene.HEADS.values()), 1)
        for column, (name, part) in enumerate(zip(scene.HEADS, parts, strict=True)):
            total = total + HEAD_WEIGHT[name] * cross_entropy(part, labels[:, column])
            hits.append((part.argmax(1) == labels[:, column]).float().mean().item())
        return total, hits


def rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over 3 %, then half a cosine."""
    warm = 0.03 * steps
    return peak * (
        step / warm if step < warm else 0.5 + 0.5 * math.cos(math.pi * (step - warm) / (steps - warm))
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=131072)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--peak", type=float, default=0.25, help="highest learning rate")
    parser.add_argument("--data", type=Path, required=True, help="folder of tools.pretrain.render")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    data: Path = options.data
    options.folder.mkdir(parents=True, exist_ok=True)
    pictures = np.memmap(data / "pictures.u8", np.uint8, "r", shape=(options.count, SIZE_PX, SIZE_PX, 3))
    labels = torch.from_numpy(
        np.fromfile(data / "labels.u8", np.uint8).reshape(options.count, -1).astype(np.int64)
    )
    run(options, pictures, labels)


def run(options: argparse.Namespace, pictures: NDArray[np.uint8], labels: Tensor) -> None:
    folder, epochs = options.folder, options.epochs
    teacher = Teacher().to(memory_format=torch.channels_last)
    decayed = [p for p in teacher.parameters() if p.ndim > 1]
    plain = [p for p in teacher.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    first, saved = 0, folder / "last.pt"
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        teacher.load_state_dict(state["teacher"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["epoch"] + 1
    per_epoch = (len(labels) - TEST) // BATCH
    for epoch in range(first, epochs):
        rng = np.random.default_rng((7, epoch))
        order = rng.permutation(len(labels) - TEST)
        begun, mean = time.time(), np.zeros(len(scene.HEADS) + 1)
        for k in range(per_epoch):
            rows = np.sort(order[k * BATCH : (k + 1) * BATCH])
            for group in optimizer.param_groups:
                group["lr"] = rate(epoch * per_epoch + k, epochs * per_epoch, options.peak)
            loss, hits = teacher.losses(crop(pictures, rows, rng), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean += 0.02 * (np.array([loss.item(), *hits]) - mean)
            if k % 50 == 0:
                speed = (k + 1) * BATCH / (time.time() - begun)
                print(f"{epoch} {k}/{per_epoch} {speed:.0f}/s loss and hits {mean.round(3)}", flush=True)
        state = {"teacher": teacher.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
        torch.save(state, folder / "next.pt")
        (folder / "next.pt").replace(saved)
        print(
            f"epoch {epoch} test {check(teacher, pictures, labels)} {time.time() - begun:.0f} s", flush=True
        )


@torch.no_grad()
def check(teacher: Teacher, pictures: NDArray[np.uint8], labels: Tensor) -> dict[str, float]:
    """The share of held-out pictures named right, for each cause."""
    teacher.eval()
    found = list[list[float]]()
    for start in range(len(labels) - TEST, len(labels), BATCH):
        rows = slice(start, start + BATCH)
        found.append(teacher.losses(prepare(pictures[rows, 4:68, 4:68]), labels[rows])[1])
    teacher.train()
    return dict(zip(scene.HEADS, np.mean(found, 0).round(3).tolist(), strict=True))


if __name__ == "__main__":
    main()
