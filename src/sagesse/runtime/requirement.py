"""Packages a user's script asks for: installed once per set, kept, and used by later jobs.

A set lives in a virtual environment that also sees everything of ours, so that only what is missing is
installed. The key is the text of the requirements, the interpreter, and all files beside them where the text names one.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import site
import sys
import sysconfig
import venv
from pathlib import Path

from sagesse.runtime.program import run_program

_BETWEEN_WORDS = re.compile(r"[\s=@,;\[\]#]+")
_OPTION = re.compile(r"^(-[rce]|file:)")


class RequirementError(Exception):
    """pip could not install what the job asks for."""


def install_requirements(requirements: Path) -> str:
    """The interpreter that sees the packages of `requirements`; they are installed when they were not yet.

    Raises:
        RequirementError: pip failed; its own words are in the log.
    """
    home = _cache() / _identity(requirements)
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second job with the same set waits for the first
        complete = home / "complete"
        if not complete.exists():
            _make_environment(home)
            _pip(home, ["-r", str(requirements)], "requirements.txt")
            complete.touch()
    return str(home / "bin/python")


def install_package(code: Path, base: Path) -> str:
    """The interpreter that sees the user's own package, made for this job only.

    The package is what ``setup.py`` in `code` describes, and what ``requirements.txt`` beside it asks for.

    Raises:
        RequirementError: pip failed.
    """
    home = Path(os.environ.get("TMPDIR", str(base))) / "package-environment"
    _make_environment(home)
    requirements = code / "requirements.txt"
    arguments = [str(code), *(["-r", str(requirements)] if requirements.exists() else [])]
    if importlib.util.find_spec("setuptools") is not None:
        arguments.append("--no-build-isolation")  # else pip fetches setuptools anew, if it can reach an index
    _pip(home, arguments, "the package in the source code")
    return str(home / "bin/python")


def _identity(requirements: Path) -> str:
    """The name of a set of packages."""
    text, folder = requirements.read_text(), requirements.parent
    identity = hashlib.sha256(f"{text}\0{sys.version}\0{sys.prefix}".encode())
    words = [_OPTION.sub("", word) for word in _BETWEEN_WORDS.split(text)]
    if any(_is_there(folder / word) for word in words if word):  # -r more.txt, ./wheels/a.whl, .
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            identity.update(f"\0{file.relative_to(folder)}\0{content}".encode(errors="surrogateescape"))
    return identity.hexdigest()[:24]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a word, or no word at all
        return False


def _cache() -> Path:
    given = os.environ.get("SAGESSE_CACHE")
    return Path(given) if given else Path(os.environ.get("TMPDIR", "/tmp")) / "requirements"


def _make_environment(home: Path) -> None:
    venv.create(home, with_pip=False, clear=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    packages.mkdir(parents=True, exist_ok=True)
    ours = [path for path in [*site.getsitepackages(), *_source_folders()] if Path(path).is_dir()]
    (packages / "sagesse-parent.pth").write_text("\n".join(ours) + "\n")


def _source_folders() -> list[str]:
    """Where this package itself comes from when it is not installed in a site folder."""
    return [str(Path(__file__).resolve().parents[2])]


def _pip(home: Path, arguments: list[str], what: str) -> None:
    command = [str(home / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    code, complaint = run_program(command)
    if code != 0:
        raise RequirementError(f"pip could not install {what} (exit code {code}): {complaint}")
