"""Write the trained backbone, in half precision and without its heads: `python -m tools.pretrain.export FOLDER`."""

import argparse
from pathlib import Path

import torch

from sagesse.algorithms.image_classification.tensor_file import write_tensors

TARGET = Path("src/sagesse/algorithms/image_classification/weights/resnet18-w32.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET)
    options = parser.parse_args()
    state = torch.load(options.folder / "last.pt", weights_only=True)["teacher"]
    kept = {
        name.removeprefix("net."): tensor.half()
        for name, tensor in state.items()
        if ".fc." not in name and not name.endswith("num_batches_tracked")
    }
    write_tensors(options.target, kept)
    print(f"{options.target}: {options.target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
