"""A training job on a node that does not see the server's files: they are hidden from it by a mount."""

from pathlib import Path

import pytest

from sagesse.testing.server import Server
from tests.services.sagemaker.flow import (
    BUCKET,
    artifact_names,
    channel,
    log_lines,
    make_bucket,
    script_job,
    until,
)

from .cluster import Cluster, can_make_machines, configure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the first test installs Ray
SOURCE = """
import os, socket, boto3
print(open('/opt/ml/input/data/train/rows.csv').read().strip())
print(os.listdir(os.environ['SERVER']) if os.path.isdir(os.environ['SERVER']) else 'unseen')
open('/opt/ml/model/weights', 'w').write('1')
print(boto3.client('sts').get_caller_identity()['Account'])
"""


def test_its_data_certificates_log_and_model_travel(ray: Path, tmp_path: Path) -> None:
    if not can_make_machines():
        pytest.skip("this machine offers no user namespaces")
    data = tmp_path / "data"
    data.mkdir()
    with Cluster(ray, (0, 1), unseen=data) as cluster:
        configure(data, cluster)
        with Server(data, ephemeral=False, python=str(ray)) as server:
            make_bucket(server)
            server.client("s3").put_object(Bucket=BUCKET, Key="train/rows.csv", Body=b"1,2,3\n")
            request = script_job(server, "far", SOURCE, Environment={"SERVER": str(data / "objects")})
            request["InputDataConfig"] = [channel("train", f"s3://{BUCKET}/train/")]
            client = server.client("sagemaker")
            client.create_training_job(**request)
            until(
                lambda: (
                    client.describe_training_job(TrainingJobName="far")["TrainingJobStatus"] != "InProgress"
                ),
                deadline_s=300,
            )
            facts = client.describe_training_job(TrainingJobName="far")
            assert facts["TrainingJobStatus"] == "Completed", (
                facts["FailureReason"],
                log_lines(server, "far"),
            )
            assert log_lines(server, "far") == ["1,2,3", "unseen", "123456789012"]
            assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["weights"]
