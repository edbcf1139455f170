"""Writes a blob, or a slot of one, sealed."""

from collections.abc import Iterator, Sequence

from sagesse.engines.objects._blob import BlobWriter
from sagesse.engines.objects.seal import Sealer


class SealingWriter:
    """A `BlobWriter` whose bytes are sealed on their way; memory holds one frame besides what is given.

    Args:
        writer: writes the sealed bytes.
        key: seals them.
    """

    def __init__(self, writer: BlobWriter, key: bytes) -> None:
        self._writer = writer
        self._sealer = Sealer(key)

    def write(self, chunks: Sequence[bytes]) -> None:
        """See `BlobWriter.write`."""
        self._writer.write(self._sealer.add(chunks))

    def written(self) -> Iterator[bytes]:
        """The plain bytes so far."""
        return self._sealer.open_written(self._writer.place())

    def commit(self) -> None:
        """See `BlobWriter.commit`."""
        self._writer.write(self._sealer.finish())
        self._writer.commit()

    def discard(self) -> None:
        """See `BlobWriter.discard`."""
        self._writer.discard()
