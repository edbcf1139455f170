"""The hint that folders have nothing to do with each other."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sagesse.engines.jobs.spread import spread

LSATTR = shutil.which("lsattr")


def attributes(folder: Path) -> str | None:
    """What lsattr(1) shows of a folder; None where its file system has no such flags."""
    assert LSATTR is not None
    answer = subprocess.run([LSATTR, "-d", folder], capture_output=True, text=True, check=False)
    return answer.stdout.split()[0] if answer.returncode == 0 else None


@pytest.mark.skipif(LSATTR is None, reason="needs lsattr")
def test_folders_are_placed_apart_where_the_file_system_can(tmp_path: Path) -> None:
    before = attributes(tmp_path)
    if before is None or "e" not in before:
        pytest.skip("no ext4")
    spread(tmp_path)
    after = attributes(tmp_path)
    assert after is not None
    assert "T" in after
    assert set(after) == {*before, "T"}


def test_other_file_systems_do_without(tmp_path: Path) -> None:
    spread(Path("/proc"))
    spread(tmp_path / "not there")
    assert list(tmp_path.iterdir()) == []
