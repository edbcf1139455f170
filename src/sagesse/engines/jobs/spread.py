"""Telling the file system that the folders in a folder have nothing to do with each other."""

import contextlib
import fcntl
import os
import struct
from pathlib import Path

_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of 64-bit Linux
_TOP_OF_HIERARCHIES = 0x00020000  # FS_TOPDIR_FL, which chattr(1) sets as T


def spread(folder: Path) -> None:
    """Have the folders in `folder` placed apart from each other, where the file system knows how (ext4).

    Otherwise all lie in one part of the disk, and what is made there looks for room among everything that was removed
    lately: a queue of jobs makes and removes dozens of files for each, and that look was the dearest part of it.
    """
    with contextlib.suppress(OSError):  # it is only a hint
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            flags = struct.unpack("l", fcntl.ioctl(opened, _GET_FLAGS, bytes(8)))[0]
            fcntl.ioctl(opened, _SET_FLAGS, struct.pack("l", flags | _TOP_OF_HIERARCHIES))
        finally:
            os.close(opened)
