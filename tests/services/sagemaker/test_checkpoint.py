"""CheckpointConfig: what S3 holds is there before a job starts; what the job leaves is in S3, also while it runs."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import (
    BUCKET,
    XGBOOST,
    channel,
    finished,
    log_lines,
    make_bucket,
    run_job,
    script_job,
    stored,
    until,
)


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def checkpointed(server: Server, name: str, source: str, **config: str) -> dict[str, Any]:
    """A script job that keeps its checkpoints below ``ckpt/<name>``."""
    return script_job(
        server, name, source, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/ckpt/{name}", **config}
    )


def put(server: Server, key: str, body: bytes) -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def test_earlier_checkpoints_are_there_before_the_job_starts(server: Server) -> None:
    put(server, "ckpt/restored/deep/step.txt", b"seven")
    run_job(
        server,
        checkpointed(server, "restored", "print(open('/opt/ml/checkpoints/deep/step.txt').read())"),
    )
    assert log_lines(server, "restored") == ["seven"]


def test_only_the_prefix_as_a_folder_is_restored(server: Server) -> None:
    put(server, "ckpt/mine-not/step.txt", b"1")
    run_job(
        server,
        checkpointed(server, "mine", "import os\nprint(os.listdir('/opt/ml/checkpoints'))"),
    )
    assert log_lines(server, "mine") == ["[]"]


def test_checkpoints_are_stored_while_the_job_runs(server: Server) -> None:
    source = "open('/opt/ml/checkpoints/a', 'w').write('1')\nimport signal\nsignal.pause()"
    server.client("sagemaker").create_training_job(**checkpointed(server, "live", source))
    until(lambda: stored(server, "ckpt/live/") == ["a"])
    server.client("sagemaker").stop_training_job(TrainingJobName="live")
    finished(server, "live")


def test_what_changed_is_stored_at_the_end_and_what_was_deleted_is_gone(server: Server) -> None:
    put(server, "ckpt/changes/old", b"1")
    put(server, "ckpt/changes/kept", b"1")
    source = (
        "import os\nos.remove('/opt/ml/checkpoints/old')\nopen('/opt/ml/checkpoints/new', 'w').write('2')"
    )
    assert run_job(server, checkpointed(server, "changes", source))["TrainingJobStatus"] == "Completed"
    assert stored(server, "ckpt/changes/") == ["kept", "new"]


def test_a_failed_job_keeps_its_checkpoints(server: Server) -> None:
    source = "open('/opt/ml/checkpoints/a', 'w').write('1')\nraise SystemExit(1)"
    assert run_job(server, checkpointed(server, "fails", source))["TrainingJobStatus"] == "Failed"
    assert stored(server, "ckpt/fails/") == ["a"]


def test_checkpoints_may_lie_elsewhere_below_opt(server: Server) -> None:
    source = "open('/opt/kept/a', 'w').write('1')"
    facts = run_job(server, checkpointed(server, "elsewhere", source, LocalPath="/opt/kept"))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert stored(server, "ckpt/elsewhere/") == ["a"]


def test_links_are_not_followed(server: Server) -> None:
    source = (
        "import os\n"
        "os.symlink('/etc/hostname', '/opt/ml/checkpoints/file')\n"
        "os.symlink('/etc', '/opt/ml/checkpoints/folder')\n"
        "os.mkfifo('/opt/ml/checkpoints/pipe')\n"
        "open('/opt/ml/checkpoints/plain', 'w').write('1')\n"
    )
    run_job(server, checkpointed(server, "links", source))
    assert stored(server, "ckpt/links/") == ["plain"]


def test_a_folder_that_became_a_link_stores_nothing(server: Server) -> None:
    source = "import os\nos.rmdir('/opt/ml/checkpoints')\nos.symlink('/etc', '/opt/ml/checkpoints')"
    run_job(server, checkpointed(server, "swapped", source))
    assert stored(server, "ckpt/swapped/") == []


def test_a_place_that_is_not_there_fails_the_job(server: Server) -> None:
    request = script_job(server, "no-place", "", CheckpointConfig={"S3Uri": "s3://not-there/x"})
    facts = run_job(server, request)
    assert facts["FailureReason"].startswith("ClientError: Checkpoint download failed: NoSuchBucket")


@pytest.mark.parametrize("path", ["/tmp/kept", "/opt/ml", "/opt/../etc", "kept"])
def test_other_local_paths_are_refused(server: Server, path: str) -> None:
    with pytest.raises(ClientError, match=r"Sagesse does not support CheckpointConfig\.LocalPath"):
        server.client("sagemaker").create_training_job(**checkpointed(server, "refused", "", LocalPath=path))


def test_an_algorithm_goes_on_from_the_checkpoint_of_an_earlier_job(server: Server) -> None:
    rows = "\n".join(f"{x % 2},{x}" for x in range(40))
    put(server, "table/rows.csv", rows.encode())

    def job(name: str, rounds: int) -> dict[str, Any]:
        return {
            **script_job(server, name, ""),
            "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
            "InputDataConfig": [channel("train", f"s3://{BUCKET}/table/")],
            "HyperParameters": {"num_round": str(rounds)},
            "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/ckpt/xgboost"},
        }

    run_job(server, job("first-half", 3))
    run_job(server, job("second-half", 5))
    assert not [line for line in log_lines(server, "second-half") if line.startswith("[0]")]
    assert [line for line in log_lines(server, "second-half") if line.startswith("[4]")]
