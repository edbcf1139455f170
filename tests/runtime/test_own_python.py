"""What a job installs is the job's alone; run as real jobs."""

import sys
import uuid
from pathlib import Path

from sagesse.engines.jobs.base import Command, Plan, PythonEntry, Run
from sagesse.engines.jobs.local import LocalJobs
from sagesse.runtime.own_python import PROGRAMS
from sagesse.testing.job_engine import finish, output
from tests.runtime.script_folder import place_script

_WHERE = "import sys, msgspec; print(sys.executable); "
_INSTALL = (  # what pip does, without pip
    "import subprocess, sysconfig; "
    "place = subprocess.check_output(['python3', '-c', 'import sysconfig; print(sysconfig.get_path(\"purelib\"))'], "
    "text=True).strip(); "
    "open(f'{place}/fresh.py', 'w').write('NAME = 1'); "
    "import fresh; print(fresh.__file__)"
)


def script(engine: LocalJobs, text: str) -> tuple[Run, Path]:
    run_id = f"own-{uuid.uuid4().hex}"
    folder = place_script(engine, run_id, text)
    run = finish(engine, Plan(run_id, PythonEntry("sagesse.runtime.script")))
    assert run.exit_code == 0, output(run)
    return run, folder / "home"


def command(engine: LocalJobs, *argv: str, **environment: str) -> list[str]:
    run = finish(engine, Plan(f"own-{uuid.uuid4().hex}", Command(argv), environment=environment))
    assert run.exit_code == 0, output(run)
    return output(run)


def test_a_script_installs_into_an_environment_of_its_own(engine: LocalJobs) -> None:
    run, home = script(engine, _WHERE + _INSTALL)
    python, fresh = output(run)
    assert Path(python).is_relative_to(home)
    assert Path(fresh).is_relative_to(home)


def test_the_next_job_does_not_see_it(engine: LocalJobs) -> None:
    script(engine, _INSTALL)
    run, _ = script(engine, "import importlib.util; print(importlib.util.find_spec('fresh'))")
    assert output(run) == ["None"]


def test_a_program_finds_the_jobs_python_and_what_the_platform_has(engine: LocalJobs) -> None:
    (line,) = command(engine, "python", "-c", _WHERE)
    assert "/home/.python/bin/" in line


def test_pip_of_a_job_is_that_of_its_python(engine: LocalJobs) -> None:
    (line,) = command(engine, "pip", "--version")
    assert line.startswith("pip ")


def test_the_platforms_own_interpreter_finds_what_the_job_installed(engine: LocalJobs) -> None:
    (line,) = command(
        engine,
        "sh",
        "-c",
        f"python -c \"$0\" >/dev/null && {sys.executable} -c 'import fresh; print(fresh.NAME)'",
        _INSTALL,
    )
    assert line == "1"


def test_an_environment_of_the_users_own_is_left_alone(engine: LocalJobs) -> None:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    run = finish(
        engine,
        Plan(
            f"own-{uuid.uuid4().hex}",
            Command(("python", "-c", _WHERE)),
            environment={"PATH": path},
            has_own_python=False,
        ),
    )
    assert output(run) == [str(Path(sys.executable).with_name("python"))]


def test_a_path_of_the_users_own_stays_first_and_the_jobs_python_before_the_machines(
    engine: LocalJobs, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\necho mine\n")
    (tmp_path / "mine").chmod(0o755)
    where = "mine; command -v python; command -v pip; echo $HOME"
    mine, python, pip, home = command(engine, "sh", "-c", where, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert mine == "mine"
    assert Path(python).is_relative_to(home)
    assert Path(pip) == Path(PROGRAMS) / "pip"
