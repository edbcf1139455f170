"""Arguments, settings and failures of the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.markup import render

from sagesse import __version__
from sagesse.cli.failure import Exit
from sagesse.cli.greeting import greeting
from sagesse.cli.instance import Facts, env_command
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


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"sagesse {__version__}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "99999"),
        ("port", "-1"),
        ("host", ""),
        ("region", "EU central"),
        ("job_cores", "-2"),
        ("channel_cache_bytes", "-1"),
        ("spot_interruptions_per_hour", "nan"),
        ("quotas", '{"a": -1}'),
        ("account", "１２３４５６７８９０１２"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_and_leaves_nothing_behind(
    name: str,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"SAGESSE_{name.upper()}", value)
    assert main(["up", "--data-dir", str(tmp_path / "data")]) == Exit.USAGE
    assert name in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("content", [b"\xff{}", b"[]", b""])
def test_a_settings_file_that_is_none_is_named(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.json").write_bytes(content)
    assert main(["status", "--data-dir", str(tmp_path)]) == Exit.USAGE
    assert "settings.json is not a JSON object" in capsys.readouterr().err.replace("\n", " ")


def test_a_settings_file_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.json").mkdir()
    assert main(["status", "--data-dir", str(tmp_path)]) == Exit.USAGE
    assert "settings.json cannot be read" in capsys.readouterr().err.replace("\n", " ")


def test_without_a_home_the_data_directory_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    assert main(["status"]) == Exit.USAGE
    assert "--data-dir" in capsys.readouterr().err


def test_the_environment_of_another_data_directory_is_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGESSE_DATA_DIR", str(tmp_path))
    assert env_command(str(tmp_path)) == 'eval "$(sagesse env)"'
    assert env_command("/my data") == """eval "$(sagesse env --data-dir '/my data')\""""


def test_an_empty_data_directory_is_not_the_current_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--data-dir", ""]) == Exit.USAGE
    assert "data_dir" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "[fe80::1]"])
def test_an_open_server_is_warned_of(host: str) -> None:
    facts = Facts(
        url=f"http://{host}:1",
        port=1,
        pid=2,
        access_key_id="",
        secret_access_key="",
        region="us-east-1",
        account="123456789012",
        data_dir="/data",
        ephemeral=True,
        started=0,
        certificate="",
        bundle="",
    )
    *_, warning = greeting(facts, "Sagesse answers", host=host)
    shown = render(warning).plain
    assert f"It listens on {host}" in shown
    assert "takes any access key" in shown


def test_words_outside_the_encoding_of_the_terminal_fail_nothing(tmp_path: Path) -> None:
    data = tmp_path / "dätä [bold]"
    done = subprocess.run(
        [sys.executable, "-m", "sagesse", "status", "--data-dir", str(data)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.NOT_RUNNING
    assert r"d\xe4t\xe4 [bold]" in done.stderr


def test_an_interrupt_while_it_is_imported_is_quiet(tmp_path: Path) -> None:
    interrupt = "signal.signal(signal.SIGINT, signal.default_int_handler); signal.raise_signal(signal.SIGINT)"
    (tmp_path / "argparse.py").write_text(f"import signal; {interrupt}")  # also where a shell has it ignored
    done = subprocess.run(
        [sys.executable, "-m", "sagesse", "status"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (Exit.INTERRUPTED, "")


def test_a_full_disk_behind_the_output_is_told(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sagesse", "down", "--json", "--data-dir", str(tmp_path)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == Exit.FAILED
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


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
