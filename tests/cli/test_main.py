"""Arguments, settings and failures of the command line."""

import json
from pathlib import Path

import pytest

from sagesse.cli.failure import Exit
from sagesse.cli.main import COMMANDS, main


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA_DIR", "PORT", "HOST", "REGION", "LOG_LEVEL"):
        monkeypatch.delenv(f"SAGESSE_{name}", raising=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "--data-dir" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["dance"], ["up", "--no-such"], ["env", "--shell", "cmd"]])
def test_bad_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == Exit.USAGE
    assert "usage:" in capsys.readouterr().err


def test_a_bad_setting_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAGESSE_PORT", "many")
    assert main(["status", "--data-dir", str(tmp_path)]) == Exit.USAGE
    assert "port" in capsys.readouterr().err


def test_an_unknown_log_level_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAGESSE_LOG_LEVEL", "LOUD")
    assert main(["up", "--data-dir", str(tmp_path)]) == Exit.USAGE
    assert "'LOUD' is not one of CRITICAL" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["status", "env"])
def test_without_a_server_the_command_says_how_to_start_one(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--data-dir", str(tmp_path)]) == Exit.NOT_RUNNING
    said = capsys.readouterr()
    assert said.out == ""
    assert "sagesse up --detach" in said.err


def test_a_failure_is_one_json_object_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["status", "--json", "--data-dir", str(tmp_path)])
    said = json.loads(capsys.readouterr().err)
    assert said["code"] == Exit.NOT_RUNNING
    assert str(tmp_path) in said["error"]


def test_down_without_a_server_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--json", "--data-dir", str(tmp_path)]) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == {"pid": None, "killed": False, "jobs_ended": 0}


def test_markup_in_a_message_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", "--data-dir", str(tmp_path / "[bold]x")])
    assert "[bold]x" in capsys.readouterr().err


def test_a_data_directory_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--data-dir", "/proc/none"]) == Exit.FAILED
    assert "/proc/none" in capsys.readouterr().err
    assert main(["up", "--detach", "--data-dir", "/proc/none"]) == Exit.FAILED
    assert "/proc/none" in capsys.readouterr().err


def test_the_demo_refuses_too_few_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--photos", "3", "--data-dir", str(tmp_path)]) == Exit.USAGE
    assert "at least 20" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
