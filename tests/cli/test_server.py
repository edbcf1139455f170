"""A real detached server, driven by the commands alone."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.cli.failure import Exit

from .run import answer, clean_environment, sagesse


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    where = tmp_path_factory.mktemp("cli")
    yield where
    sagesse("down", "--jobs", "--data-dir", where)


@pytest.fixture(scope="module")
def up(folder: Path) -> dict[str, Any]:
    return answer("up", "--detach", "--port", "0", "--data-dir", folder)


def run_client(folder: Path, code: str, *arguments: str) -> str:
    """Python with the environment that `eval "$(sagesse env)"` leaves."""
    lines = sagesse("env", "--data-dir", folder, "--shell", "sh", *arguments).stdout
    command = ["sh", "-c", f'{lines}\nexec "$0" -c "$1"', sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_up_tells_where_it_answers(up: dict[str, Any]) -> None:
    assert up["url"] == f"http://127.0.0.1:{up['port']}"
    assert os.path.exists(f"/proc/{up['pid']}")
    assert up["access_key_id"].startswith("AKIA")


def test_a_second_up_says_who_runs_and_where(folder: Path, up: dict[str, Any]) -> None:
    refused = sagesse("up", "--data-dir", folder)
    assert refused.returncode == Exit.RUNNING_ALREADY
    assert f"process id {up['pid']}" in refused.stderr
    assert up["url"] in refused.stderr


def test_a_second_detached_up_finds_the_first(folder: Path, up: dict[str, Any]) -> None:
    assert answer("up", "--detach", "--data-dir", folder) == up


def test_servers_started_at_the_same_moment_become_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagesse", "up", "--detach", "--json", "--port", "0"]
    starts = [
        subprocess.Popen(
            [*command, "--data-dir", str(tmp_path)], stdout=subprocess.PIPE, env=clean_environment()
        )
        for _ in range(3)
    ]
    told = {start.communicate(timeout=60)[0] for start in starts}
    assert [start.returncode for start in starts] == [Exit.DONE] * 3
    assert len(told) == 1
    assert answer("down", "--data-dir", tmp_path)["pid"] == json.loads(told.pop())["pid"]


def test_a_taken_port_is_refused_by_its_number(folder: Path, up: dict[str, Any], tmp_path: Path) -> None:
    for how in ((), ("--detach",)):
        refused = sagesse("up", *how, "--port", str(up["port"]), "--data-dir", tmp_path)
        assert refused.returncode == Exit.CANNOT_LISTEN
        assert f"port {up['port']}" in refused.stderr


def test_status_tells_health_and_usage(folder: Path, up: dict[str, Any]) -> None:
    run_client(folder, "import boto3; boto3.client('sts').get_caller_identity()")
    report = answer("status", "--data-dir", folder)
    assert report["running"] is True
    assert report["pid"] == up["pid"]
    assert (report["jobs"], report["endpoints"]) == ([], [])
    assert report["usage"]["sts:GetCallerIdentity"]["calls"] >= 1
    assert report["disk"]["used_bytes"] > 0


def test_status_reads_well_without_a_terminal(folder: Path, up: dict[str, Any]) -> None:
    said = sagesse("status", "--data-dir", folder).stdout
    assert said.startswith(f"Healthy at {up['url']} (process {up['pid']}")
    assert "\x1b" not in said


def test_clients_are_root_by_environment_alone(folder: Path, up: dict[str, Any]) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    assert run_client(folder, code) == "arn:aws:iam::123456789012:root"


def test_clients_act_as_a_role_when_asked(folder: Path, up: dict[str, Any]) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    arn = run_client(folder, code, "--role", "sagemaker")
    assert arn == "arn:aws:sts::123456789012:assumed-role/sagemaker/SageMaker"


def test_hosts_that_a_client_has_built_in_come_here_too(folder: Path, up: dict[str, Any]) -> None:
    code = (
        "import boto3; c = boto3.client('sts', endpoint_url='https://sts.us-east-1.amazonaws.com');"
        "print(c.get_caller_identity()['Account'])"
    )
    assert run_client(folder, code) == "123456789012"


def test_a_role_that_is_not_there_is_named(folder: Path, up: dict[str, Any]) -> None:
    refused = sagesse("env", "--role", "nobody", "--data-dir", folder)
    assert refused.returncode == Exit.FAILED
    assert "'nobody'" in refused.stderr
    assert refused.stdout == ""


def test_doctor_knows_its_own_server(folder: Path, up: dict[str, Any]) -> None:
    report = answer("doctor", "--port", str(up["port"]), "--data-dir", folder)
    port = next(finding for finding in report["findings"] if finding["name"] == "port")
    assert (port["state"], f"process {up['pid']}" in port["text"]) == ("ok", True)


def test_data_and_keys_stay_over_kill_and_down(folder: Path, up: dict[str, Any]) -> None:
    run_client(folder, "import boto3; boto3.client('s3').create_bucket(Bucket='kept')")
    os.kill(up["pid"], signal.SIGKILL)
    again = answer("up", "--detach", "--port", str(up["port"]), "--data-dir", folder)
    ended = answer("down", "--data-dir", folder)
    assert ended == {"pid": again["pid"], "killed": False, "jobs_ended": 0}
    assert sagesse("status", "--data-dir", folder).returncode == Exit.NOT_RUNNING
    third = answer("up", "--detach", "--port", str(up["port"]), "--data-dir", folder)
    assert third["access_key_id"] == up["access_key_id"]
    assert "kept" in run_client(folder, "import boto3; print(boto3.client('s3').list_buckets()['Buckets'])")


def test_a_foreground_server_ends_at_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagesse", "up", "--json", "--port", "0", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment()) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == Exit.DONE
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_down_with_jobs_ends_what_runs(tmp_path: Path) -> None:
    answer("up", "--detach", "--port", "0", "--data-dir", tmp_path)
    plan = (
        "import sys\nfrom pathlib import Path\n"
        "from sagesse.engines.jobs.base import Command, Plan\nfrom sagesse.engines.jobs.local import LocalJobs\n"
        "jobs = LocalJobs(Path(sys.argv[1]) / 'jobs')\n"
        "jobs.ensure(Plan(run_id='sleeper', entry=Command(argv=('sleep', '600'), cwd='/'), environment={}))\n"
    )
    subprocess.run([sys.executable, "-c", plan, str(tmp_path)], check=True)
    assert answer("down", "--data-dir", tmp_path)["jobs_ended"] == 0
    assert answer("down", "--jobs", "--data-dir", tmp_path)["jobs_ended"] == 1
    assert answer("down", "--jobs", "--data-dir", tmp_path)["jobs_ended"] == 0
