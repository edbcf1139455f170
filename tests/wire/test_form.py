import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.wire.form import Form

TYPE = "multipart/form-data; boundary=xyz"


def form_of(fields: dict[str, str], data: bytes, filename: str = "f.txt") -> bytes:
    parts = [f'--xyz\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    head = f'--xyz\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
    return "".join(parts).encode() + head.encode() + b"Content-Type: a/b\r\n\r\n" + data + b"\r\n--xyz--\r\n"


def read(body: bytes, *, step: int = 7, content_type: str = TYPE) -> tuple[Form, bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    async def work() -> tuple[Form, bytes]:
        form = Form(pieces(), content_type)
        await form.open()
        return form, b"".join([piece async for piece in form])

    return asyncio.run(work())


@given(st.binary(max_size=300), st.integers(1, 80))
def test_the_file_arrives_whole_however_it_is_cut(data: bytes, step: int) -> None:
    if b"\r\n--xyz" not in data:
        form, found = read(form_of({"Key": "k", "policy": "p"}, data), step=step)
        assert (form.fields, found) == ({"key": "k", "policy": "p"}, data)


@given(st.binary(max_size=400), st.integers(1, 80))
def test_any_bytes_are_read_or_refused(body: bytes, step: int) -> None:
    with suppress(ServiceError):
        read(b"--xyz\r\n" + body, step=step)


def test_the_file_name_has_no_folders() -> None:
    assert read(form_of({}, b"", "C:\\a\\b.txt"))[0].filename == "b.txt"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"--xyz--\r\n", "InvalidArgument"),
        (b"--xyz\r\nContent-Type: a/b\r\n\r\nx\r\n--xyz--", "MalformedPOSTRequest"),
        (form_of({}, b"abc")[:-10], "MalformedPOSTRequest"),
        (form_of({"a": "x" * 30_000}, b""), "MaxPostPreDataLengthExceeded"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(ServiceError, match=code):
        read(body)


def test_a_form_has_a_boundary() -> None:
    with pytest.raises(ServiceError, match="MalformedPOSTRequest"):
        read(b"", content_type="multipart/form-data")


@pytest.mark.parametrize("hostile", ["multipart/form-data;" * 3000, "multipart/form-data" + " " * 60_000])
def test_a_hostile_type_costs_no_time(hostile: str) -> None:
    start = time.process_time()
    with pytest.raises(ServiceError, match="MalformedPOSTRequest"):
        read(b"", content_type=hostile)
    assert time.process_time() - start < 0.5
