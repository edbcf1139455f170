"""NVIDIA GPUs as their driver's library (NVML) sees them; no package is needed for four calls."""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

_LIBRARY = "libnvidia-ml.so.1"


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def gpu_use(numbers: Sequence[int], library: Any = None) -> tuple[float, float] | None:
    """How busy GPUs are and how full their memory is, in percent, 100 for each; None where it cannot be known.

    Args:
        numbers: which ones.
        library: NVML; the machine's own unless given.
    """
    nvml = library if library is not None else _nvml()
    if nvml is None:
        return None
    busy = full = 0.0
    for number in numbers:
        handle, utilization, memory = ctypes.c_void_p(), _Utilization(), _Memory()
        failed = (
            nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(handle))
            or nvml.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(utilization))
            or nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory))
        )
        if failed or not memory.total:
            return None
        busy += utilization.gpu
        full += memory.used / memory.total * 100
    return busy, full


@cache
def _nvml() -> Any:
    try:
        library = ctypes.CDLL(_LIBRARY)
        return None if library.nvmlInit_v2() else library
    except (OSError, AttributeError):
        return None
