"""A little space set aside, so that a full disk can still be emptied.

Deleting needs room, too: SQLite logs what it changes. The room is a file that is removed when a deletion finds the disk
full; until it can be made again, nothing new is stored.
"""

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sagesse.core.fault import Fault, fault_of

RESERVE = "reserve"
RESERVE_BYTES = 4 << 20
_LEAST_TO_START = 1 << 20  # the logs and shared memory of some databases

T = TypeVar("T")


def give_room(folder: Path) -> None:
    """Before a server opens its data on a full disk: give it the space that the objects in `folder` had set aside."""
    reserve = folder / RESERVE
    if reserve.exists() and shutil.disk_usage(folder).free < _LEAST_TO_START:
        reserve.unlink()


class Reserve:
    """The space, made at once if there is any.

    Args:
        folder: where its file is.
        size_bytes: its size; 0 sets nothing aside.
    """

    def __init__(self, folder: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self._path = folder / RESERVE
        self._size_bytes = size_bytes
        self._is_whole = size_bytes == 0 or self._make()

    def require(self) -> None:
        """Refuse to store anything while the space is given away and cannot be had again.

        Raises:
            ServiceError: 503 ServiceUnavailable.
        """
        if not self._is_whole and not self._make():
            raise Fault("full", str(self._path.parent)).error("s3")

    async def spend(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do what frees space; when the disk is too full even for that, once more with the space set aside."""
        try:
            return await work()
        except Exception as failure:
            if not self.release_for(failure):
                raise
        return await work()

    def release_for(self, failure: Exception) -> bool:
        """Give the space away if the disk is full and it was not given away before."""
        fault = fault_of(failure)
        if fault is None or fault.kind != "full" or not self._is_whole or self._size_bytes == 0:
            return False
        self._is_whole = False
        return self._remove()

    def _make(self) -> bool:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, self._size_bytes)
            finally:
                os.close(handle)
        except OSError:
            self._remove()
            return False
        self._is_whole = True
        return True

    def _remove(self) -> bool:
        try:
            self._path.unlink(missing_ok=True)
        except OSError:  # read-only
            return False
        return True
