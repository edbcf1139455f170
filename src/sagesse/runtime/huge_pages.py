"""This process's own memory in pages of 2 MiB, so that a fork copies one entry of a page table instead of 512."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

_COLLAPSE = 25  # MADV_COLLAPSE, Linux 6.1
_BYTES = 1 << 21

_libc = ctypes.CDLL(None, use_errno=True)
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def own_blocks() -> Iterator[int]:
    """Addresses of what may become a huge page: the whole, aligned blocks of private memory that is of no file."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, permissions, *_, name = (*line.split(maxsplit=5), "")[:6]
        if permissions != "rw-p" or name not in ("", "[heap]"):
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        yield from range(-(-start // _BYTES) * _BYTES, end - _BYTES + 1, _BYTES)


def collapse(block: int) -> bool:
    """Make one huge page of a block, which takes some milliseconds; False: it stays as it is.

    An older kernel cannot, any other may have none to give, and a block in which nothing lies becomes none. What a fork
    changes later is copied by the small page, as always.
    """
    return bool(_libc.madvise(block, _BYTES, _COLLAPSE) == 0)
