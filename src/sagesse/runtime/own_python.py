"""A job's own Python environment: empty at first, and it sees all that the platform has installed.

On SageMaker ``pip install`` in a script changes the job's container and nothing else. Here it changes this environment,
never the interpreter that the server and all other jobs use.
"""

import contextlib
import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

HOME = ".python"
"""Its folder, below the job's home."""
_SITE_FOLDERS = ("site-packages", "dist-packages")
_PACKAGES = sysconfig.get_path("purelib", "venv", vars={"base": "", "platbase": ""}).lstrip("/")
_SOURCE = str(Path(__file__).resolve().parents[2])
PROGRAMS = str(Path(__file__).parent / "programs")
"""Has a ``pip`` of the first Python on the PATH, for environments that have none of their own yet."""


def make_python(home: Path, above: Sequence[str] = ()) -> Path:
    """Make an environment at `home` that sees the packages in `above`, and behind them ours; its interpreter."""
    programs, packages = f"{home}/bin", str(packages_of(home))
    for folder in (programs, packages):
        os.makedirs(folder, exist_ok=True)
    base = getattr(sys, "_base_executable", None) or sys.executable
    _write(f"{home}/pyvenv.cfg", f"home = {os.path.dirname(base)}\ninclude-system-site-packages = false\n")
    for name in ("python", "python3"):
        with contextlib.suppress(FileExistsError):
            os.symlink(base, f"{programs}/{name}")
    seen = [*above, *(path for path in sys.path if _has_packages(path) and path != packages)]
    lines = [f"import site; site.addsitedir({path!r})" for path in dict.fromkeys(seen)]
    _write(f"{packages}/sagesse-parent.pth", "\n".join([*lines, _SOURCE, ""]))
    return home / "bin/python3"


def packages_of(home: Path) -> Path:
    """Where the packages of the environment at `home` lie."""
    return home / _PACKAGES


def current_python() -> Path | None:
    """The environment that this process has entered; None when it runs in another interpreter."""
    home = Path(sys.executable).parent.parent
    return home if home.name == HOME else None


def enter_python(home: Path) -> None:
    """Have this very process, a fork, use the environment at `home` as if its interpreter had been started."""
    sys.executable = str(home / "bin/python3")
    spawn = sys.modules.get("multiprocessing.spawn")
    if spawn is not None:
        spawn.set_executable(sys.executable)
    ours = next((place for place, path in enumerate(sys.path) if _has_packages(path)), len(sys.path))
    sys.path.insert(ours, str(packages_of(home)))


def _has_packages(path: str) -> bool:
    return os.path.basename(path) in _SITE_FOLDERS


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
