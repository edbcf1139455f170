"""Interpreters with clients of AWS: each in a virtual environment of its own, made once, kept in the repository."""

import fcntl
import hashlib
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_INSTALL_S = 900


def interpreter(name: str, lists: Path = HERE) -> Path:
    """The Python that has what ``<name>.txt`` in `lists` lists; installed now if it was not yet.

    Fails the test, rather than skipping it, when that is impossible: a client that was not tried does not work.
    """
    requirements = lists / f"{name}.txt"
    folder = ROOT / f".venv-{name}"
    python = folder / "bin" / "python"
    stamp = folder / f".installed-{hashlib.sha256(_wanted(requirements)).hexdigest()[:16]}"
    with requirements.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            venv.create(folder, with_pip=True, clear=True)
            _install(python, requirements)
            stamp.touch()
    return python


def _wanted(requirements: Path) -> bytes:
    """What makes an environment out of date: the list, and what Sagesse needs where the list has Sagesse."""
    wanted = requirements.read_bytes()
    if b"-e ." in wanted.splitlines():
        needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        wanted += "\n".join(needs).encode() + (ROOT / "constraints.txt").read_bytes()
    return wanted


def _install(python: Path, requirements: Path) -> None:
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    if done.returncode != 0:
        pytest.fail(
            f"{requirements.name} cannot be installed for {sys.version.split()[0]}; its clients are not tested.\n"
            f"{done.stderr[-2000:]}",
            pytrace=False,
        )
