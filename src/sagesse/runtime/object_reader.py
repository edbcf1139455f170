"""Reading objects over the public S3 endpoint, in pieces, whatever happens to the server meanwhile.

A connection that breaks and a server that is down are waited for without end, a server that fails and credentials that
expired for ten minutes. The reading goes on behind the last byte that came, and only while the object is the same one.
"""

import http.client
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sagesse.runtime.sign import sign_get

_CHUNK_BYTES = 256 << 10
_TIMEOUT_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
_PATIENCE_S = 600.0  # how long an answer that may change is asked for again
_FAULT = 500
_OK, _PARTIAL, _CHANGED = 200, 206, 412
_PASSING = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed", "SlowDown"}
)


class Access(msgspec.Struct, frozen=True):
    """Where S3 is, and a session of the job's role; the server keeps the file fresh while the job runs."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret: str
    session_token: str


class ObjectUnreadable(Exception):  # noqa: N818 - reads as the fact it states
    """S3 refused for good, or the object changed while it was read."""


class OpenObject:
    """An object that is being read, once, from its beginning to its end."""

    def __init__(self, reader: "ObjectReader", bucket: str, key: str) -> None:
        self._reader = reader
        self._name = (bucket, key)
        self._offset = 0
        self._etag = ""
        self._answer: http.client.HTTPResponse | None = self._reader.ask(bucket, key)
        self._etag = self._answer.headers.get("ETag", "")
        self.size_bytes = int(self._answer.headers["Content-Length"])
        if not self.size_bytes:
            self._answer.read()  # the connection is free for the next object

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, each exactly once.

        Raises:
            ObjectUnreadable: see there.
        """
        while self._offset < self.size_bytes:
            if self._answer is None:
                self._answer = self._reader.ask(*self._name, offset=self._offset, etag=self._etag)
            try:
                chunk = self._answer.read(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException):
                chunk = b""
            if not chunk:  # the connection broke
                self._answer = None
                self._reader.drop()
                continue
            self._offset += len(chunk)
            yield chunk


class ObjectReader:
    """Reads objects one after another over one connection; for one thread.

    Args:
        access: a file with an `Access`, which may be replaced at any time.
    """

    def __init__(self, access: Path) -> None:
        self._access = access
        self._connection: http.client.HTTPConnection | None = None
        self._pause = threading.Event()  # never set: its wait is a sleep

    def open(self, bucket: str, key: str) -> OpenObject:
        """Begin with an object; the one before must have been read to its end or be dropped.

        Raises:
            ObjectUnreadable: see there.
        """
        return OpenObject(self, bucket, key)

    def drop(self) -> None:
        """Give up what is on its way."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(self, bucket: str, key: str, *, offset: int = 0, etag: str = "") -> http.client.HTTPResponse:
        """The answer that brings an object from `offset` on, as soon as there is one.

        Raises:
            ObjectUnreadable: see there.
        """
        headers = {"Range": f"bytes={offset}-", "If-Match": etag} if offset else {}
        pause_s, give_up = _FIRST_PAUSE_S, time.monotonic() + _PATIENCE_S
        while True:
            answer = self._try(bucket, key, headers)
            if answer is not None:
                if answer.status in {_OK, _PARTIAL}:
                    return answer
                error = _refusal(answer, bucket, key)
                self.drop()
                may_change = answer.status >= _FAULT or bool(error and error[0] in _PASSING)
                if error and not (may_change and time.monotonic() < give_up):
                    raise ObjectUnreadable(": ".join(error))
            self._pause.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _try(self, bucket: str, key: str, headers: dict[str, str]) -> http.client.HTTPResponse | None:
        access = msgspec.json.decode(self._access.read_bytes(), type=Access)
        place = urllib.parse.urlsplit(access.endpoint_url)
        path = f"/{bucket}/{urllib.parse.quote(key, safe='/~')}"
        try:
            if self._connection is None:
                self._connection = _connect(place)
            signed = sign_get(
                place.netloc,
                path,
                headers,
                region=access.region,
                access_key_id=access.access_key_id,
                secret=access.secret,
                session_token=access.session_token,
            )
            self._connection.request("GET", path, headers=signed)
            return self._connection.getresponse()
        except (OSError, http.client.HTTPException):
            self.drop()
            return None


def _connect(place: urllib.parse.SplitResult) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    return kind(place.hostname or "", place.port, timeout=_TIMEOUT_S)


def _refusal(answer: http.client.HTTPResponse, bucket: str, key: str) -> tuple[str, str] | None:
    """Code and message of an answer without the object; None: it did not come whole."""
    try:
        body = answer.read(1 << 16).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return None
    where = f"(S3 URL 's3://{bucket}/{key}')"
    if answer.status == _CHANGED:
        return "PreconditionFailed", f"the object changed while it was read {where}"
    code, message = (_element(body, name) for name in ("Code", "Message"))
    return code or str(answer.status), f"{message or answer.reason} {where}"


def _element(xml: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", xml)
    return found[1] if found else ""
