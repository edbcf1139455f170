"""Copying a folder of plain files, by reference where the file system can."""

import os
import shutil
from pathlib import Path

_STEP_BYTES = 1 << 30


def copy_folder(source: Path, target: Path) -> None:
    """Copy all of `source` into `target`, made if missing; files there of the same name are replaced."""
    shutil.copytree(source, target, copy_function=copy_file, dirs_exist_ok=True)


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy one file's bytes into a new file of our own."""
    with open(source, "rb") as reader, open(target, "wb") as writer:
        copy_bytes(reader.fileno(), writer.fileno(), os.fstat(reader.fileno()).st_size)


def copy_bytes(reader: int, writer: int, size_bytes: int, offset: int = 0) -> None:
    """Append a slice of an open file to another, in the kernel."""
    end = offset + size_bytes
    while offset < end:
        step = min(end - offset, _STEP_BYTES)
        try:
            done = os.copy_file_range(reader, writer, step, offset)
        except OSError:  # not between these file systems
            done = os.sendfile(writer, reader, offset, step)
        if not done:
            return  # it has become shorter
        offset += done
