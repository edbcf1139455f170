"""Data parallel training as scripts written for Horovod do it: start it with the `mpi` distribution."""

import os

import horovod.torch as hvd
import torch


def main() -> None:
    hvd.init()
    torch.manual_seed(hvd.rank())  # different starts: the root's is broadcast
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05 * hvd.size(), momentum=0.5)
    optimizer = hvd.DistributedOptimizer(optimizer, named_parameters=model.named_parameters())
    hvd.broadcast_parameters(model.state_dict(), root_rank=0)
    hvd.broadcast_optimizer_state(optimizer, root_rank=0)
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    y = x.sum(1, keepdim=True)
    mine = slice(hvd.rank(), None, hvd.size())
    for _ in range(20):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x[mine]), y[mine])
        loss.backward()
        optimizer.step()
    weights = hvd.allgather(model.weight.detach())
    same = bool((weights == weights[0]).all())
    place = f"{hvd.local_rank()} of {hvd.local_size()} on {os.environ['SM_CURRENT_HOST']}"
    learnt = hvd.allreduce(loss.detach()).item() < 0.1
    print(f"rank {hvd.rank()} of {hvd.size()}, {place}: same weights {same}, loss {learnt}")
    hvd.shutdown()


if __name__ == "__main__":
    main()
