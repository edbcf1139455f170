"""From nothing to a healthy server, and what it holds while idle.

Cold means a new data directory (keys, certificate authority and databases are made); again means a second start on
it. "Healthy" is the first answer of `/_sagesse/health`. The page cache is warm. Targets: 2 s, 150 MB.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.connection import Connection
from benchmarks.process import cpu_s, free_port, memory_mb
from benchmarks.report import save, show

ROUNDS = 7
_DEADLINE_S, _IDLE_S = 60.0, 3.0
_HEALTH = b"GET /_sagesse/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def run() -> None:
    """Measure, print and save."""
    python, imports, cold, again, memory, idle = [], [], [], [], [], []
    for _ in range(ROUNDS):
        python.append(_interpreter_s("pass"))
        imports.append(_interpreter_s("import sagesse.app"))
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=".") as folder:
            for times in (cold, again):
                seconds, held, busy = _start(Path(folder).resolve())
                times.append(seconds)
            memory.append(held)
            idle.append(busy)
    rows = [
        ("python -c pass", python),
        ("python -c 'import sagesse.app'", imports),
        ("sagesse up to healthy, cold", cold),
        ("sagesse up to healthy, again", again),
    ]
    show(
        "Start, seconds",
        ["", "median", "lowest", "highest"],
        [[name, statistics.median(times), min(times), max(times)] for name, times in rows],
        note="Target: cold start under 2 s.",
    )
    resident, proportional = (statistics.median(values) for values in zip(*memory, strict=True))
    busy = statistics.median(idle)
    show(
        "Idle",
        ["", "resident MB", "proportional MB", "CPU %"],
        [["sagesse up", resident, proportional, 100 * busy]],
        note="Target: 150 MB before the first job.",
    )
    figures = {
        "seconds": dict(rows),
        "resident_mb": resident,
        "proportional_mb": proportional,
        "idle_cpu_share": busy,
    }
    save("start", figures)


def _interpreter_s(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def _start(folder: Path) -> tuple[float, tuple[float, float], float]:
    """Start a server and end it; seconds to healthy, memory (resident, proportional) and share of a core when idle."""
    port = free_port()
    command = [sys.executable, "-m", "sagesse", "up", "--port", str(port), "--data-dir", str(folder)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_healthy(port, begun, process)
        healthy_s = time.perf_counter() - begun
        time.sleep(0.5)
        cpu = cpu_s(process.pid)
        time.sleep(_IDLE_S)
        return healthy_s, memory_mb(process.pid), (cpu_s(process.pid) - cpu) / _IDLE_S
    finally:
        process.terminate()
        process.wait()


def _wait_until_healthy(port: int, begun: float, process: "subprocess.Popen[bytes]") -> None:
    while True:
        try:
            with Connection(port) as connection:
                if connection.exchange(_HEALTH)[0] == 200:
                    return
        except OSError as error:
            if process.poll() is not None or time.perf_counter() - begun > _DEADLINE_S:
                raise RuntimeError("the server did not become healthy") from error
        time.sleep(0.005)
