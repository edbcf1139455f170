"""The aws-chunked filter: signed, unsigned, with trailers; whole, split and broken."""

import contextlib
import hashlib
import hmac
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.wire.chunked import ChainedSigner, ChunkDecoder

KEY, SEED, STAMP, SCOPE = b"k" * 32, "5" * 64, "20260101T000000Z", "20260101/us-east-1/s3/aws4_request"
EMPTY = hashlib.sha256(b"").hexdigest()
TRAILER = {"x-amz-checksum-crc32": "AAAAAA=="}


def sign(algorithm: str, previous: str, *parts: str) -> str:
    text = "\n".join((algorithm, STAMP, SCOPE, previous, *parts))
    return hmac.new(KEY, text.encode(), "sha256").hexdigest()


def encode(pieces: list[bytes], *, is_signed: bool, trailer: dict[str, str] | None = None) -> bytes:
    """The framing as the AWS documentation describes it."""
    previous, out = SEED, b""
    for piece in [*pieces, b""]:
        extension = ""
        if is_signed:
            previous = sign("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY, hashlib.sha256(piece).hexdigest())
            extension = f";chunk-signature={previous}"
        out += f"{len(piece):x}{extension}\r\n".encode()
        out += piece + b"\r\n" if piece else b""
    for name, value in (trailer or {}).items():
        out += f"{name}:{value}\r\n".encode()
    if trailer and is_signed:
        lines = "".join(f"{name}:{value}\n" for name, value in trailer.items())
        signature = sign("AWS4-HMAC-SHA256-TRAILER", previous, hashlib.sha256(lines.encode()).hexdigest())
        out += f"x-amz-trailer-signature:{signature}\r\n".encode()
    return out + b"\r\n"


def decoder(size: int | None, *, is_signed: bool, has_trailer: bool = False) -> ChunkDecoder:
    signer = ChainedSigner(KEY, timestamp=STAMP, scope=SCOPE, seed=SEED) if is_signed else None
    return ChunkDecoder(signer=signer, has_signatures=is_signed, has_trailer=has_trailer, decoded_bytes=size)


def decode(reader: ChunkDecoder, data: bytes, cuts: list[int] | None = None) -> bytes:
    edges = [0, *sorted(cuts or []), len(data)]
    pieces = [piece for start, end in itertools.pairwise(edges) for piece in reader.feed(data[start:end])]
    reader.finish()
    return b"".join(pieces)


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(0, 600), max_size=12),
)
def test_any_split_gives_the_same_bytes(
    pieces: list[bytes], is_signed: bool, has_trailer: bool, cuts: list[int]
) -> None:
    data = encode(pieces, is_signed=is_signed, trailer=TRAILER if has_trailer else None)
    payload = b"".join(pieces)
    reader = decoder(len(payload), is_signed=is_signed, has_trailer=has_trailer)
    assert decode(reader, data, [min(cut, len(data)) for cut in cuts]) == payload
    assert reader.trailers == (TRAILER if has_trailer else {})


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_any_bytes_are_decoded_or_refused(data: bytes, is_signed: bool, has_trailer: bool) -> None:
    with contextlib.suppress(ServiceError):
        decode(decoder(None, is_signed=is_signed, has_trailer=has_trailer), data)


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_changed_byte_of_a_signed_payload_never_changes_the_payload(at: int, change: int) -> None:
    payload = [b"abc" * 9, b"def" * 9]
    data = bytearray(encode(payload, is_signed=True, trailer=TRAILER))
    data[at % len(data)] ^= change
    reader = decoder(54, is_signed=True, has_trailer=True)
    with contextlib.suppress(ServiceError):
        assert decode(reader, bytes(data)) == b"".join(payload)
        assert reader.trailers == TRAILER


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "IncompleteBody"),
        (b"3\r\nab", "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\n", "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\n\r\nmore", "InvalidChunkSizeError"),
        (b"2\r\nabc\r\n0\r\n\r\n", "InvalidChunkSizeError"),
        (b"x\r\n", "InvalidChunkSizeError"),
        (b"-1\r\n", "InvalidChunkSizeError"),
        (b"\r\n", "InvalidChunkSizeError"),
        (b"f" * 20 + b"\r\n", "InvalidChunkSizeError"),
        (b"1" * 5000, "InvalidChunkSizeError"),
        (b"4\r\nabcd\r\n0\r\n\r\n", "IncompleteBody"),
        (b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "MalformedTrailerError"),
    ],
)
def test_broken_framing_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        decode(decoder(3, is_signed=False), data)
    assert caught.value.code == code


@pytest.mark.parametrize("trailer", [b"novalue\r\n", b":x\r\n", b"a:" + b"b" * 3000 + b"\r\n"])
def test_a_broken_trailer_is_refused(trailer: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        decode(decoder(0, is_signed=False, has_trailer=True), b"0\r\n" + trailer * 6 + b"\r\n")
    assert caught.value.code == "MalformedTrailerError"


def test_a_chunk_without_signature_is_refused() -> None:
    with pytest.raises(ServiceError, match="SignatureDoesNotMatch"):
        decode(decoder(3, is_signed=True), encode([b"abc"], is_signed=False))


def test_a_trailer_without_signature_is_refused() -> None:
    data = encode([b"abc"], is_signed=True, trailer=TRAILER)
    cut = data[: data.index(b"x-amz-trailer-signature")] + b"\r\n\r\n"
    with pytest.raises(ServiceError, match="SignatureDoesNotMatch"):
        decode(decoder(3, is_signed=True, has_trailer=True), cut)


def test_chunks_may_not_change_places() -> None:
    data = encode([b"abc", b"def"], is_signed=True)
    end = data.index(b"abc\r\n") + 5
    first, second, rest = data[:end], data[end : 2 * end], data[2 * end :]
    with pytest.raises(ServiceError, match="SignatureDoesNotMatch"):
        decode(decoder(6, is_signed=True), second + first + rest)


def test_a_payload_longer_than_announced_is_refused_at_once() -> None:
    with pytest.raises(ServiceError, match="IncompleteBody"):
        decoder(2, is_signed=False).feed(b"3\r\nabc")
