"""The whole story with few photos, and its continuation after kill -9. A minute: it renders, trains and deploys."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.cli.instance import find
from tests.cli.run import answer, clean_environment, sagesse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    where = tmp_path_factory.mktemp("demo")
    yield where
    sagesse("down", "--jobs", "--data-dir", where / "data")


def demo(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sagesse", "demo", "--json", "--port", "0", "--photos", "60"]
    command += ["--min-accuracy", "0.7", "--data-dir", str(folder / "data"), "--output", str(folder / "out")]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
    )


def summary_of(playing: "subprocess.Popen[str]") -> dict[str, Any]:
    said, words = playing.communicate(timeout=1500)
    assert playing.returncode == 0, words
    return json.loads(said)


def wait_for_job(folder: Path) -> int:
    """The server's process id, once it has taken the training job."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        instance = find(folder / "data")
        audit = "".join(path.read_text() for path in (folder / "data").glob("audit/*.jsonl"))
        if instance is not None and '"CreateTrainingJob"' in audit:
            return instance.pid
        time.sleep(0.05)
    raise AssertionError("the demo made no training job")


def test_the_story_is_told_through_a_kill_of_the_server(folder: Path) -> None:
    playing = demo(folder)
    os.kill(wait_for_job(folder), signal.SIGKILL)
    answer("up", "--detach", "--port", "0", "--data-dir", folder / "data")
    summary = summary_of(playing)
    assert summary["photos"] == 15
    assert summary["training_job"].endswith("-1")  # the job that was running went on
    assert (folder / "out" / "contact-sheet.png").stat().st_size > 1000
    assert len((folder / "out" / "predictions.csv").read_text().splitlines()) == 16


def test_a_second_telling_takes_what_is_there(folder: Path) -> None:
    first = json.loads((folder / "out" / "summary.json").read_text())
    again = summary_of(demo(folder))
    assert again["training_job"] == first["training_job"]
    assert again["confusion"] == first["confusion"]
    assert again["seconds"]["Train"] < first["seconds"]["Train"]
