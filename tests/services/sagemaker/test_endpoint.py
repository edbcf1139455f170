"""Endpoints through an unmodified boto3 against a real server: real models answer."""

import json
import threading
from collections.abc import Mapping

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import BUCKET, PYTHON, ROLE, XGBOOST, archive, channel, finished, log_lines, make_bucket, until

ROW = "9,9"


@pytest.fixture(scope="module", autouse=True)
def model_url(server: Server) -> str:
    """The artifacts of a small XGBoost model, trained once."""
    make_bucket(server)
    rows = "\n".join(f"{int(x * y > 20)},{x},{y}" for x in range(10) for y in range(10))
    server.client("s3").put_object(Bucket=BUCKET, Key="table/rows.csv", Body=rows.encode())
    server.client("sagemaker").create_training_job(
        TrainingJobName="model",
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={"num_round": "5", "objective": "binary:logistic"},
        InputDataConfig=[channel("train", f"s3://{BUCKET}/table/")],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    return finished(server, "model")["ModelArtifacts"]["S3ModelArtifacts"]


def deploy(
    server: Server,
    name: str,
    url: str,
    *,
    image: str = XGBOOST,
    environment: Mapping[str, str] | None = None,
    **variants: float,
) -> None:
    """Create model, configuration and endpoint `name` with these variants and weights; wait for it."""
    client = server.client("sagemaker")
    container = {"Image": image, "ModelDataUrl": url, "Environment": environment or {}}
    client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    configure(server, name, name, **variants)
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    settled(server, name)


def configure(server: Server, name: str, model: str, **variants: float) -> None:
    server.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": variant,
                "ModelName": model,
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": weight,
            }
            for variant, weight in (variants or {"all": 1.0}).items()
        ],
    )


def put_for_now(server: Server, key: str) -> None:
    """An object that a model may name; it is gone when the endpoint wants it."""
    server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")


def settled(server: Server, name: str) -> dict[str, object]:
    client = server.client("sagemaker")

    def look() -> dict[str, object] | None:
        facts = client.describe_endpoint(EndpointName=name)
        return None if facts["EndpointStatus"] in {"Creating", "Updating", "Deleting"} else facts

    return until(look)


def invoke(server: Server, name: str, body: str = ROW, **more: str) -> dict[str, object]:
    runtime = server.client("sagemaker-runtime")
    return runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=body, **more)


def test_a_deployed_model_answers(server: Server, model_url: str) -> None:
    deploy(server, "answers", model_url)
    answer = invoke(server, "answers")
    assert float(answer["Body"].read()) > 0.5
    assert answer["InvokedProductionVariant"] == "all"
    assert any(
        "serving algorithm:xgboost" in line
        for line in log_lines(server, "all", "/aws/sagemaker/Endpoints/answers")
    )


def test_requests_go_to_variants_by_weight_or_to_the_one_asked_for(server: Server, model_url: str) -> None:
    deploy(server, "weighed", model_url, heavy=1.0, idle=0.0)
    assert {invoke(server, "weighed")["InvokedProductionVariant"] for _ in range(10)} == {"heavy"}
    assert invoke(server, "weighed", TargetVariant="idle")["InvokedProductionVariant"] == "idle"
    with pytest.raises(ClientError, match="no variant 'none'; allowed: heavy, idle"):
        invoke(server, "weighed", TargetVariant="none")


def test_weights_can_be_changed_while_it_runs(server: Server, model_url: str) -> None:
    deploy(server, "reweighed", model_url, a=1.0, b=0.0)
    server.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="reweighed",
        DesiredWeightsAndCapacities=[
            {"VariantName": "a", "DesiredWeight": 0.0},
            {"VariantName": "b", "DesiredWeight": 1.0},
        ],
    )
    settled(server, "reweighed")
    assert {invoke(server, "reweighed")["InvokedProductionVariant"] for _ in range(5)} == {"b"}


