"""What a model may be, and how its files come to its servers."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import BUCKET, PYTHON, ROLE, archive, make_bucket, until

LISTS = """
import os
def model_fn(folder): return folder
def predict_fn(data, model): return sorted(os.listdir(model))
"""


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def put(server: Server, objects: dict[str, bytes]) -> None:
    for key, content in objects.items():
        server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)


def prefix(name: str, kind: str = "S3Prefix", compression: str = "None") -> dict[str, Any]:
    source = {"S3Uri": f"s3://{BUCKET}/{name}", "S3DataType": kind, "CompressionType": compression}
    return {"Image": PYTHON, "ModelDataSource": {"S3DataSource": source}}


def deployed(server: Server, name: str, container: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The endpoint `name` of a model of this container once it has settled."""
    server.client("sagemaker").create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE, **members
    )
    return served(server, name)


def served(server: Server, name: str) -> dict[str, Any]:
    client = server.client("sagemaker")
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.t2.medium"}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def look() -> dict[str, Any] | None:
        facts = client.describe_endpoint(EndpointName=name)
        return facts if facts["EndpointStatus"] != "Creating" else None

    return until(look)


def refused(server: Server, container: dict[str, Any], **members: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        server.client("sagemaker").create_model(ModelName="no", PrimaryContainer=container, **members)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return refusal.value.response["Error"]["Message"]


def test_no_key_leads_out_of_the_models_folder(server: Server) -> None:
    put(server, {"out/code/inference.py": LISTS.encode(), "out/../../../../escaped": b"x"})
    assert deployed(server, "out", prefix("out/"))["EndpointStatus"] == "InService"
    answer = server.client("sagemaker-runtime").invoke_endpoint(EndpointName="out", Body=b"1")
    assert answer["Body"].read() == b'["code", "escaped"]'
    assert not (Path(server.data_dir) / "escaped").exists()


@pytest.mark.parametrize("keys", [("a", "a/b"), ("n" * 300,)])
def test_names_that_no_folder_can_have_fail_the_endpoint(server: Server, keys: tuple[str, ...]) -> None:
    name = f"names-{len(keys)}"
    put(server, {f"{name}/{key}": b"x" for key in keys})
    facts = deployed(server, name, prefix(f"{name}/"))
    assert facts["EndpointStatus"] == "Failed"
    assert "Failed to download model data" in facts["FailureReason"]


def test_names_of_an_archive_that_no_folder_can_have_fail_the_endpoint(server: Server) -> None:
    put(server, {"long.tar.gz": archive({"n" * 300: "x"})})
    facts = deployed(server, "long-name", {"Image": PYTHON, "ModelDataUrl": f"s3://{BUCKET}/long.tar.gz"})
    assert facts["EndpointStatus"] == "Failed"


def test_one_object_is_not_its_neighbours(server: Server) -> None:
    put(server, {"one/m.tar.gz": archive({"code/inference.py": LISTS}), "one/m.tar.gz.old": b"x"})
    facts = deployed(server, "one", prefix("one/m.tar.gz", "S3Object"))
    assert "The model has no code/inference.py" in facts["FailureReason"]
    facts = deployed(server, "one-unpacked", prefix("one/m.tar.gz", "S3Object", "Gzip"))
    assert facts["EndpointStatus"] == "InService"


def test_a_model_whose_data_is_not_there_is_refused(server: Server) -> None:
    archived = {"Image": PYTHON, "ModelDataUrl": f"s3://{BUCKET}/nothing.tar.gz"}
    for container in (archived, prefix("nothing/"), {**archived, "ModelDataUrl": "s3://no-such-bucket/x"}):
        said = refused(server, container, ExecutionRoleArn=ROLE)
        assert f'Please ensure that the role "{ROLE}" exists' in said
        assert said.startswith("Could not find model data at s3://")


def test_data_that_is_not_for_the_role_is_refused(server: Server) -> None:
    iam = server.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="blind", AssumeRolePolicyDocument=policy)
    put(server, {"seen.tar.gz": archive({"a": "b"})})
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{BUCKET}/seen.tar.gz"}
    said = refused(server, container, ExecutionRoleArn=ROLE.replace("sagemaker", "blind"))
    assert said.startswith("Could not find model data at")
    said = refused(server, container, ExecutionRoleArn=ROLE.replace("sagemaker", "nobody"))
    assert said.startswith("Could not assume role")


