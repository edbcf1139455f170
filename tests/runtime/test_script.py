"""Script mode, run as real jobs."""

import io
import json
import tarfile
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from sagesse.engines.jobs.base import Plan, PythonEntry, Run
from sagesse.engines.jobs.local import LocalJobs
from sagesse.runtime import contract
from sagesse.runtime.script import user_script_failure
from sagesse.testing.job_engine import ENDLESS, finish, output, wait_for_line

_SETUP = "from setuptools import setup\nsetup(name='mine', version='1', packages=['mine'])\n"


class _Script:
    """One script-mode job in the making."""

    def __init__(
        self, engine: LocalJobs, files: Mapping[str, str], program: str, **hyperparameters: object
    ) -> None:
        self._engine = engine
        self.run_id = f"script-{uuid.uuid4().hex}"
        self.base = engine.folder(self.run_id) / "ml"
        given = {"sagemaker_program": program, **hyperparameters}
        contract.write_training_input(
            self.base,
            hyperparameters={name: json.dumps(value) for name, value in given.items() if value is not None},
            resource=contract.resource_config(instance_type="ml.m5.large"),
            channels={},
        )
        for name, text in files.items():
            (self.base / "code" / name).parent.mkdir(exist_ok=True)
            (self.base / "code" / name).write_text(text)

    def plan(self) -> Plan:
        return Plan(
            self.run_id, PythonEntry("sagesse.runtime.script"), environment={"SAGESSE_CACHE": str(self.base)}
        )

    def run(self) -> Run:
        return finish(self._engine, self.plan())

    def failure(self) -> str:
        return contract.read_failure(self.base) or ""


def test_a_python_script_is_main_and_gets_its_arguments(engine: LocalJobs) -> None:
    text = "import os, sys\nprint(__name__, __file__, sys.argv, os.getcwd(), sys.path[0])"
    script = _Script(engine, {"train.py": text}, "train.py", epochs=3, k="x")
    run = script.run()
    assert output(run) == [
        "__main__ /opt/ml/code/train.py ['train.py', '--epochs', '3', '-k', 'x'] /opt/ml/code /opt/ml/code"
    ]
    assert (script.base / "output/success").exists()


def test_a_script_imports_its_neighbours_and_pickles_its_own_classes(engine: LocalJobs) -> None:
    text = "import pickle, helper\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__name__, helper.NAME)"
    assert output(_Script(engine, {"t.py": text, "helper.py": "NAME = 'h'"}, "t.py").run()) == ["A h"]


def test_a_script_in_a_folder_imports_what_lies_beside_it_and_above(engine: LocalJobs) -> None:
    files = {
        "src/t.py": "import helper, top, os\nprint(helper.A, top.B, os.getcwd())",
        "src/helper.py": "A = 1",
        "top.py": "B = 2",
    }
    assert output(_Script(engine, files, "src/t.py").run()) == ["1 2 /opt/ml/code"]


def test_what_a_script_says_of_its_failure_stays(engine: LocalJobs) -> None:
    text = "import sys\nopen('/opt/ml/output/failure', 'w').write('no such column')\nsys.exit(3)"
    script = _Script(engine, {"t.py": text}, "t.py")
    assert script.run().exit_code == 3
    assert script.failure() == "no such column"


def test_worker_processes_of_a_script_work(engine: LocalJobs) -> None:
    text = (
        "import multiprocessing as mp\n"
        "def double(x): return 2 * x\n"
        "if __name__ == '__main__':\n"
        "    with mp.get_context('spawn').Pool(1) as pool: print(pool.map(double, [1, 2]))\n"
    )
    assert output(_Script(engine, {"train.py": text}, "train.py").run()) == ["[2, 4]"]


def test_an_exception_is_a_failure_in_the_toolkits_words(engine: LocalJobs) -> None:
    script = _Script(engine, {"train.py": "def f():\n    raise ValueError('bad lr')\nf()"}, "train.py", lr=-1)
    run = script.run()
    assert run.exit_code == 1
    lines = script.failure().splitlines()
    assert lines[:3] == ["ExecuteUserScriptError:", "ExitCode 1", 'ErrorMessage "ValueError: bad lr"']
    assert lines[3].endswith('train.py --lr -1"')
    assert output(run)[0] == "Traceback (most recent call last):"
    assert "script.py" not in "".join(output(run))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import sys; sys.exit(7)", 7),
        ("exit()", 0),
        ("raise SystemExit('no')", 1),
        ("import os; os._exit(9)", 9),
    ],
)
def test_the_exit_code_is_the_scripts(engine: LocalJobs, text: str, code: int) -> None:
    script = _Script(engine, {"train.py": text}, "train.py")
    assert script.run().exit_code == code


def test_a_syntax_error_is_told(engine: LocalJobs) -> None:
    script = _Script(engine, {"train.py": "def"}, "train.py")
    assert script.run().exit_code == 1
    assert "SyntaxError" in script.failure()


def test_a_shell_script_runs_with_arguments_and_its_error_is_the_failure(engine: LocalJobs) -> None:
    script = _Script(engine, {"train.sh": 'echo "$@"; echo broken >&2; exit 4'}, "train.sh", note="two words")
    run = script.run()
    assert run.exit_code == 4
    assert "--note two words" in output(run)
    assert 'ExitCode 4\nErrorMessage "broken"' in script.failure()


