"""Script mode: run a user's own program the way the SageMaker framework images do.

`main` is called in a job. A ``.py`` file with nothing to install runs right here, in the fork of the zygote,
as ``__main__``; everything else runs as a program of its own.
"""

import os
import shlex
import shutil
import signal
import sys
import tarfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sagesse.runtime.archive import unpack
from sagesse.runtime.contract import (
    SOURCE_ARCHIVE,
    base_folder,
    has_failure,
    lay_out,
    write_failure,
    write_success,
)
from sagesse.runtime.distribution import DistributionError, World, command, launcher
from sagesse.runtime.own_python import current_python, make_python, packages_of
from sagesse.runtime.program import run_program
from sagesse.runtime.python_file import run_python_file
from sagesse.runtime.rank import run_forked
from sagesse.runtime.requirement import RequirementError, install_package, install_requirements
from sagesse.runtime.script_setting import ScriptSetting, read_setting, stand_ins, to_arguments, to_variables

_KILLED = 128 + signal.SIGKILL


class SettingError(Exception):
    """The job's setting cannot be run; the text says what to change."""


class Program(NamedTuple):
    """What to run: `argv`, and the Python file when this very interpreter may run it: once, or once a rank."""

    argv: list[str]
    python_file: Path | None = None
    world: World | None = None


def main() -> int:
    """Run the user's program; its exit code is ours, and a failure is explained in ``output/failure``."""
    base = base_folder()
    lay_out(base)
    try:
        setting = read_setting(base)
        place_source(setting)
        os.environ.update(to_variables(setting))
        sys.path[0:0] = [str(setting.code)]  # as PYTHONPATH has it, wherever the entry point lies in it
        sys.path.extend(stand_ins())
        os.chdir(setting.code)
        program = choose_program(setting)
    except (SettingError, DistributionError, RequirementError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the job's log
        write_failure(base, f"{type(error).__name__}: {error}")
        return 1
    code, message = _run(program)
    if code == 0:
        write_success(base)
    elif not has_failure(base):  # the script's own words stay
        write_failure(base, user_script_failure(code, message, program.argv))
    return code


def _run(program: Program) -> tuple[int, str]:
    """Run the program; its exit code and, if it failed, why."""
    file = program.python_file
    if file is None:
        signal.signal(signal.SIGTERM, _leave_it_to_the_program)  # the whole group gets it, and we report
        return run_program(program.argv)
    run = partial(run_python_file, file, tuple(program.argv[2:]))
    return run_forked(program.world, lambda: run()[0]) if program.world else run()


def user_script_failure(exit_code: int, message: str, argv: list[str]) -> str:
    """The failure text of a user's program in the toolkit's words."""
    killed = 'ExtraInfo "OutOfMemory: Process killed by SIGKILL (signal 9)"\n' if exit_code == _KILLED else ""
    said = f'ErrorMessage "{message}"\n{killed}Command "{" ".join(argv)}"'
    return f"ExecuteUserScriptError:\nExitCode {exit_code}\n{said}"


def place_source(setting: ScriptSetting) -> None:
    """Bring the user's code to ``/opt/ml/code`` unless something is there already.

    Raises:
        SettingError: there is no code to be found, or its archive is unsafe or broken.
    """
    setting.code.mkdir(parents=True, exist_ok=True)
    if any(setting.code.iterdir()):
        return
    channel = setting.base / "input/data/code"
    for source in (
        setting.base / SOURCE_ARCHIVE,
        Path(setting.submit_directory),
        channel / "sourcedir.tar.gz",
    ):
        if source.is_file():
            _unpack(source, setting.code)
            return
    for folder in (Path(setting.submit_directory), channel):
        if folder.is_dir() and folder != setting.code:
            shutil.copytree(folder, setting.code, dirs_exist_ok=True)
            return
    raise SettingError(f"the source code {setting.submit_directory} of the job was not found")


def _unpack(archive: Path, folder: Path) -> None:
    try:
        unpack(archive, folder)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SettingError(f"the source archive {archive.name} cannot be unpacked: {error}") from error


def choose_program(setting: ScriptSetting) -> Program:
    """How to run the user's entry point, by its name and what lies beside it; installs what it needs.

    Raises:
        SettingError: no entry point.
        DistributionError: a way to distribute that is not supported.
        RequirementError: pip failed.
    """
    entry, code, arguments = setting.entry_point, setting.code, to_arguments(setting.hyperparameters)
    if not entry:
        raise SettingError(
            "no entry point: give the hyperparameter sagemaker_program or the variable SAGEMAKER_PROGRAM"
        )
    if (code / "setup.py").exists() and not entry.endswith(".sh"):
        python = install_package(code, setting.base)
        return _started(setting, python, [python, "-m", setting.module_name, *arguments])
    if not (code / entry).is_file():
        raise SettingError(f"the entry point {entry} is not in the source code of the job")
    if not entry.endswith(".py"):
        (code / entry).chmod(0o777)
        shell = ["/bin/sh", "-c", f"exec {shlex.join([f'./{entry}', *arguments])}"]
        return _started(setting, sys.executable, shell)
    python, here = _python(code)
    launch = launcher(setting, python)
    if here and (launch is None or isinstance(launch, World)):
        return Program([python, entry, *arguments], Path(entry), launch)
    return Program(command(launch, python, [python, entry, *arguments]))


def _started(setting: ScriptSetting, python: str, program: list[str]) -> Program:
    """A package or command, once or for each rank."""
    return Program(command(launcher(setting, python, is_python_file=False), python, program))


def _python(code: Path) -> tuple[str, bool]:
    """The interpreter with the user's requirements, and whether that is this one."""
    requirements = code / "requirements.txt"
    if not requirements.exists() or not requirements.read_text().strip():
        return sys.executable, True
    python, own = install_requirements(requirements), current_python()
    if own is None:
        return python, False
    # Other jobs share them, so what the script installs on top goes elsewhere.
    shared = packages_of(Path(python).parent.parent)
    return str(make_python(own, above=(str(shared),))), False


def _leave_it_to_the_program(_number: int, _frame: object) -> None:
    pass
