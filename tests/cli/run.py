"""Running `sagesse` as its users do."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without AWS's and Sagesse's variables."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SAGESSE_"))}
    return {**kept, **more}


def sagesse(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sagesse", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(**environment),
    )


def answer(*arguments: str | Path, **environment: str) -> dict[str, Any]:
    """Run a command with --json; it must succeed."""
    done = sagesse(*arguments, "--json", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
