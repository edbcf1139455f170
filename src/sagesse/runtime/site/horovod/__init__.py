"""What scripts written for Horovod import, over torch.distributed. See `horovod.torch`.

It is put behind everything else a job can import, so an installed Horovod is used in its place.
"""

__version__ = "0.28.1+sagesse"
