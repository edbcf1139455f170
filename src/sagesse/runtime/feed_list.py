"""What a pipe sends, as a file: one line of JSON for each entry, in the order of the channel.

An entry is an object, or a line of an augmented manifest: a list of pieces, each an object (``[bucket, key]``) or a
text. The server writes the file before the job starts; the feeder reads entries from it in any order, and holds no
more of it than where each one begins.
"""

import os
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import TypeAlias

import msgspec

Piece: TypeAlias = tuple[str, str] | str
Entry: TypeAlias = Sequence[Piece]

_decode = msgspec.json.Decoder(list[tuple[str, str] | str]).decode


def write_entries(path: Path, entries: Iterable[Entry]) -> int:
    """Write the list; it appears whole or not at all. Returns how many entries there are."""
    draft = path.with_name(f"{path.name}.partial")
    count = 0
    with draft.open("wb") as file:
        for entry in entries:
            file.write(msgspec.json.encode(entry) + b"\n")
            count += 1
    os.replace(draft, path)
    return count


class EntryList:
    """A written list, to be read by one thread."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._starts = array("Q")
        start = 0
        for line in self._file:
            self._starts.append(start)
            start += len(line)

    def __len__(self) -> int:
        """How many entries there are."""
        return len(self._starts)

    def __getitem__(self, number: int) -> Entry:
        """The entry at a place."""
        self._file.seek(self._starts[number])
        return _decode(self._file.readline())

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def order(self, epoch: int, *, seed: int | None, index: int, count: int) -> Sequence[int]:
        """The places of the entries that share `index` of `count` sends in an epoch.

        With a seed they are shuffled over all shares, differently in each epoch and always alike for the same seed.
        """
        if seed is None:
            return range(index, len(self), count)
        places = array("Q", range(len(self)))
        Random(f"{seed}/{epoch}").shuffle(places)
        return places[index::count]
