"""Intermediate output: in S3 while the job runs, and it stays there."""

import pytest

from sagesse.testing.server import Server

from .flow import BUCKET, finished, make_bucket, run_job, script_job, stored, until


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def test_it_is_stored_while_the_job_runs_and_stays_when_the_job_removes_it(server: Server) -> None:
    source = (
        "import os, signal, sys\n"
        "file = os.path.join(os.environ['SM_OUTPUT_INTERMEDIATE_DIR'], 'frame')\n"
        "open(file, 'w').write('1')\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(os.remove(file)))\n"
        "signal.pause()\n"
    )
    request = script_job(server, "frames", source)
    request["HyperParameters"]["sagemaker_s3_output"] = f'"s3://{BUCKET}/films"'
    server.client("sagemaker").create_training_job(**request)
    until(lambda: stored(server, "films/frames/output/intermediate/") == ["frame"])
    server.client("sagemaker").stop_training_job(TrainingJobName="frames")
    finished(server, "frames")
    assert stored(server, "films/frames/output/intermediate/") == ["frame"]


def test_a_place_that_is_none_fails_the_job(server: Server) -> None:
    request = script_job(server, "nowhere", "")
    request["HyperParameters"]["sagemaker_s3_output"] = "/tmp/films"
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Failed"
    assert "sagemaker_s3_output: '/tmp/films' is no S3 URI" in facts["FailureReason"]
