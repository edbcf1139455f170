"""`sagesse events` about a real server."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Never
from time import monotonic
from typing import Any

import pytest

from sagesse.cli.events import _until_interrupted, line
from sagesse.cli.failure import Exit
from sagesse.testing.server import Server

from .run import answer, clean_environment, sagesse

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
DEADLINE_S = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server that told of an object and of a model, to EventBridge and to a queue."""
    with Server(tmp_path_factory.mktemp("events")) as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket="told")
        configuration = {
            "EventBridgeConfiguration": {},
            "QueueConfigurations": [{"QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"]}],
        }
        s3.put_bucket_notification_configuration(Bucket="told", NotificationConfiguration=configuration)
        s3.put_object(Bucket="told", Key="a/k", Body=b"1")
        sagemaker.create_model(
            ModelName="m",
            PrimaryContainer={"Image": "sagemaker-xgboost:1"},
            ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
        )
        end = monotonic() + DEADLINE_S
        while len(server.events()) < 3:
            assert monotonic() < end
            Never().wait(0.02)
        yield server.data_dir


def test_a_line_tells_when_who_what_and_where(folder: Path) -> None:
    lines = sagesse("events", "--data-dir", folder).stdout.splitlines()
    said = {tuple(text.split("  ")[1:]) for text in lines}
    assert said == {
        ("aws.s3", f"for {QUEUE}", "ObjectCreated:Put a/k"),
        ("aws.s3", "Object Created", "told/a/k"),
        ("aws.sagemaker", "SageMaker Model State Change", "model/m"),
    }


def test_programs_get_the_events_and_where_to_go_on(folder: Path) -> None:
    page = answer("events", "--data-dir", folder, "--source", "aws.sagemaker")
    (entry,) = page["events"]
    assert entry["event"]["detail"]["ModelName"] == "m"
    assert page["last"] == entry["sequence"]
    assert answer("events", "--data-dir", folder, "--after", str(entry["sequence"]))["last"] >= page["last"]


def test_a_bad_limit_is_refused_by_name(folder: Path) -> None:
    refused = sagesse("events", "--data-dir", folder, "--limit", "0")
    assert refused.returncode == Exit.USAGE
    assert "limit '0' is not a number from 1 to 1000" in refused.stderr


def test_a_follower_is_told_line_by_line(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sagesse",
        "events",
        "--follow",
        "--json",
        "--after",
        "0",
        "--limit",
        "1",
    ]
    follower = subprocess.Popen(
        [*command, "--data-dir", str(folder)], stdout=subprocess.PIPE, env=clean_environment()
    )
    assert follower.stdout is not None
    with follower.stdout:
        entries = [json.loads(follower.stdout.readline()) for _ in range(3)]
        follower.send_signal(signal.SIGINT)
        assert follower.wait(timeout=DEADLINE_S) == Exit.INTERRUPTED
    assert [entry["sequence"] for entry in entries] == sorted(entry["sequence"] for entry in entries)


def shown(detail: dict[str, Any], *resources: str) -> str:
    event = {"time": "t", "source": "s", "detail-type": "d", "resources": resources, "detail": detail}
    return line({"sequence": 1, "event": event})


def test_states_and_reasons_are_told() -> None:
    detail = {"TrainingJobStatus": "Failed", "SecondaryStatus": "Failed", "FailureReason": "no"}
    assert shown(detail, "arn:aws:sagemaker:r:a:training-job/x") == "t  s  d  training-job/x  Failed: no"
    detail = {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Training"}
    assert (
        shown(detail, "arn:aws:sagemaker:r:a:training-job/x")
        == "t  s  d  training-job/x  InProgress/Training"
    )


def test_keys_cannot_steer_the_terminal() -> None:
    assert shown({"object": {"key": "\x1b[2Jü[bold]\n"}}, "arn:aws:s3:::b") == "t  s  d  b/\\x1b[2Jü[bold]\\n"


def test_an_interruption_that_meets_a_destructor_is_not_lost() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        goes_on = _until_interrupted()
        assert goes_on()

        class Dying:
            def __del__(self) -> None:
                with contextlib.suppress(KeyboardInterrupt):  # as the interpreter does for a destructor
                    signal.raise_signal(signal.SIGINT)

        Dying()
        with pytest.raises(KeyboardInterrupt):
            goes_on()
    finally:
        signal.signal(signal.SIGINT, before)
