"""Model parallel training with torch's FSDP: each process holds a share of every layer."""

import os

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard


def main() -> None:
    for ours, of_mpi in (("RANK", "RANK"), ("WORLD_SIZE", "SIZE")):  # mpirun has names of its own
        os.environ.setdefault(ours, os.environ.get(f"OMPI_COMM_WORLD_{of_mpi}", ""))
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    whole = sum(parameter.numel() for parameter in model.parameters())
    mesh = dist.init_device_mesh("cpu", (size,))
    for layer in model:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    held = sum(parameter.to_local().numel() for parameter in model.parameters())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    x = torch.randn(32, 8)
    y = x.sum(1, keepdim=True)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    who = f"rank {rank} of {size} on {os.environ['SM_CURRENT_HOST']}"
    print(f"{who}: holds {held} of {whole}; learns {losses[-1] < losses[0]}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
