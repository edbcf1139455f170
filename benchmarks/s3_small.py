"""Small objects: alone, eight at once, and in a bucket with everything; beside the least that is durable."""

import json
import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.connection import Connection
from benchmarks.control import HELLO, subject
from benchmarks.request import capture
from benchmarks.rounds import Subject
from benchmarks.s3_server import S3Server
from benchmarks.s3_subject import crowd_of_gets, crowd_of_puts, gets, put_request, puts
from benchmarks.sagesse_server import BUCKET

_SMALL, _FULL = 1 << 10, 4 << 10
_FULL_BUCKET = "bench-full"
_TIMES = {"Sagesse": 100, "moto": 10, "s3rver": 20}
_CROWD_TIMES = {"Sagesse": 96, "moto": 16, "s3rver": 32}
_WARM = 1200  # node compiles what has run often


def least_subjects(
    hello: tuple[Connection, int], durable: tuple[Connection, int], folder: Path
) -> dict[str, Subject]:
    """A bare hello, one with one write and one sync, one SQLite commit."""
    body = os.urandom(_SMALL)
    post = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    return {
        "hello": subject(*hello, HELLO, 200),
        "hello, synced": subject(*durable, post, 100),
        "SQLite commit, durable": _commits(folder / "limit.db", body),
    }


def small_subjects(servers: Mapping[S3Server, Connection]) -> dict[str, Subject]:
    """1 KiB of each server, then ours eight at once: they share the sync."""
    found: dict[str, Subject] = {}
    for server, connection in servers.items():
        found |= _alone(server, connection)
    ours = next(iter(servers))
    return found | {
        "Sagesse put, 8 at once": crowd_of_puts(ours, BUCKET, _SMALL, _CROWD_TIMES["Sagesse"]),
        "Sagesse get, 8 at once": crowd_of_gets(ours, BUCKET, "small/0", _CROWD_TIMES["Sagesse"]),
    }


def full_subjects(ours: S3Server, others: list[S3Server]) -> dict[str, Subject]:
    """4 KiB, eight at once: ours makes a version of each put and judges each call by a policy; the others are plain."""
    _make_full_bucket(ours)
    found = _crowd(ours, _FULL_BUCKET, "full")
    for server in others:
        found |= _crowd(server, BUCKET, "plain")
    return found


def _alone(server: S3Server, connection: Connection) -> dict[str, Subject]:
    name, s3, times = server.name, server.client, _TIMES[server.name]
    s3.put_object(Bucket=BUCKET, Key="small/0", Body=os.urandom(_SMALL))
    requests = [put_request(s3, BUCKET, f"small/{number % 20}", _SMALL) for number in range(60)]
    get = capture(s3, "get_object", Bucket=BUCKET, Key="small/0").whole
    return {
        f"{name} put": puts(connection, server, requests, times),
        f"{name} get": gets(connection, server, get, _SMALL, times),
    }


def _crowd(server: S3Server, bucket: str, word: str) -> dict[str, Subject]:
    server.client.put_object(Bucket=bucket, Key="one", Body=os.urandom(_FULL))
    times = _CROWD_TIMES[server.name]
    crowds = {
        f"{server.name} {word} put, 8 at once": crowd_of_puts(server, bucket, _FULL, times),
        f"{server.name} {word} get, 8 at once": crowd_of_gets(server, bucket, "one", times),
    }
    for one in crowds.values():
        one.work(_WARM)
    return crowds


def _make_full_bucket(ours: S3Server) -> None:
    s3 = ours.client
    s3.create_bucket(Bucket=_FULL_BUCKET)
    s3.put_bucket_versioning(Bucket=_FULL_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    inside = f"arn:aws:s3:::{_FULL_BUCKET}"
    near = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    allow = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["s3:GetObject", "s3:PutObject"]}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{inside}/secret/*"}
    statements = [{**allow, "Resource": f"{inside}/*", "Condition": near}, deny]
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=_FULL_BUCKET, Policy=json.dumps(policy))


def _commits(path: Path, body: bytes) -> Subject:
    """In this process; what the storage itself costs a small PUT."""
    connection = sqlite3.connect(path, isolation_level=None)
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
