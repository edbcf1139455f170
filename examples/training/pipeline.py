"""Model parallel training as a pipeline: each process holds one stage, micro-batches go through (GPipe)."""

import os

import torch
import torch.distributed as dist
from torch.distributed.pipelining import PipelineStage, ScheduleGPipe


def main() -> None:
    for ours, of_mpi in (("RANK", "RANK"), ("WORLD_SIZE", "SIZE")):  # mpirun has names of its own
        os.environ.setdefault(ours, os.environ.get(f"OMPI_COMM_WORLD_{of_mpi}", ""))
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(rank)
    last = rank == size - 1
    own = torch.nn.Sequential(
        torch.nn.Linear(8, 1 if last else 8), torch.nn.Identity() if last else torch.nn.Tanh()
    )
    stage = PipelineStage(own, rank, size, torch.device("cpu"))
    schedule = ScheduleGPipe(stage, n_microbatches=4, loss_fn=torch.nn.functional.mse_loss)
    optimizer = torch.optim.SGD(own.parameters(), lr=0.1)
    torch.manual_seed(0)
    x = torch.randn(32, 8)
    y = x.mean(1, keepdim=True)
    history = []
    for _ in range(10):
        optimizer.zero_grad()
        losses: list[torch.Tensor] = []
        if rank == 0:
            schedule.step(x)
        else:
            schedule.step(target=y, losses=losses) if last else schedule.step()
        optimizer.step()
        if last:
            history.append(torch.stack(losses).mean().item())
    if last:
        print(f"rank {rank} of {size} on {os.environ['SM_CURRENT_HOST']}: learns {history[-1] < history[0]}")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
