"""A job's own Python environment: empty at first, and it sees all that the platform has installed.

On SageMaker ``pip install`` in a script changes the job's container and nothing else. Here it changes this environment,
never the interpreter that the server and all other jobs use.
"""

import importlib
import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

HOME = ".python"
"""Its folder, below the job's home."""
_SITE_FOLDERS = ("site-packages", "dist-packages")
_PIP = '#!/bin/sh\nexec "$(dirname "$0")/python3" -m pip "$@"\n'


def make_python(home: Path, above: Sequence[str] = ()) -> Path:
    """Make an environment at `home` that sees the packages in `above`, and behind them ours; its interpreter."""
    programs, packages = home / "bin", packages_of(home)
    for folder in (programs, packages):
        folder.mkdir(parents=True, exist_ok=True)
    base = getattr(sys, "_base_executable", None) or sys.executable
    _write(home / "pyvenv.cfg", f"home = {os.path.dirname(base)}\ninclude-system-site-packages = false\n")
    for name in ("python", "python3"):
        if not os.path.lexists(programs / name):
            os.symlink(base, programs / name)
    for name in ("pip", "pip3"):
        _write(programs / name, _PIP)
        os.chmod(programs / name, 0o755)
    seen = [*above, *(path for path in sys.path if _has_packages(path) and path != str(packages))]
    lines = [f"import site; site.addsitedir({path!r})" for path in dict.fromkeys(seen)]
    _write(
        packages / "sagesse-parent.pth", "\n".join([*lines, str(Path(__file__).resolve().parents[2])]) + "\n"
    )
    return programs / "python3"


def packages_of(home: Path) -> Path:
    """Where the packages of the environment at `home` lie."""
    return Path(sysconfig.get_path("purelib", "venv", vars={"base": str(home), "platbase": str(home)}))


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
    importlib.invalidate_caches()


def _has_packages(path: str) -> bool:
    return os.path.basename(path) in _SITE_FOLDERS


def _write(path: Path, text: str) -> None:
    path.write_text(text)
