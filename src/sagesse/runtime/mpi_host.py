"""How mpirun reaches the other hosts of a job, which have no ssh: they wait for the one command it has for them.

``serve <address> <port>`` on the waiting host; mpirun calls ``connect <port> <host> <command>...`` in place of ssh.
The secret of the job goes first, so that no other program of this machine can give commands.
"""

import hmac
import json
import socket
import subprocess
import sys
import time
from io import BufferedRWPair
from typing import Any, cast

from sagesse.runtime.distribution import host_secret

_PATIENCE_S = 120.0
_PAUSE_S = 0.1
_LONGEST = 1 << 20


def main() -> int:
    """Serve or connect, as the arguments say."""
    match sys.argv[1:]:
        case ["serve", address, port, *_]:  # the rest is what mpirun starts
            return serve(address, int(port))
        case ["connect", port, host, *command]:
            return connect(host, int(port), " ".join(command))
        case _:
            return 2


def serve(address: str, port: int) -> int:
    """Run the one command that comes with the job's secret; its exit code goes back and is ours."""
    with socket.create_server((address, port)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                request = _read(connection, stream)
                if not hmac.compare_digest(str(request.get("secret", "")).encode(), host_secret().encode()):
                    continue
                code = subprocess.run(["/bin/sh", "-c", request["command"]], check=False).returncode
                stream.write(b"%d\n" % code)
                return code if code >= 0 else 128 - code


def connect(host: str, port: int, command: str) -> int:
    """Have `host` run `command`; its exit code."""
    with _connection(host, port) as connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps({"secret": host_secret(), "command": command}).encode() + b"\n")
        stream.flush()
        answer = stream.readline()
    return int(answer) if answer.strip() else 1


def _connection(host: str, port: int) -> socket.socket:
    """A connection to the host, which may not have come so far yet."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return socket.create_connection((host, port))
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE_S)


def _read(connection: socket.socket, stream: BufferedRWPair) -> dict[str, Any]:
    """What a peer asks for; empty when it is nothing sensible, or does not come."""
    connection.settimeout(_PATIENCE_S)
    try:
        request: Any = json.loads(stream.readline(_LONGEST))
    except (ValueError, OSError):
        request = {}
    connection.settimeout(None)
    return cast("dict[str, Any]", request) if isinstance(request, dict) else {}
