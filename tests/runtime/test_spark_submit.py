"""The command line of smspark-submit, and what it does before there is an engine."""

import json
import zipfile
from pathlib import Path

import pytest

from sagesse.runtime.spark_file import place_files, place_modules
from sagesse.runtime.spark_setting import SubmitError
from sagesse.runtime.spark_submit import main, read_submission


@pytest.fixture
def app(tmp_path: Path) -> str:
    path = tmp_path / "app.py"
    path.write_text("raise SystemExit(9)")
    return str(path)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ``/opt/ml`` of a job on its second host."""
    folder = tmp_path / "ml"
    (folder / "config").mkdir(parents=True)
    hosts = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}
    (folder / "config/resourceconfig.json").write_text(json.dumps(hosts))
    (folder / "config/processingjobconfig.json").write_text("{}")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(folder))
    return folder


def test_arguments_after_the_script_are_its_own(app: str) -> None:
    submission = read_submission(("--files", "/a,/b", f"file://{app}", "--files", "-v", "--", "x"))
    assert (submission.app, submission.files) == (app, "/a,/b")
    assert submission.arguments == ("--files", "-v", "--", "x")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--jars", "/x.jar", "APP"), "--jars '/x.jar' is not supported"),
        (("--class", "com.Main", "/x.jar"), "--class 'com.Main' is not supported"),
        (("/x.jar",), "'/x.jar' is not supported"),
        (("--packages", "a:b:1", "APP"), "no such option: --packages"),
        (("--conf", "spark.a=b", "APP"), "no such option: --conf"),
        (("/none.py",), "there is no script '/none.py'"),
        ((), "app"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(app: str, arguments: tuple[str, ...], named: str) -> None:
    with pytest.raises(SubmitError) as refusal:
        read_submission(tuple(app if argument == "APP" else argument for argument in arguments))
    assert named in str(refusal.value)


def test_a_refusal_is_the_reason_of_the_job_s_failure(base: Path) -> None:
    assert main("/x.jar") == 2
    assert (base / "output/failure").read_text().startswith("ClientError: smspark-submit: '/x.jar' is not")


def test_only_the_first_host_runs_the_script(
    base: Path, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(app) == 0
    assert "this host has nothing to do" in capsys.readouterr().err


def test_input_that_is_dealt_among_the_hosts_is_refused(base: Path, app: str) -> None:
    source = {"InputName": "rows", "S3Input": {"S3DataDistributionType": "ShardedByS3Key"}}
    config = base / "config/processingjobconfig.json"
    config.write_text(json.dumps({"ProcessingInputs": [source]}))
    assert main(app) == 2
    assert "the input 'rows' is ShardedByS3Key" in (base / "output/failure").read_text()


def test_modules_come_from_files_archives_and_folders(tmp_path: Path) -> None:
    given = tmp_path / "given"
    (given / "deep").mkdir(parents=True)
    (given / "one.py").touch()
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("two.py", "")
    places = place_modules(f"{given},{tmp_path / 'more.zip'}", tmp_path / "to")
    assert places == [str(tmp_path / "to"), str(tmp_path / "to/more.zip")]
    assert (tmp_path / "to/one.py").exists()


def test_a_module_that_cannot_be_imported_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").touch()
    with pytest.raises(SubmitError, match=r"x\.txt is not allowed"):
        place_modules(str(tmp_path / "x.txt"), tmp_path / "to")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubmitError, match="neither a file nor a folder"):
        place_files(str(tmp_path / "none"), tmp_path / "to")
