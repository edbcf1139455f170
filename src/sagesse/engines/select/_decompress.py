"""An object's bytes, decompressed as they come, in bounded pieces."""

import bz2
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from sagesse.engines.select.base import Compression, Progress
from sagesse.engines.select.error import refusal

_PIECE_BYTES = 1 << 20
_GZIP_WINDOW = 31


class _Decoder(Protocol):
    """One stream of possibly several."""

    def decode(self, data: bytes) -> bytes:
        """Up to a piece of output; input that is not needed yet is kept."""
        ...

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to be had without."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came behind the end."""
        ...


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_WINDOW)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decode(self, data: bytes) -> bytes:
        output = self._stream.decompress(self._stream.unconsumed_tail + data, _PIECE_BYTES)
        self.needs_input = not self._stream.unconsumed_tail and len(output) < _PIECE_BYTES
        return output


class _Bzip2:
    def __init__(self) -> None:
        self._stream = bz2.BZ2Decompressor()

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return self._stream.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decode(self, data: bytes) -> bytes:
        return self._stream.decompress(data, _PIECE_BYTES)


def decompressed(chunks: Iterable[bytes], compression: Compression, progress: Progress) -> Iterator[bytes]:
    """The plain bytes; `progress` counts them before and after.

    Raises:
        ServiceError: InvalidCompressionFormat, TruncatedInput.
    """
    pieces = _counted(chunks, progress)
    if compression != "NONE":
        pieces = _streams(pieces, compression)
    for piece in pieces:
        progress.processed += len(piece)
        yield piece


def _counted(chunks: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    for chunk in chunks:
        progress.scanned += len(chunk)
        yield chunk


def _streams(chunks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    new: type[_Decoder] = _Gzip if compression == "GZIP" else _Bzip2
    decoder: _Decoder | None = None
    try:
        for chunk in chunks:
            data = chunk
            while data or (decoder is not None and not decoder.needs_input and not decoder.eof):
                decoder = decoder or new()
                output = decoder.decode(data)
                data = b""
                if output:
                    yield output
                if decoder.eof:
                    data, decoder = decoder.unused_data.lstrip(b"\0"), None
    except (zlib.error, OSError, ValueError):
        raise refusal("InvalidCompressionFormat") from None
    if decoder is not None:
        raise refusal("TruncatedInput")
