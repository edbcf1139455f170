"""Scripts of the XGBoost image, with what the image's own package gives them."""

from pathlib import Path
from typing import Any

import pytest

from sagesse.testing.server import Server

from .flow import BUCKET, XGBOOST, artifact_names, channel, log_lines, make_bucket, run_job, script_job

EXAMPLE = Path(__file__).parents[3] / "examples/training/xgboost_script.py"


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)
    for number in range(2):
        rows = "".join(f"{row % 7},{row},{row * number}\n" for row in range(50))
        server.client("s3").put_object(Bucket=BUCKET, Key=f"boost/{number}.csv", Body=rows.encode())


def request(server: Server, name: str, count: int, **source: str) -> dict[str, Any]:
    given = channel("train", f"s3://{BUCKET}/boost/")
    given["DataSource"]["S3DataSource"].update(source)
    return script_job(
        server,
        name,
        EXAMPLE.read_text(),
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        ResourceConfig={"InstanceType": "ml.t3.medium", "InstanceCount": count, "VolumeSizeInGB": 1},
        InputDataConfig=[given],
    )


def trained(server: Server, name: str) -> list[str]:
    return sorted(line for line in log_lines(server, name) if line.startswith("master"))


def test_a_host_alone_trains_on_all_rows(server: Server) -> None:
    facts = run_job(server, request(server, "boost-alone", 1))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["xgboost-model"]
    (line,) = trained(server, "boost-alone")
    assert line.startswith("master True: trained on 100 rows")


def test_hosts_with_data_train_together_and_one_without_ends(server: Server) -> None:
    alone = trained_alone(server)
    sharded = request(server, "boost-sharded", 3, S3DataDistributionType="ShardedByS3Key")
    facts = run_job(server, sharded)
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    other, first = trained(server, "boost-sharded")
    assert first.startswith("master True: trained on 50 rows")
    assert other.startswith("master False: trained on 50 rows")
    assert first.rpartition(" ")[2] == other.rpartition(" ")[2] == alone


def trained_alone(server: Server) -> str:
    """What one host with all rows learns."""
    run_job(server, request(server, "boost-whole", 1))
    (line,) = trained(server, "boost-whole")
    return line.rpartition(" ")[2]
