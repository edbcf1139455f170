"""Objects against the least that has to be done, against a bare hello, and against moto server.

Large: 64 MiB over raw sockets; the limit receives, digests (md5) and fsyncs, or sends with sendfile, without HTTP.
boto3 signs the sha256 of bodies over plain HTTP, which the limit does not compute; a presigned PUT leaves it out.
Small: 1 KiB, as boto3 sends it, other bytes each time; beside it the least that is durable: hello with one write and
one sync, and one SQLite commit.
Full: 4 KiB by eight clients at once in a bucket with versions and a policy, in CPU of the server.
Targets: 1.5 times the limit, 4 times hello, 250 us of CPU a full put and 120 a full get. moto keeps all in memory.
"""

import json
import os
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.connection import Connection
from benchmarks.control import HELLO, crowd
from benchmarks.process import cpu_s, free_port, running
from benchmarks.report import save, show_measures
from benchmarks.request import Raw, capture, client
from benchmarks.rounds import Measure, Subject, measure
from benchmarks.sagesse_server import BUCKET, client_of, sagesse

ROUNDS, SMALL_ROUNDS = 7, 41
_LARGE, _FULL, _SMALL, _LARGE_TIMES = 64 << 20, 4 << 10, 1 << 10, 3
_FULL_BUCKET = "bench-full"
_CROWD = 8


def run() -> None:
    """Measure, print and save."""
    ports = [free_port() for _ in range(4)]
    limit_port, hello_port, durable_port, moto_port = ports
    with (
        tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as folder,
        running("-m", "benchmarks.peers.limit", str(limit_port), folder, port=limit_port) as limit,
        running("-m", "benchmarks.peers.hello", str(hello_port), port=hello_port) as hello,
        running(
            "-m", "benchmarks.peers.durable", str(durable_port), f"{folder}/durable", port=durable_port
        ) as durable,
        running("-m", "moto.server", "-p", str(moto_port), port=moto_port) as moto,
        sagesse() as server,
        Connection(hello_port) as to_hello,
        Connection(durable_port) as to_durable,
        Connection(moto_port) as to_moto,
        Connection(server.port) as to_sagesse,
    ):
        ours, theirs = client_of(server, "s3"), client(service="s3", port=moto_port)
        for one in (ours, theirs):
            one.create_bucket(Bucket=BUCKET)
        body = os.urandom(_LARGE)
        puts, gets = _limits(limit, limit_port, Path(folder), body)
        for name, s3, connection, pid in (
            ("Sagesse", ours, to_sagesse, server.pid),
            ("moto", theirs, to_moto, moto),
        ):
            signed = capture(s3, "put_object", Bucket=BUCKET, Key="large", Body=body)
            puts[f"{name} put, sha256 signed"] = _put(connection, pid, [signed], _LARGE_TIMES)
            unsigned = Raw(_presigned_head(s3, len(body)), body)
            puts[f"{name} put, presigned"] = _put(connection, pid, [unsigned], _LARGE_TIMES)
            get = capture(s3, "get_object", Bucket=BUCKET, Key="large")
            gets[f"{name} get"] = _get(connection, pid, get.whole, _LARGE, _LARGE_TIMES)
        large_puts = measure(puts, base="limit", rounds=ROUNDS)
        large_gets = measure(gets, base="limit", rounds=ROUNDS)
        small = {"hello": _get(to_hello, hello, HELLO, 11, 200)}
        small["hello, synced"] = _put(to_durable, durable, [_posted(os.urandom(_SMALL))], 100)
        commit = sqlite3.connect(Path(folder) / "limit.db", isolation_level=None)
        small["SQLite commit, durable"] = _commits(commit, os.urandom(_SMALL))
        small |= _small("Sagesse", ours, to_sagesse, server.pid, 100)
        small |= _small_crowd(ours, server.port, server.pid)
        small |= _full(ours, server.port, server.pid)
        small |= _small("moto", theirs, to_moto, moto, 10)
        small_ones = measure(small, base="hello", rounds=SMALL_ROUNDS)
    _report(
        "PUT 64 MiB",
        large_puts,
        "limit",
        "Target: 1.5 x limit. The limit receives, digests (md5) and fsyncs.",
    )
    _report("GET 64 MiB", large_gets, "limit", "Target: 1.5 x limit. The limit is sendfile.")
    _report(
        "1 KiB; full: 4 KiB",
        small_ones,
        "hello",
        "Targets: 4 x hello; 250 us of CPU a full put, 120 a full get. A PUT is on disk when it is answered.",
    )
    save("s3", {"put 64 MiB": large_puts, "get 64 MiB": large_gets, "1 KiB": small_ones})


def _report(title: str, measures: dict[str, Measure], base: str, note: str) -> None:
    show_measures(title, measures, base=base, note=note)


def _small(name: str, s3: Any, connection: Connection, pid: int, times: int) -> dict[str, Subject]:
    body = os.urandom(_SMALL)
    s3.put_object(Bucket=BUCKET, Key="small/0", Body=body)
    puts = [_put_request(s3, BUCKET, f"small/{n % 20}", _SMALL) for n in range(60)]
    get = capture(s3, "get_object", Bucket=BUCKET, Key="small/0")
    return {
        f"{name} put": _put(connection, pid, puts, times),
        f"{name} get": _get(connection, pid, get.whole, _SMALL, times),
    }


