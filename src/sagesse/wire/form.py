"""A browser's form (multipart/form-data) read as it arrives: the fields, then the file as a stream.

Source: RFC 7578. What follows the file is not read, as S3 does not.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator

from sagesse.core.error import ServiceError

_MAX_FIELDS_BYTES = 20 * 1024  # S3's bound for everything before the file
_BOUNDARY = re.compile(r'(?i)multipart/form-data\s*+;.*?boundary="?([^\s";,]{1,70})"?')
_PARAMETER = re.compile(r';\s*(name|filename)="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


class Form:
    """One form.

    Args:
        pieces: the body.
        content_type: the header, with the boundary.

    Attributes:
        fields: values by lower-case name, complete after `open`.
        filename: of the file, without folders.

    Raises:
        ServiceError: there is no boundary.
    """

    def __init__(self, pieces: AsyncIterable[bytes], content_type: str) -> None:
        found = _BOUNDARY.match(content_type)
        if found is None:
            raise _malformed()
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.trailers: dict[str, str] = {}
        self._mark = b"\r\n--" + found[1].encode("latin-1")
        self._pieces = aiter(pieces)
        self._buffer = b"\r\n"  # the first boundary has no line before it

    @property
    def size_bytes(self) -> None:
        """Of the file: not announced."""
        return

    async def open(self) -> None:
        """Read the fields, up to the file.

        Raises:
            ServiceError: the body is no form, has no file, or its fields are too long.
        """
        left = _MAX_FIELDS_BYTES
        await self._until(self._mark, left)
        while True:
            if (await self._take(2)) == b"--":
                raise ServiceError(
                    "InvalidArgument",
                    "POST requires exactly one file upload per request.",
                    status=400,
                    fields={"ArgumentName": "file", "ArgumentValue": "0"},
                )
            head = (await self._until(b"\r\n\r\n", left)).decode("utf-8", "replace")
            left -= len(head)
            name, filename = _names(head)
            if name == "file":
                self.filename = re.split(r"[/\\]", filename)[-1]
                return
            value = await self._until(self._mark, left)
            left -= len(value)
            self.fields[name] = value.decode("utf-8", "replace")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The file's bytes.

        Raises:
            ServiceError: the body ends before the file does.
        """
        keep = len(self._mark) - 1
        while (at := self._buffer.find(self._mark)) < 0:
            if len(self._buffer) > keep:
                piece, self._buffer = self._buffer[:-keep], self._buffer[-keep:]
                yield piece
            await self._more()
        last, self._buffer = self._buffer[:at], self._buffer[at:]
        if last:
            yield last

    async def _until(self, mark: bytes, limit: int) -> bytes:
        """What stands before `mark`, which is taken away too."""
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            if len(self._buffer) > limit:
                raise ServiceError(
                    "MaxPostPreDataLengthExceeded",
                    "Your POST request fields preceding the upload file were too large.",
                    status=400,
                )
            start = max(0, len(self._buffer) - len(mark) + 1)
            await self._more()
        found, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
        return found

    async def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    async def _more(self) -> None:
        piece = await anext(self._pieces, None)
        if piece is None:
            raise _malformed()
        self._buffer += piece


def _names(head: str) -> tuple[str, str]:
    """Name (lower-case) and file name of a part."""
    for line in head.split("\r\n"):
        kind, _, rest = line.partition(":")
        if kind.strip().lower() == "content-disposition":
            found = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
            if found.get("name"):
                return found["name"].lower(), found.get("filename", "")
    raise _malformed()


def _malformed() -> ServiceError:
    return ServiceError(
        "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.",
        status=400,
    )
