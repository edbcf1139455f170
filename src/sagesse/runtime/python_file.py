"""A user's Python file, run in this very process as the interpreter would run it: ``python3 file.py arguments``."""

import errno
import os
import sys
import traceback
import types
from pathlib import Path

from sagesse.runtime.startup import _sagesse_torch

_CANNOT_OPEN = 2  # as the interpreter exits


def main(file: str, *arguments: str) -> int:
    """Run `file` as ``__main__``; its exit code."""
    path = Path(file)
    if not path.is_file():
        text = os.strerror(errno.ENOENT)
        print(f"python3: can't open file {file!r}: [Errno {errno.ENOENT}] {text}", file=sys.stderr)  # noqa: T201 - the job's log
        return _CANNOT_OPEN
    return run_python_file(path, arguments)[0]


def run_python_file(path: Path, arguments: tuple[str, ...]) -> tuple[int, str]:
    """Run a Python file as ``__main__`` of this process, with the modules beside it first on the path.

    Returns:
        Its exit code and, if it failed, why.
    """
    _sagesse_torch.install()
    main_module = types.ModuleType("__main__")
    main_module.__dict__.update(__file__=str(path.absolute()), __builtins__=__builtins__)
    sys.modules["__main__"] = main_module
    sys.argv = [str(path), *arguments]
    sys.path[0:0] = [str(path.absolute().parent)]
    try:
        code = compile(path.read_bytes(), str(path.absolute()), "exec")
        exec(code, main_module.__dict__)
    except SystemExit as stop:
        return _explain_exit(stop)
    except BaseException as error:
        _print_as_interpreter(error)
        return 1, "".join(traceback.format_exception_only(error)).strip()
    return 0, ""


def _explain_exit(stop: SystemExit) -> tuple[int, str]:
    if stop.code is None or isinstance(stop.code, int):
        return (stop.code or 0) & 0xFF, ""
    print(stop.code, file=sys.stderr)  # noqa: T201 - what the interpreter does with such a code
    return 1, str(stop.code)


def _print_as_interpreter(error: BaseException) -> None:
    """The traceback as the user knows it: without the frames of ours above it."""
    frames = error.__traceback__
    traceback.print_exception(type(error), error, frames.tb_next if frames else None)
