"""Data parallel training with torch's DDP: start it with `torch_distributed` or `mpi`, on one instance or several."""

import argparse
import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    for ours, of_mpi in (("RANK", "RANK"), ("WORLD_SIZE", "SIZE")):  # mpirun has names of its own
        os.environ.setdefault(ours, os.environ.get(f"OMPI_COMM_WORLD_{of_mpi}", ""))
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    y = x @ torch.tensor([[1.0], [-2.0], [3.0], [0.5]])
    mine = slice(rank, None, size)
    model = DistributedDataParallel(torch.nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(options.steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x[mine]), y[mine])
        loss.backward()
        optimizer.step()
    total = loss.detach().clone()
    dist.all_reduce(total)
    print(
        f"rank {rank} of {size} on {os.environ['SM_CURRENT_HOST']}: loss={total.item() / size:.6f};",
        flush=True,
    )
    if rank == 0:
        torch.save(model.module.state_dict(), Path(os.environ["SM_MODEL_DIR"]) / "model.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
