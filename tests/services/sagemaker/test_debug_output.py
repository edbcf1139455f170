"""TensorBoard and Debugger output: folders of the job that are in S3 while it runs."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import BUCKET, finished, log_lines, make_bucket, run_job, script_job, stored, until

PLACE = {"S3OutputPath": f"s3://{BUCKET}/boards/"}


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def test_tensorboard_files_are_in_s3_while_the_job_runs(server: Server) -> None:
    source = "open('/opt/ml/output/tensorboard/events', 'w').write('1')\nimport signal\nsignal.pause()\n"
    client = server.client("sagemaker")
    client.create_training_job(**script_job(server, "boards", source, TensorBoardOutputConfig=PLACE))
    until(lambda: stored(server, "boards/boards/tensorboard-output/") == ["events"])
    client.stop_training_job(TrainingJobName="boards")
    assert finished(server, "boards")["TensorBoardOutputConfig"] == PLACE


def test_the_hook_is_told_and_its_tensors_are_stored(server: Server) -> None:
    hook = {
        **PLACE,
        "LocalPath": "/opt/ml/tensors",
        "CollectionConfigurations": [{"CollectionName": "losses"}],
    }
    source = (
        "print(open('/opt/ml/input/config/debughookconfig.json').read().replace(chr(10), ''))\n"
        "open('/opt/ml/tensors/t', 'w').write('1')\n"
    )
    run_job(server, script_job(server, "hooked", source, DebugHookConfig=hook))
    assert json.loads(log_lines(server, "hooked")[0]) == hook
    assert stored(server, "boards/hooked/debug-output/") == ["t"]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"TensorBoardOutputConfig": {**PLACE, "LocalPath": "/opt/ml/input/x"}},
            "TensorBoardOutputConfig.LocalPath",
        ),
        ({"DebugHookConfig": {**PLACE, "LocalPath": "/opt/ml/../x"}}, "DebugHookConfig.LocalPath"),
        ({"DebugHookConfig": {"S3OutputPath": "https://s3/b"}}, "DebugHookConfig.S3OutputPath"),
        (
            {"ProfilerConfig": {**PLACE, "ProfilingParameters": {"a": "1"}}},
            "ProfilerConfig.ProfilingParameters",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(server: Server, members: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        server.client("sagemaker").create_training_job(**script_job(server, "refused", "", **members))
