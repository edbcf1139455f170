"""Request bodies sent with `Content-Encoding: gzip`, inflated within bounds."""

import zlib

from sagesse.core.error import ServiceError


def inflate(body: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """`body` without its content encoding.

    Raises:
        ServiceError: 413 when the result would exceed `limit_bytes`, 400 when the data is damaged, 415 for an
            encoding other than gzip.
    """
    names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in {"", "identity"}]
    if not names:
        return body
    if names != ["gzip"]:
        raise ServiceError(
            "UnsupportedMediaType",
            f"The content encoding {encoding[:60]!r} is not supported; gzip is.",
            status=415,
        )
    reader = zlib.decompressobj(wbits=31)
    try:
        data = reader.decompress(body, limit_bytes + 1)
    except zlib.error:
        raise _damaged() from None
    if len(data) > limit_bytes:
        raise too_large(limit_bytes)
    if not reader.eof or reader.unused_data:
        raise _damaged()
    return data


def too_large(limit_bytes: int) -> ServiceError:
    """The error for a request body beyond `limit_bytes`."""
    return ServiceError(
        "RequestEntityTooLargeException", f"The request body exceeds {limit_bytes} bytes.", status=413
    )


def _damaged() -> ServiceError:
    return ServiceError("SerializationException", "The gzip data of the request body is damaged.", status=400)
