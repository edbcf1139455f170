"""Object stores: where the bytes and the index of S3 live. `base` is the seam, `local` the default."""

from sagesse.engines.objects.base import ObjectStore
from sagesse.engines.objects.local import LocalObjectStore

__all__ = ["LocalObjectStore", "ObjectStore"]
