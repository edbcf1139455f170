"""Selections over bytes in memory."""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.engines.select.base import CsvInput, JsonInput, JsonOutput, Query
from sagesse.engines.select.selection import Selection

USE = CsvInput(header="USE")
LINES = JsonInput(is_document=False)
DOCUMENT = JsonInput(is_document=True)
Select = Callable[..., str]


class Bytes:
    """An object in memory; counts what was read of it."""

    def __init__(self, data: bytes, *, chunk_bytes: int = 1 << 20) -> None:
        self._data = data
        self._chunk_bytes = chunk_bytes
        self.read_bytes = 0

    @property
    def size_bytes(self) -> int:
        return len(self._data)

    def chunks(self, offset: int) -> Iterator[bytes]:
        file = io.BytesIO(self._data)
        file.seek(offset)
        while chunk := file.read(self._chunk_bytes):
            self.read_bytes += len(chunk)
            yield chunk

    @contextmanager
    def file(self) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile() as file:
            file.write(self._data)
            file.flush()
            yield Path(file.name)


def run(expression: str, data: bytes | Bytes, form: Any = USE, output: Any = None, **asked: Any) -> str:
    """What a selection yields."""
    query = Query(expression=expression, input=form, output=output or JsonOutput(), **asked)
    source = data if isinstance(data, Bytes) else Bytes(data)
    return b"".join(Selection(query, source).records()).decode()


@pytest.fixture
def select() -> Select:
    return run


@pytest.fixture
def code() -> Callable[..., str]:
    """The code a selection is refused with."""

    def refused(*arguments: Any, **asked: Any) -> str:
        with pytest.raises(ServiceError) as caught:
            run(*arguments, **asked)
        assert caught.value.status == 400
        return caught.value.code

    return refused
