"""boto3 and the AWS CLI, unmodified. Some seconds: each command of the CLI is an interpreter that starts."""

import os
import urllib.request
from pathlib import Path

import pytest

from .client import Client

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def trained(client: Client) -> dict[str, object]:
    """What a program with boto3 saw of the job that it ran."""
    return client.flow("boto3_training")


def test_boto3_trains_and_reads_log_and_metric(trained: dict[str, object]) -> None:
    assert (trained["status"], trained["metrics"]) == ("Completed", [0.5])
    assert "loss=0.5" in str(trained["messages"])


def test_boto3_acts_as_a_session_of_the_role(trained: dict[str, object]) -> None:
    assert trained["caller"] == "arn:aws:sts::123456789012:assumed-role/sagemaker/SageMaker"


def test_a_url_that_boto3_presigned_is_read_without_credentials(trained: dict[str, object]) -> None:
    with urllib.request.urlopen(str(trained["url"]), timeout=10) as answer:
        assert answer.read(2) == b"\x1f\x8b"


def test_the_cli_copies_and_synchronises_folders(client: Client, trained: dict[str, object]) -> None:
    tree = Path(client.home, "tree", "deep")
    tree.mkdir(parents=True)
    (tree / "name with ü.txt").write_text("text")
    (large := tree.with_name("large")).write_bytes(bytes(9 << 20))  # above the limit for parts
    for file in (tree / "name with ü.txt", large):
        os.utime(file, (0, 0))  # S3 knows seconds only: a file of this second would count as changed
    client.aws("s3", "mb", "s3://from-cli")
    client.aws("s3", "sync", "tree", "s3://from-cli/tree")
    assert client.aws("s3", "sync", "tree", "s3://from-cli/tree") == ""
    client.aws("s3", "cp", "--recursive", "--quiet", "s3://from-cli/tree", "back")
    assert Path(client.home, "back", "deep", "name with ü.txt").read_text() == "text"
    assert Path(client.home, "back", "large").stat().st_size == 9 << 20
    assert "9437184 tree/large" in client.aws("s3", "ls", "s3://from-cli", "--recursive")


def test_the_cli_describes_a_job_and_reads_its_log(client: Client, trained: dict[str, object]) -> None:
    facts = client.aws("sagemaker", "describe-training-job", "--training-job-name", "from-boto3")
    assert facts["TrainingJobStatus"] == "Completed"
    listed = client.aws("sagemaker", "list-training-jobs", "--status-equals", "Completed")
    assert [job["TrainingJobName"] for job in listed["TrainingJobSummaries"]] == ["from-boto3"]
    group = ("--log-group-name", "/aws/sagemaker/TrainingJobs")
    events = client.aws("logs", "filter-log-events", *group, "--log-stream-name-prefix", "from-boto3/")
    assert "loss=0.5" in [event["message"] for event in events["events"]]


def test_the_cli_finds_fixed_aws_hosts_here(client: Client, trained: dict[str, object]) -> None:
    endpoint = ("--endpoint-url", "https://sts.us-east-1.amazonaws.com")
    assert client.aws(*endpoint, "sts", "get-caller-identity")["Account"] == "123456789012"
