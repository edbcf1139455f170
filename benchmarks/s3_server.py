"""The S3 servers that are compared: Sagesse, moto server, and s3rver where ``tools/setup bench`` could install it.

The others are plain: neither syncs what it writes, s3rver has neither versions nor policies, moto keeps everything in
memory and verifies no signature.
"""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.process import cpu_s, free_port, running
from benchmarks.request import client
from benchmarks.sagesse_server import BUCKET, client_of
from sagesse.testing.server import Server

_S3RVER = Path(sys.prefix) / "node" / "node_modules" / "s3rver" / "bin" / "s3rver.js"
_KEY = "S3RVER"  # its only account: key and secret


class S3Server(NamedTuple):
    """A running server with an empty bucket, `BUCKET`."""

    name: str
    client: Any
    port: int
    pid: int

    def cpu_s(self) -> float:
        """What it has cost so far."""
        return cpu_s(self.pid)


def ours(server: Server) -> S3Server:
    """Sagesse."""
    return _with_bucket("Sagesse", client_of(server, "s3"), server.port, server.pid)


@contextlib.contextmanager
def others() -> Iterator[list[S3Server]]:
    """moto server, and s3rver if it is there; says so if it is not."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(_moto())]
        if _S3RVER.exists() and shutil.which("node"):
            found.append(stack.enter_context(_s3rver()))
        else:
            print("s3rver is left out: it is not installed, or there is no node (see tools/setup bench).")
        yield found


@contextlib.contextmanager
def _moto() -> Iterator[S3Server]:
    port = free_port()
    with running("-m", "moto.server", "-p", str(port), port=port) as pid:
        yield _with_bucket("moto", client("s3", port), port, pid)


@contextlib.contextmanager
def _s3rver() -> Iterator[S3Server]:
    port = free_port()
    # Without the provider a listing of several pages fails: its tokens are sealed with a cipher OpenSSL has retired.
    program = ("node", "--openssl-legacy-provider", str(_S3RVER))
    with (
        tempfile.TemporaryDirectory(dir=".", prefix=".bench-", ignore_cleanup_errors=True) as folder,
        running("-d", folder, "-a", "127.0.0.1", "-p", str(port), "-s", port=port, program=program) as pid,
    ):
        yield _with_bucket("s3rver", client("s3", port, key=_KEY, secret=_KEY), port, pid)


def _with_bucket(name: str, s3: Any, port: int, pid: int) -> S3Server:
    s3.create_bucket(Bucket=BUCKET)
    return S3Server(name, s3, port, pid)
