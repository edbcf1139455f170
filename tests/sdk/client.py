"""Unmodified clients in processes of their own, told of the server by environment variables and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagesse.testing.server import Server

FLOWS = Path(__file__).parent / "flows"
_LIMIT_S = 900
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


class Client:
    """Runs programs as a user would after ``eval "$(sagesse env --role sagemaker)"``.

    Args:
        server: the server they are to reach.
        home: an empty home, so that no configuration of this machine helps or hurts.
    """

    def __init__(self, server: Server, home: Path) -> None:
        told = _sagesse_env(server)
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self.home = home
        self.environment = {**kept, "HOME": str(home), **told}

    def flow(self, name: str, python: Path = Path(sys.executable)) -> Any:
        """Run ``flows/<name>.py``; its answer is the JSON on its last line of output, its log the lines before."""
        lines = self.run(str(python), str(FLOWS / f"{name}.py")).splitlines()
        return {**json.loads(lines[-1]), "log": lines[:-1]}

    def aws(self, *arguments: str) -> Any:
        """Run the AWS CLI; what it prints as JSON, or as text if it is none."""
        text = self.run(str(Path(sys.executable).with_name("aws")), *arguments)
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text

    def run(self, *command: str) -> str:
        """Run a program in the home; what it prints. Fails with its errors when it fails."""
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
            env=self.environment,
            cwd=self.home,
        )
        if done.returncode != 0:
            pytest.fail(f"{command} ended with {done.returncode}:\n{done.stderr[-4000:]}", pytrace=False)
        return done.stdout


def _sagesse_env(server: Server) -> dict[str, str]:
    command = [sys.executable, "-m", "sagesse", "env", "--json", "--role", "sagemaker"]
    done = subprocess.run(
        [*command, "--data-dir", str(server.data_dir)], capture_output=True, check=True, timeout=60
    )
    return json.loads(done.stdout)