def test_an_update_loses_no_request(server: Server, model_url: str) -> None:
    deploy(server, "updated", model_url)
    configure(server, "updated-2", "updated", second=1.0)
    outcomes: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        runtime = server.client("sagemaker-runtime")
        while not stop.is_set():
            try:
                answer = runtime.invoke_endpoint(EndpointName="updated", ContentType="text/csv", Body=ROW)
                outcomes.append(answer["InvokedProductionVariant"])
            except Exception as error:
                outcomes.append(repr(error))

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    until(lambda: "all" in outcomes)
    server.client("sagemaker").update_endpoint(EndpointName="updated", EndpointConfigName="updated-2")
    until(lambda: "second" in outcomes)
    facts = settled(server, "updated")
    stop.set()
    for asker in askers:
        asker.join()
    assert set(outcomes) == {"all", "second"}
    assert facts["EndpointConfigName"] == "updated-2"


def test_an_update_that_cannot_run_leaves_the_present_one(server: Server, model_url: str) -> None:
    deploy(server, "kept", model_url)
    put_for_now(server, "none.tar.gz")
    server.client("sagemaker").create_model(
        ModelName="broken",
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/none.tar.gz"},
        ExecutionRoleArn=ROLE,
    )
    server.client("s3").delete_object(Bucket=BUCKET, Key="none.tar.gz")
    configure(server, "kept-2", "broken")
    server.client("sagemaker").update_endpoint(EndpointName="kept", EndpointConfigName="kept-2")
    facts = settled(server, "kept")
    assert (facts["EndpointStatus"], facts["EndpointConfigName"]) == ("InService", "kept")
    assert "Failed to download model data" in str(facts["FailureReason"])
    assert float(invoke(server, "kept")["Body"].read()) > 0.5


def test_a_model_without_artifacts_fails_the_endpoint_and_says_why(server: Server) -> None:
    put_for_now(server, "none.tar.gz")
    client = server.client("sagemaker")
    container = {"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/none.tar.gz"}
    client.create_model(ModelName="empty", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    server.client("s3").delete_object(Bucket=BUCKET, Key="none.tar.gz")
    configure(server, "empty", "empty")
    client.create_endpoint(EndpointName="empty", EndpointConfigName="empty")
    facts = settled(server, "empty")
    assert facts["EndpointStatus"] == "Failed"
    assert "NoSuchKey" in str(facts["FailureReason"])


def test_a_server_that_cannot_load_its_model_fails_the_endpoint(server: Server) -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key="bad.tar.gz", Body=archive({"note.txt": "no model"}))
    deploy(server, "unloadable", f"s3://{BUCKET}/bad.tar.gz")
    facts = settled(server, "unloadable")
    assert facts["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in str(facts["FailureReason"])


def test_code_that_the_environment_names_in_s3_is_fetched(server: Server) -> None:
    script = "def model_fn(folder):\n    return 7\ndef predict_fn(data, model):\n    return [model, data]\n"
    for key, files in {"plain.tar.gz": {"note.txt": "x"}, "code.tar.gz": {"serve.py": script}}.items():
        server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=archive(files))
    code = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{BUCKET}/code.tar.gz"}
    deploy(server, "coded", f"s3://{BUCKET}/plain.tar.gz", image=PYTHON, environment=code)
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="coded", ContentType="application/json", Body="[1]"
    )
    assert json.loads(answer["Body"].read()) == [7, [1]]


def test_a_bad_request_is_a_model_error_with_the_models_words(server: Server, model_url: str) -> None:
    deploy(server, "particular", model_url)
    with pytest.raises(ClientError) as refusal:
        invoke(server, "particular", "1,two")
    assert refusal.value.response["Error"]["Code"] == "ModelError"
    assert refusal.value.response["OriginalStatusCode"] == 400


def test_no_endpoint_no_answer(server: Server) -> None:
    with pytest.raises(ClientError, match="Endpoint nobody of account 123456789012 not found"):
        invoke(server, "nobody")


