"""Endpoints for tests: tree models that answer one constant, behind an unmodified client."""

import io
import json
import os
import signal
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from sagesse.runtime.process import descendants
from sagesse.runtime.run_folder import holder
from sagesse.testing.server import Server

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest"
BUCKET = "models-of-tests"
ROW = b"1,2,3,4"
_ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "sagemaker.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
_PATIENCE_S = 30.0


def prepare(server: Server, answers: tuple[int, ...]) -> None:
    """A role, and for each constant a model ``m<constant>`` and a configuration ``c<constant>``."""
    iam, s3 = server.client("iam"), server.client("s3")
    iam.create_role(RoleName="models", AssumeRolePolicyDocument=_policy(_TRUST))
    iam.put_role_policy(RoleName="models", PolicyName="all", PolicyDocument=_policy(_ANYTHING))
    s3.create_bucket(Bucket=BUCKET)
    for answer in answers:
        configure(server, str(answer), IMAGE, _archive({"xgboost-model": _constant_model(answer)}))


def configure(server: Server, name: str, image: str, archive: bytes) -> None:
    """A model ``m<name>`` of the archive and a configuration ``c<name>`` that serves it once."""
    server.client("s3").put_object(Bucket=BUCKET, Key=f"{name}/model.tar.gz", Body=archive)
    sagemaker = server.client("sagemaker")
    sagemaker.create_model(
        ModelName=f"m{name}",
        ExecutionRoleArn=server.client("iam").get_role(RoleName="models")["Role"]["Arn"],
        PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{BUCKET}/{name}/model.tar.gz"},
    )
    variant = {
        "VariantName": "blue",
        "ModelName": f"m{name}",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=f"c{name}", ProductionVariants=[variant])


def script_archive(source: str) -> bytes:
    """The archive of a model that is a script only."""
    return _archive({"code/inference.py": source.encode()})


def wait_in_service(sagemaker: Any, name: str) -> None:
    """Wait until the endpoint answers requests."""
    wait(lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")


def wait(condition: Any) -> None:
    """Wait until `condition` holds; fails after half a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def ask(runtime: Any, name: str, **members: Any) -> bytes:
    """The answer to one row."""
    request = {"EndpointName": name, "ContentType": "text/csv", "Body": ROW, **members}
    return runtime.invoke_endpoint(**request)["Body"].read()


def kill_model_servers(data_dir: Path) -> None:
    """End the process of every model server as a crash would."""
    for folder in (data_dir / "jobs/runs").glob("serve-*"):
        supervisor = holder(folder)
        for pid in descendants(supervisor) if supervisor is not None else ():
            os.kill(pid, signal.SIGKILL)


def _constant_model(answer: int) -> bytes:
    rows = np.zeros((8, 4), np.float32)
    settings = {"objective": "reg:squarederror", "base_score": float(answer), "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(rows, np.full(8, answer), nthread=1), 1)
    return bytes(booster.save_raw("ubj"))


def _archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