def test_any_other_file_runs_as_a_command(engine: LocalJobs) -> None:
    script = _Script(engine, {"go": "#!/bin/sh\necho $SM_HP_EPOCHS"}, "go", epochs=2)
    assert output(script.run()) == ["2"]


def test_a_shell_script_hears_stop_and_decides(engine: LocalJobs) -> None:
    text = f"trap 'exit 5' TERM; echo up; {ENDLESS}"
    script = _Script(engine, {"train.sh": text}, "train.sh")
    wait_for_line(engine.ensure(script.plan()), "up")
    engine.stop(script.run_id)
    assert engine.wait(script.run_id, 30).exit_code == 5


def test_processes_of_a_script_share_by_sockets(engine: LocalJobs) -> None:
    source = (
        "import multiprocessing as mp, tempfile\n"
        "def square(x): return x * x\n"
        "if __name__ == '__main__':\n"
        "    with mp.get_context('forkserver').Pool(1) as pool: print(pool.map(square, [2, 3]))\n"
        "    print(tempfile.gettempdir())\n"
    )
    run = _Script(engine, {"train.py": source}, "train.py").run()
    assert output(run) == ["[4, 9]", "/opt/tmp"]


def test_a_source_archive_is_unpacked(engine: LocalJobs) -> None:
    script = _Script(engine, {}, "train.py")
    _write_archive(script.base / contract.SOURCE_ARCHIVE, "train.py", b"print('from the archive')")
    assert output(script.run()) == ["from the archive"]


def test_an_archive_that_reaches_outside_is_refused(engine: LocalJobs) -> None:
    script = _Script(engine, {}, "train.py")
    _write_archive(script.base / contract.SOURCE_ARCHIVE, "../../escaped", b"x")
    assert script.run().exit_code == 1
    assert "SettingError: the source archive" in script.failure()
    assert not (script.base / "escaped").exists()


def test_code_may_come_as_a_channel(engine: LocalJobs) -> None:
    script = _Script(engine, {}, "train.py", sagemaker_submit_directory="/opt/ml/input/data/code")
    (script.base / "input/data/code").mkdir()
    (script.base / "input/data/code/train.py").write_text("print('from the channel')")
    assert output(script.run()) == ["from the channel"]


@pytest.mark.parametrize(
    ("files", "hyperparameters", "told"),
    [
        ({}, {}, "was not found"),
        ({"other.py": ""}, {}, "the entry point train.py is not in the source code"),
        ({"train.py": ""}, {"sagemaker_program": None}, "sagemaker_program"),
    ],
)
def test_a_setting_that_cannot_run_is_refused_with_the_reason(
    engine: LocalJobs, files: dict[str, str], hyperparameters: dict[str, object], told: str
) -> None:
    script = (
        _Script(engine, files, "train.py", **hyperparameters)
        if "sagemaker_program" not in hyperparameters
        else (
            _Script(engine, files, None, **{})  # type: ignore[arg-type]
        )
    )
    assert script.run().exit_code == 1
    assert told in script.failure()


def test_requirements_that_cannot_be_installed_are_a_failure(engine: LocalJobs) -> None:
    files = {"train.py": "print('ran')", "requirements.txt": "./no-such-package"}
    script = _Script(engine, files, "train.py")
    run = script.run()
    assert run.exit_code == 1
    assert script.failure().startswith("RequirementError: pip could not install requirements.txt")
    assert "no-such-package" in script.failure()  # in the words of pip
    assert "ran" not in output(run)


@pytest.mark.slow
def test_requirements_are_installed_once_and_seen_by_the_script(engine: LocalJobs) -> None:
    script = _Script(engine, {"train.py": "import sagesse, small; print(small.NAME)"}, "train.py")
    wheel = script.base / "code/small-1.0-py3-none-any.whl"
    _write_wheel(wheel)
    (script.base / "code/requirements.txt").write_text("--no-index\n./small-1.0-py3-none-any.whl\n")
    run = script.run()
    assert (run.exit_code, output(run)[-1]) == (0, "from a wheel")


@pytest.mark.slow  # pip builds and installs it
def test_a_package_is_installed_and_run_as_a_module(engine: LocalJobs) -> None:
    pytest.importorskip("setuptools")
    script = _Script(engine, {"setup.py": _SETUP}, "mine.train", epochs=2)
    (script.base / "code/mine").mkdir()
    (script.base / "code/mine/__init__.py").touch()
    (script.base / "code/mine/train.py").write_text("import sys; print(__name__, sys.argv[1:])")
    run = script.run()
    assert (run.exit_code, output(run)[-1]) == (0, "__main__ ['--epochs', '2']")


def test_the_failure_text_is_the_toolkits() -> None:
    assert user_script_failure(2, "why", ["python", "a.py"]) == (
        'ExecuteUserScriptError:\nExitCode 2\nErrorMessage "why"\nCommand "python a.py"'
    )


def _write_archive(path: Path, name: str, content: bytes) -> None:
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


def _write_wheel(path: Path) -> None:
    import zipfile  # noqa: PLC0415 - one slow test needs it

    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("small.py", "NAME = 'from a wheel'\n")
        meta = "small-1.0.dist-info"
        wheel.writestr(f"{meta}/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n")
        wheel.writestr(f"{meta}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{meta}/RECORD", "")


def test_a_killed_script_says_what_that_means() -> None:
    text = user_script_failure(137, "", ["/bin/sh", "-c", "exec ./t.sh"])
    assert text.splitlines()[3] == 'ExtraInfo "OutOfMemory: Process killed by SIGKILL (signal 9)"'
