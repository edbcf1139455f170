"""RecordIO framing: how SageMaker wraps an object or an attribute so that a stream of them can be taken apart.

A record is the magic number and its length, both little-endian 32 bits, then its bytes, padded with zeros to a
multiple of four. The upper three bits of the length say whether a record goes on; ours are always whole.
"""

import struct

MAGIC = 0xCED7230A
MAX_BYTES = (1 << 29) - 1
"""What the length of one record can say."""


def head(size_bytes: int) -> bytes:
    """What comes before a record of `size_bytes` (at most `MAX_BYTES`)."""
    return struct.pack("<II", MAGIC, size_bytes)


def padding(size_bytes: int) -> bytes:
    """What comes behind it."""
    return bytes(-size_bytes % 4)
