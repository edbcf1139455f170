"""What can be noticed of damaged bytes while an object is read: cheaply, and before anything is sent.

A file's length is compared with what its row says, a small object with its checksum. All else is the scrub's work.
"""

import os
from collections.abc import Iterable

from sagesse.core.body import FileSlice
from sagesse.core.damage import DamageBook
from sagesse.engines.objects._schema import Row
from sagesse.engines.objects.digest import crc_of, is_combinable
from sagesse.engines.objects.error import ObjectDamaged
from sagesse.engines.objects.seal import sealed_size


class Inspector:
    """Looks before bytes are given out, and notes what is wrong.

    Args:
        book: keeps and logs what is found, once for each object.
    """

    def __init__(self, book: DamageBook) -> None:
        self._book = book

    def inline(self, row: Row) -> bytes:
        """The bytes of an object inside the index.

        Raises:
            ObjectDamaged: they are not those that were stored.
        """
        problem = inline_problem(row)
        if problem:
            raise self.found(row, problem)
        return row.data

    def files(self, row: Row, pieces: Iterable[FileSlice | None]) -> None:
        """Look whether the files of an object are there and long enough; what lies elsewhere (None) is not asked for.

        Raises:
            ObjectDamaged: one is not.
        """
        for piece in pieces:
            problem = file_problem(piece) if piece is not None else ""
            if problem:
                raise self.found(row, problem)

    def found(self, row: Row, problem: str) -> ObjectDamaged:
        """Note that an object is damaged; what its reader is told."""
        error = ObjectDamaged(row.info.bucket, row.info.key, problem, version=row.info.version)
        self.note(error)
        return error

    def note(self, error: ObjectDamaged) -> None:
        """Note what somebody else noticed."""
        self._book.note(error.what, error.problem)


def inline_problem(row: Row) -> str:
    """What is wrong with an object inside the index, as far as can be seen without its key; empty for nothing."""
    info, size = row.info, len(row.data)
    is_sealed = info.attributes.seal is not None
    expected = sealed_size(info.size_bytes) if is_sealed else info.size_bytes
    if size != expected:
        return f"{size} of {expected} bytes are there"
    checksum = info.checksum
    if is_sealed or checksum is None or not is_combinable(checksum.algorithm):  # a CRC costs microseconds
        return ""
    return "" if crc_of(checksum.algorithm, row.data) == checksum.value else "its bytes were changed"


def file_problem(piece: FileSlice) -> str:
    """Why a piece of a file cannot be read; empty when it can."""
    try:
        size = os.stat(piece.path).st_size
    except FileNotFoundError:
        return f"its file {piece.path} is missing"
    end = piece.offset + piece.size_bytes
    return "" if size >= end else f"its file {piece.path} ends at byte {size}, it needs {end}"
