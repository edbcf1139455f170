"""What a selection is asked: how the object is written, the expression, and how the answer is to be written."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import msgspec

Header: TypeAlias = Literal["USE", "IGNORE", "NONE"]
Compression: TypeAlias = Literal["NONE", "GZIP", "BZIP2"]


class CsvInput(msgspec.Struct, frozen=True, kw_only=True):
    """Delimited text. `quote` empty: nothing quotes. Delimiters are not empty; the others are one character."""

    header: Header = "NONE"
    comment: str = "#"
    quote: str = '"'
    escape: str = '"'
    field_delimiter: str = ","
    record_delimiter: str = "\n"
    has_quoted_delimiters: bool = False


class JsonInput(msgspec.Struct, frozen=True):
    """One record a line, or `is_document`: top-level values with any white space between them."""

    is_document: bool


class ParquetInput(msgspec.Struct, frozen=True):
    """A Parquet file."""


class CsvOutput(msgspec.Struct, frozen=True, kw_only=True):
    """Delimited text; fields are quoted where needed, or all."""

    quotes_all: bool = False
    quote: str = '"'
    escape: str = '"'
    field_delimiter: str = ","
    record_delimiter: str = "\n"


class JsonOutput(msgspec.Struct, frozen=True):
    """One object a record."""

    record_delimiter: str = "\n"


class ScanRange(msgspec.Struct, frozen=True):
    """Which records are read: those whose first byte is at `start` or later, and not behind `end` (None: any)."""

    start: int
    end: int | None


Input: TypeAlias = CsvInput | JsonInput | ParquetInput
Output: TypeAlias = CsvOutput | JsonOutput


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A selection."""

    expression: str
    input: Input
    output: Output
    compression: Compression = "NONE"
    scan: ScanRange | None = None


class Progress(msgspec.Struct):
    """Bytes so far: read of the object, after decompression, and of records given back."""

    scanned: int = 0
    processed: int = 0
    returned: int = 0


class Readable(Protocol):
    """The object a selection reads, in one thread."""

    @property
    def size_bytes(self) -> int:
        """Its size."""
        ...

    def chunks(self, offset: int) -> Iterator[bytes]:
        """Its bytes from `offset` on, in chunks of bounded size."""
        ...

    def file(self) -> AbstractContextManager[Path]:
        """The object as a file that can be sought in."""
        ...
