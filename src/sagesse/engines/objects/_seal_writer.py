"""Writes a blob, or a slot of one, sealed."""

from collections.abc import Iterator, Sequence

from sagesse.engines.objects._blob_store import BlobWriter
from sagesse.engines.objects.seal import Run, Sealer, open_slice


class SealingWriter:
    """A `BlobWriter` whose bytes are sealed on their way; memory holds one frame besides what is given.

    Args:
        writer: writes the sealed bytes.
        key: seals them.
    """

    def __init__(self, writer: BlobWriter, key: bytes) -> None:
        self._writer = writer
        self._key = key
        self._sealer = Sealer(key)
        self._size_bytes = 0
        self._is_finished = False

    def write(self, chunks: Sequence[bytes]) -> None:
        """See `BlobWriter.write`."""
        self._size_bytes += sum(map(len, chunks))
        self._writer.write(self._sealer.add(chunks))

    def read(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """See `BlobWriter.read`; plain bytes."""
        return open_slice(self._key, Run(self._writer.read, self._size_bytes), offset, size_bytes)

    def commit(self) -> None:
        """See `BlobWriter.commit`."""
        if not self._is_finished:
            self._is_finished = True
            self._writer.write(self._sealer.finish())
        self._writer.commit()

    def discard(self) -> None:
        """See `BlobWriter.discard`."""
        self._writer.discard()