def test_a_deleted_endpoint_is_gone_and_can_be_made_again(server: Server, model_url: str) -> None:
    deploy(server, "again", model_url)
    client = server.client("sagemaker")
    client.delete_endpoint(EndpointName="again")
    until(
        lambda: (
            "again"
            not in [entry["EndpointName"] for entry in client.list_endpoints(MaxResults=100)["Endpoints"]]
        )
    )
    with pytest.raises(ClientError, match="Could not find endpoint"):
        client.describe_endpoint(EndpointName="again")
    client.create_endpoint(EndpointName="again", EndpointConfigName="again")
    settled(server, "again")
    assert float(invoke(server, "again")["Body"].read()) > 0.5


def test_invocations_are_counted_in_cloudwatch(server: Server, model_url: str) -> None:
    deploy(server, "counted", model_url)
    invoke(server, "counted")
    metrics = until(
        lambda: server.client("cloudwatch").list_metrics(
            Namespace="AWS/SageMaker", Dimensions=[{"Name": "EndpointName", "Value": "counted"}]
        )["Metrics"]
    )
    assert {"Invocations", "ModelLatency", "OverheadLatency"} <= {metric["MetricName"] for metric in metrics}


def test_an_endpoint_says_what_is_about_to_be(server: Server, model_url: str) -> None:
    client = server.client("sagemaker")
    slow = archive({"code/inference.py": "import time\ntime.sleep(600)"})
    server.client("s3").put_object(Bucket=BUCKET, Key="slow.tar.gz", Body=slow)
    deploy(server, "pending", model_url)
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{BUCKET}/slow.tar.gz"}
    client.create_model(ModelName="slow", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    configure(server, "pending-2", "slow", late=2.0)
    client.update_endpoint(EndpointName="pending", EndpointConfigName="pending-2")
    facts = client.describe_endpoint(EndpointName="pending")
    pending = facts["PendingDeploymentSummary"]
    (variant,) = pending["ProductionVariants"]
    assert (facts["EndpointConfigName"], pending["EndpointConfigName"]) == ("pending", "pending-2")
    assert (variant["VariantName"], variant["DesiredWeight"], variant["InstanceType"]) == (
        "late",
        2.0,
        "ml.t2.medium",
    )
    with pytest.raises(ClientError, match='Cannot update in-progress endpoint "arn:'):
        client.update_endpoint(EndpointName="pending", EndpointConfigName="pending")
    client.delete_endpoint(EndpointName="pending")


def test_a_reason_lasts_until_the_next_update(server: Server, model_url: str) -> None:
    client = server.client("sagemaker")
    deploy(server, "recovered", model_url)
    bad = {"Image": PYTHON, "ModelDataUrl": model_url}
    client.create_model(ModelName="no-script", PrimaryContainer=bad, ExecutionRoleArn=ROLE)
    configure(server, "recovered-2", "no-script", green=1.0)
    client.update_endpoint(EndpointName="recovered", EndpointConfigName="recovered-2")
    reason = str(settled(server, "recovered")["FailureReason"])
    assert "production variant green did not pass the ping health check" in reason
    client.update_endpoint_weights_and_capacities(
        EndpointName="recovered", DesiredWeightsAndCapacities=[{"VariantName": "all", "DesiredWeight": 2.0}]
    )
    facts = settled(server, "recovered")
    assert "FailureReason" not in facts
    assert facts["EndpointConfigName"] == "recovered"


def test_a_variant_is_named_once(server: Server, model_url: str) -> None:
    deploy(server, "once", model_url)
    wish = {"VariantName": "all", "DesiredInstanceCount": 2}
    with pytest.raises(ClientError, match="must have different VariantName values"):
        server.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName="once", DesiredWeightsAndCapacities=[wish, {**wish, "DesiredInstanceCount": 1}]
        )
