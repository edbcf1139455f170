"""Requests of objects as subjects: one after the other on one connection, or several at once."""

import os
from itertools import cycle
from typing import Any

from benchmarks.connection import Connection
from benchmarks.control import crowd
from benchmarks.request import Raw, capture
from benchmarks.rounds import Subject
from benchmarks.s3_server import S3Server

CROWD = 8
_WHOLE = 1 << 10  # bodies up to this go in one piece with their head


def puts(connection: Connection, server: S3Server, requests: list[Raw], times: int) -> Subject:
    """The requests in turn."""
    turns = cycle(requests)

    def work(count: int) -> None:
        for _ in range(count):
            request = next(turns)
            if len(request.body) <= _WHOLE:
                status, answer = connection.exchange(request.whole)
            else:
                status, answer = connection.exchange(request.head, memoryview(request.body))
            if status != 200:
                raise RuntimeError(f"status {status}: {answer[:500]!r}")

    return Subject(work, server.cpu_s, times)


def gets(connection: Connection, server: S3Server, request: bytes, size: int, times: int) -> Subject:
    """The same request again and again; its answer has `size` bytes."""

    def work(count: int) -> None:
        for _ in range(count):
            status, got = connection.discard(request)
            if (status, got) != (200, size):
                raise RuntimeError(f"status {status}, {got} bytes instead of {size}")

    return Subject(work, server.cpu_s, times)


def crowd_of_gets(server: S3Server, bucket: str, key: str, times: int) -> Subject:
    """Eight clients at once, all for one object."""
    request = capture(server.client, "get_object", Bucket=bucket, Key=key).whole
    return crowd(server.port, server.cpu_s, [request] * CROWD, times)


def crowd_of_puts(server: S3Server, bucket: str, size: int, times: int) -> Subject:
    """Eight clients at once; every turn writes other bytes: the same ones again would leave nothing to sync."""
    keys = [f"crowd/{number}" for number in range(CROWD)]
    turns = cycle(
        [
            crowd(
                server.port,
                server.cpu_s,
                [put_request(server.client, bucket, key, size).whole for key in keys],
                CROWD,
            )
            for _ in range(3)
        ]
    )

    def work(count: int) -> None:
        for _ in range(count // CROWD):
            next(turns).work(CROWD)

    return Subject(work, server.cpu_s, times)


def put_request(s3: Any, bucket: str, key: str, size: int) -> Raw:
    """A PUT of random bytes."""
    return capture(s3, "put_object", Bucket=bucket, Key=key, Body=os.urandom(size))
