"""Sealed runs: any size, any slice, any chunks; and no changed byte gets through."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.core.body import FileSlice, read_slice
from sagesse.engines.objects.seal import (
    BATCH_BYTES,
    FRAME_BYTES,
    Run,
    SealBroken,
    Sealer,
    open_bytes,
    open_slice,
    seal_bytes,
    sealed_size,
)

KEY = bytes(range(32))
_PATTERN = bytes(number * 7 % 251 for number in range(5 * FRAME_BYTES))
_NEAR_FRAMES = st.builds(
    lambda frames, more: max(0, frames * FRAME_BYTES + more), st.integers(0, 4), st.integers(-2, 2)
)
SIZES = st.integers(0, 300) | _NEAR_FRAMES


def run_in(path: Path, before: int, size: int, chunk_bytes: int = BATCH_BYTES) -> Run:
    """The run of `size` plain bytes that begins in the file at `before`."""

    def read(offset: int, length: int) -> Iterator[bytes]:
        return read_slice(FileSlice(path, before + offset, length), chunk_bytes=chunk_bytes)

    return Run(read, size)


@given(size=SIZES, cuts=st.lists(st.integers(1, 3 * FRAME_BYTES), max_size=8))
@settings(max_examples=60)
def test_whatever_the_chunks_the_run_opens_to_what_was_added(size: int, cuts: list[int]) -> None:
    data, sealer, run, at = _PATTERN[:size], Sealer(KEY), b"", 0
    for cut in (*cuts, size):
        run += b"".join(sealer.add((data[at : at + cut],)))
        at += cut
    run += b"".join((*sealer.add((data[at:],)), *sealer.finish()))
    assert len(run) == sealed_size(size)
    assert open_bytes(KEY, run, size) == data


@given(
    size=SIZES,
    start=st.floats(0, 1),
    length=st.floats(0, 1),
    before=st.integers(0, 70),
    chunk=st.integers(10_000, 2_000_000),
)
@settings(max_examples=80)
def test_any_slice_of_a_run_in_a_file_opens(
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    start: float,
    length: float,
    before: int,
    chunk: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "run"
    path.write_bytes(b"x" * before + seal_bytes(KEY, _PATTERN[:size]) + b"y")
    offset = int(start * size)
    wanted = int(length * (size - offset))
    found = b"".join(open_slice(KEY, run_in(path, before, size, chunk), offset, wanted))
    assert found == _PATTERN[offset : offset + wanted]


@given(size=SIZES, place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
@settings(max_examples=80)
def test_a_changed_byte_anywhere_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, size: int, place: float, change: int
) -> None:
    run = bytearray(seal_bytes(KEY, _PATTERN[:size]))
    run[int(place * len(run))] ^= change
    with pytest.raises(SealBroken):
        open_bytes(KEY, bytes(run), size)
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(run)
    if size:
        with pytest.raises(SealBroken):
            b"".join(open_slice(KEY, run_in(path, 0, size), 0, size))


@given(size=SIZES.filter(bool), kept=st.floats(0, 1, exclude_max=True))
@settings(max_examples=40)
def test_a_run_cut_short_is_noticed(size: int, kept: float) -> None:
    run = seal_bytes(KEY, _PATTERN[:size])
    with pytest.raises(SealBroken):
        open_bytes(KEY, run[: int(kept * len(run))], size)


def test_frames_cannot_change_places() -> None:
    run = seal_bytes(KEY, _PATTERN[: 3 * FRAME_BYTES])
    head, step = 32, FRAME_BYTES + 16
    swapped = (
        run[:head] + run[head + step : head + 2 * step] + run[head : head + step] + run[head + 2 * step :]
    )
    with pytest.raises(SealBroken):
        open_bytes(KEY, swapped, 3 * FRAME_BYTES)


def test_whole_frames_cannot_be_dropped_from_the_end() -> None:
    run = seal_bytes(KEY, _PATTERN[: 3 * FRAME_BYTES])
    with pytest.raises(SealBroken):
        open_bytes(KEY, run[: -FRAME_BYTES - 16], 2 * FRAME_BYTES)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SealBroken):
        open_bytes(bytes(32), seal_bytes(KEY, b"secret"), 6)


def test_the_same_bytes_never_seal_alike() -> None:
    first, second = (seal_bytes(KEY, b"secret" * 100) for _ in range(2))
    assert first[32:] != second[32:]
