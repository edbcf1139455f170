"""What a run uses: measured while it lives, and altogether at its end."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from sagesse.engines.jobs.local import LocalJobs
from sagesse.runtime.gpu import gpu_use
from sagesse.runtime.usage import FILE, Usage, UsageMeter, disk_bytes
from sagesse.testing.job_engine import finish, shell

BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"


def measurements(folder: Path) -> list[Usage]:
    lines = (folder / FILE).read_text().splitlines()
    return [msgspec.json.decode(line, type=Usage) for line in lines]


def test_a_short_run_is_measured_once_at_its_end(engine: LocalJobs) -> None:
    writes = "head -c 2000000 /dev/urandom > /opt/ml/file; "
    plan = shell(f"{writes} {sys.executable} -c '{BUSY}'")
    run = finish(engine, plan)
    (usage,) = measurements(engine.folder(plan.run_id))
    assert run.started is not None
    assert run.ended is not None
    span_s = run.ended - run.started
    assert 0.25 / (span_s + 5) * 100 < usage.cpu_percent < 2000
    assert usage.memory_bytes > 1 << 20
    assert 2_000_000 <= usage.disk_bytes < 20_000_000
    assert usage.gpu_percent is None


def test_a_living_process_is_measured_and_its_past_children_too(tmp_path: Path) -> None:
    source = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}])\nprint(1, flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        meter = UsageMeter(tmp_path, lambda: {process.pid}, {})
        assert process.stdout is not None
        process.stdout.readline()
        meter.measure()
        meter.measure()
        process.communicate("\n")
    first, second = measurements(tmp_path)
    assert first.cpu_percent > second.cpu_percent
    assert first.memory_bytes > 1 << 20
    assert second.at >= first.at


def test_links_are_not_followed_and_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").write_bytes(b"x" * 1_000_000)
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    assert disk_bytes(tmp_path / "inside") < 1_000_000
    assert disk_bytes(tmp_path / "nothing") == 0


class FakeNvml:
    """NVML with two GPUs: the first half busy and a quarter full, the second idle."""

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:
        handle._obj.value = index.value + 1
        return 0 if index.value < 2 else 2

    def nvmlDeviceGetUtilizationRates(self, handle: Any, found: Any) -> int:
        found._obj.gpu = 50 if handle.value == 1 else 0
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: Any, found: Any) -> int:
        found._obj.total, found._obj.used = 400, 100 if handle.value == 1 else 0
        return 0


def test_the_gpus_of_a_run_are_added_up() -> None:
    assert gpu_use([0, 1], FakeNvml()) == (50.0, 25.0)
    assert gpu_use([0], FakeNvml()) == (50.0, 25.0)


def test_a_gpu_that_does_not_answer_is_not_made_up() -> None:
    assert gpu_use([0, 5], FakeNvml()) is None
