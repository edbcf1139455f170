"""OutputDataConfig.KmsKeyId and ProcessingOutputConfig.KmsKeyId: what a job stores lies under that key."""

import json
from typing import Any

import pytest

from sagesse.testing.server import Server

from .flow import BUCKET, PYTHON, ROLE, artifact_names, make_bucket, ran, run_job, script_job, until

WRITE = "open('/opt/ml/model/w', 'w').write('1'); open('/opt/ml/output/data/d', 'w').write('2')\n"

WHO = {"AWS": ["arn:aws:iam::123456789012:root", ROLE]}
OPEN = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": WHO, "Action": "kms:*", "Resource": "*"}],
    }
)


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    return server.client("kms").create_key(Policy=OPEN)["KeyMetadata"]["Arn"]


def output(key: str, **members: str) -> dict[str, Any]:
    return {"OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/sealed", "KmsKeyId": key, **members}}


def keys_of(server: Server, prefix: str) -> dict[str, str]:
    """The KMS key of each object below a prefix, by what follows it."""
    s3 = server.client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    heads = {item["Key"]: s3.head_object(Bucket=BUCKET, Key=item["Key"]) for item in found}
    return {name.removeprefix(prefix): head.get("SSEKMSKeyId", "") for name, head in heads.items()}


def test_a_training_job_stores_its_artifacts_under_the_key(server: Server, key: str) -> None:
    facts = run_job(server, script_job(server, "sealed", WRITE, **output(key)))
    assert facts["TrainingJobStatus"] == "Completed", facts["FailureReason"]
    assert facts["OutputDataConfig"]["KmsKeyId"] == key
    assert keys_of(server, "sealed/sealed/output/") == {"model.tar.gz": key, "output.tar.gz": key}
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["w"]


def test_an_alias_names_the_key_of_an_uncompressed_model(server: Server, key: str) -> None:
    server.client("kms").create_alias(AliasName="alias/models", TargetKeyId=key)
    run_job(server, script_job(server, "loose", WRITE, **output("alias/models", CompressionType="NONE")))
    assert keys_of(server, "sealed/loose/output/model/") == {"w": key}


@pytest.mark.parametrize("error", ["NotFoundException", "DisabledException", "AccessDeniedException"])
def test_a_key_that_cannot_be_used_fails_the_job_before_it_runs(server: Server, error: str) -> None:
    kms = server.client("kms")
    name = "alias/nowhere"
    if (
        error != "NotFoundException"
    ):  # one that only the account's own policies open, and the role has none for it
        name = kms.create_key()["KeyMetadata"]["KeyId"]
    if error == "DisabledException":
        kms.put_key_policy(KeyId=name, PolicyName="default", Policy=OPEN)
        kms.disable_key(KeyId=name)
    facts = run_job(server, script_job(server, f"no-{error}", WRITE, **output(name)))
    assert facts["FailureReason"].startswith(f"ClientError: The KMS key {name} cannot be used: {error}: ")
    assert not ran(facts)


@pytest.mark.parametrize("mode", ["EndOfJob", "Continuous"])
def test_a_processing_job_stores_its_outputs_under_the_key(server: Server, key: str, mode: str) -> None:
    client = server.client("sagemaker")
    target = {
        "S3Uri": f"s3://{BUCKET}/sealed-{mode}",
        "LocalPath": "/opt/ml/processing/out",
        "S3UploadMode": mode,
    }
    client.create_processing_job(
        ProcessingJobName=f"sealed-{mode}",
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        AppSpecification={
            "ImageUri": PYTHON,
            "ContainerEntrypoint": ["/bin/sh", "-c", "echo 1 > /opt/ml/processing/out/rows"],
        },
        ProcessingOutputConfig={"KmsKeyId": key, "Outputs": [{"OutputName": "out", "S3Output": target}]},
        RoleArn=ROLE,
    )
    status = until(lambda: _final(client.describe_processing_job(ProcessingJobName=f"sealed-{mode}")))
    assert status == "Completed"
    assert keys_of(server, f"sealed-{mode}/") == {"rows": key}


def _final(facts: dict[str, Any]) -> str:
    status = facts["ProcessingJobStatus"]
    return status if status in {"Completed", "Failed", "Stopped"} else ""
