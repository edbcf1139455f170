"""Memory in huge pages: which blocks, and that nothing is changed."""

import ctypes
import mmap
import sys
from pathlib import Path

import pytest

from sagesse.runtime.huge_pages import collapse, own_blocks

_BLOCK = 1 << 21


@pytest.fixture
def memory() -> mmap.mmap:
    """Four blocks of memory of our own, so that three of them are aligned; each page holds its number."""
    mapped = mmap.mmap(-1, 4 * _BLOCK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(0, len(mapped), mmap.PAGESIZE):
        mapped[page : page + 8] = page.to_bytes(8, sys.byteorder)
    return mapped


def test_blocks_are_whole_aligned_and_of_no_file(memory: mmap.mmap) -> None:
    blocks = set(own_blocks())
    start, end = _span_of(memory)
    assert all(block % _BLOCK == 0 for block in blocks)
    aligned = range(-(-start // _BLOCK) * _BLOCK, end - _BLOCK + 1, _BLOCK)
    assert sorted(block for block in blocks if start <= block < end) == list(aligned)


def test_what_lies_in_a_block_stays(memory: mmap.mmap) -> None:
    before = bytes(memory)
    start, end = _span_of(memory)
    made = [collapse(block) for block in own_blocks() if start <= block < end]
    assert len(made) >= 3
    assert bytes(memory) == before
    assert bool(_huge_bytes(start)) == any(made)  # an older kernel makes none


def test_what_is_no_memory_becomes_no_huge_page() -> None:
    assert collapse(0) is False


def _span_of(memory: mmap.mmap) -> tuple[int, int]:
    """The mapping that `memory` lies in; the kernel may have joined neighbours to it."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= address < end:
            return start, end
    raise AssertionError("the memory is nowhere")


def _huge_bytes(address: int) -> int:
    """How much of the mapping that begins at `address` is in huge pages."""
    found = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            found = line.split("-")[0].lstrip("0") == f"{address:x}"
        elif found and line.startswith("AnonHugePages:"):
            return int(line.split()[1]) * 1024
    return 0