def test_without_a_role_nothing_is_read(server: Server) -> None:
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{BUCKET}/long.tar.gz"}
    assert "executionRoleArn" in refused(server, container)


def test_what_no_container_can_be_is_refused(server: Server) -> None:
    said = refused(server, {}, ExecutionRoleArn=ROLE)
    assert "PrimaryContainer.Image is required" in said
    said = refused(server, {"Image": PYTHON, "Environment": {"A": "b\0c"}}, ExecutionRoleArn=ROLE)
    assert said == "Environment holds a NUL character, which no program can be given."


def test_sources_that_are_not_built_are_refused_by_name(server: Server) -> None:
    assert "S3DataType S3Prefix is not allowed with CompressionType Gzip" in refused(
        server, prefix("x/", compression="Gzip"), ExecutionRoleArn=ROLE
    )
    container = prefix("x/")
    container["ModelDataSource"]["S3DataSource"]["ETag"] = "x"
    assert "ModelDataSource.S3DataSource.ETag" in refused(server, container, ExecutionRoleArn=ROLE)


def test_a_models_own_clients_act_as_its_role(server: Server) -> None:
    script = """
import botocore.session
def model_fn(folder): return botocore.session.get_session().create_client("sts")
def predict_fn(data, model): return model.get_caller_identity()["Arn"]
"""
    put(server, {"self.tar.gz": archive({"code/inference.py": script})})
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{BUCKET}/self.tar.gz"}
    assert deployed(server, "self", container)["EndpointStatus"] == "InService"
    answer = server.client("sagemaker-runtime").invoke_endpoint(EndpointName="self", Body=b"1")
    assert answer["Body"].read() == b'"arn:aws:sts::123456789012:assumed-role/sagemaker/SageMaker"'


def test_a_model_that_is_cut_off_gets_no_keys(server: Server) -> None:
    script = """
import os
def model_fn(folder): return os.environ
def predict_fn(data, model): return [name for name in model if name.startswith("AWS_")] + os.listdir("/opt/ml")
"""
    put(server, {"cut.tar.gz": archive({"code/inference.py": script})})
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{BUCKET}/cut.tar.gz"}
    facts = deployed(server, "cut", container, EnableNetworkIsolation=True)
    if "network" in facts.get("FailureReason", ""):
        pytest.skip("this machine cannot cut a process off")
    answer = server.client("sagemaker-runtime").invoke_endpoint(EndpointName="cut", Body=b"1")
    assert sorted(json.loads(answer["Body"].read())) == [
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "model",
        "serve.sock",
    ]


def test_a_role_that_is_not_there_fails_the_endpoint(server: Server) -> None:
    client = server.client("sagemaker")
    role = ROLE.replace("sagemaker", "nobody")
    client.create_model(ModelName="nobody", PrimaryContainer={"Image": PYTHON}, ExecutionRoleArn=role)
    facts = served(server, "nobody")
    assert f"Could not assume role {role}" in facts["FailureReason"]


def test_wheels_beside_the_requirements_are_installed(server: Server) -> None:
    script = (
        "import beside\ndef model_fn(folder): return beside.WORD\ndef predict_fn(data, model): return model"
    )
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as files:
        files.writestr("beside.py", "WORD = 'here'")
        files.writestr("beside-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: beside\nVersion: 1\n")
        files.writestr(
            "beside-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        files.writestr("beside-1.dist-info/RECORD", "")
    key = "wheel/code"
    put(
        server,
        {
            f"{key}/inference.py": script.encode(),
            f"{key}/requirements.txt": b"./beside-1-py3-none-any.whl",
            f"{key}/beside-1-py3-none-any.whl": wheel.getvalue(),
        },
    )
    assert deployed(server, "wheel", prefix("wheel/"))["EndpointStatus"] == "InService"
    answer = server.client("sagemaker-runtime").invoke_endpoint(EndpointName="wheel", Body=b"1")
    assert answer["Body"].read() == b'"here"'