def _small_crowd(s3: Any, port: int, pid: int) -> dict[str, Subject]:
    """Eight at once: they share the sync."""
    get = capture(s3, "get_object", Bucket=BUCKET, Key="small/0").whole
    return {
        "Sagesse put, 8 at once": _crowd_of_puts(s3, port, pid, BUCKET, _SMALL),
        "Sagesse get, 8 at once": crowd(port, lambda: cpu_s(pid), [get] * _CROWD, 96),
    }


def _full(s3: Any, port: int, pid: int) -> dict[str, Subject]:
    """Eight at once in a bucket with everything: each put makes a version, each call is judged by a policy."""
    s3.create_bucket(Bucket=_FULL_BUCKET)
    s3.put_bucket_versioning(Bucket=_FULL_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    inside = f"arn:aws:s3:::{_FULL_BUCKET}"
    near = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    allow = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["s3:GetObject", "s3:PutObject"]}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{inside}/secret/*"}
    statements = [{**allow, "Resource": f"{inside}/*", "Condition": near}, deny]
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=_FULL_BUCKET, Policy=json.dumps(policy))
    s3.put_object(Bucket=_FULL_BUCKET, Key="one", Body=os.urandom(_FULL))
    get = capture(s3, "get_object", Bucket=_FULL_BUCKET, Key="one").whole
    return {
        "Sagesse full put, 8 at once": _crowd_of_puts(s3, port, pid, _FULL_BUCKET, _FULL),
        "Sagesse full get, 8 at once": crowd(port, lambda: cpu_s(pid), [get] * _CROWD, 96),
    }


def _crowd_of_puts(s3: Any, port: int, pid: int, bucket: str, size: int) -> Subject:
    """A crowd whose every turn writes other bytes: the same ones again would leave nothing to sync."""
    turns = cycle(
        [
            crowd(
                port,
                lambda: cpu_s(pid),
                [_put_request(s3, bucket, f"crowd/{n}", size).whole for n in range(_CROWD)],
                _CROWD,
            )
            for _ in range(3)
        ]
    )

    def work(count: int) -> None:
        for _ in range(count // _CROWD):
            next(turns).work(_CROWD)

    return Subject(work, lambda: cpu_s(pid), 96)


def _put_request(s3: Any, bucket: str, key: str, size: int) -> Raw:
    return capture(s3, "put_object", Bucket=bucket, Key=key, Body=os.urandom(size))


def _posted(body: bytes) -> Raw:
    return Raw(f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode(), body)


def _commits(connection: sqlite3.Connection, body: bytes) -> Subject:
    """In this process; what the storage itself costs a small PUT."""
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "CREATE TABLE object (key, body)",
    ):
        connection.execute(statement)

    def work(count: int) -> None:
        for number in range(count):
            connection.execute("INSERT INTO object VALUES (?,?)", (number, body))

    return Subject(work, time.process_time, 100)


def _put(connection: Connection, pid: int, requests: list[Raw], times: int) -> Subject:
    turns = cycle(requests)

    def work(count: int) -> None:
        for _ in range(count):
            request = next(turns)
            if len(request.body) <= _SMALL:
                status, answer = connection.exchange(request.whole)
            else:
                status, answer = connection.exchange(request.head, memoryview(request.body))
            _check(status, answer)

    return Subject(work, lambda: cpu_s(pid), times)


def _get(connection: Connection, pid: int, request: bytes, size: int, times: int) -> Subject:
    def work(count: int) -> None:
        for _ in range(count):
            status, got = connection.discard(request)
            _check(status, b"")
            if got != size:
                raise RuntimeError(f"{got} bytes instead of {size}")

    return Subject(work, lambda: cpu_s(pid), times)


def _check(status: int, answer: bytes) -> None:
    if status != 200:
        raise RuntimeError(f"status {status}: {answer[:500]!r}")


def _presigned_head(s3: Any, size: int) -> bytes:
    url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "large"}))
    return (
        f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {size}\r\n\r\n"
    ).encode()


def _limits(pid: int, port: int, folder: Path, body: bytes) -> tuple[dict[str, Subject], dict[str, Subject]]:
    """The limit's side: one line, then bytes."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    piece = memoryview(bytearray(1 << 20))

    def put(count: int) -> None:
        for _ in range(count):
            connection.sendall(b"PUT %d\n" % len(body))
            connection.sendall(body)
            _line(connection)

    def get(count: int) -> None:
        for _ in range(count):
            connection.sendall(f"GET {folder / 'received'}\n".encode())
            left = int(_line(connection))
            while left > 0:
                left -= connection.recv_into(piece, min(left, len(piece)))

    return _subject(put, pid), _subject(get, pid)


def _subject(work: Callable[[int], None], pid: int) -> dict[str, Subject]:
    return {"limit": Subject(work, lambda: cpu_s(pid), _LARGE_TIMES)}


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += connection.recv(1)
    return line
