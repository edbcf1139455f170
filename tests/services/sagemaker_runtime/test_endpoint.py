"""Endpoints as an unmodified client sees them: answers, errors, updates and crashes."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.engines.jobs.local import LocalJobs
from sagesse.testing.server import Server
from tests.services.sagemaker_runtime.deployed import (
    ask,
    configure,
    kill_model_servers,
    prepare,
    script_archive,
    wait,
    wait_in_service,
)

_SCRIPT = """
def model_fn(model_dir):
    return model_dir
def transform_fn(model, data, content_type, accept, context):
    mine = context.get_request_header("X-Amzn-SageMaker-Custom-Attributes")
    context.set_response_header("X-Amzn-SageMaker-Custom-Attributes", "got " + mine)
    return model + " " + data
"""


@pytest.fixture(scope="module")
def endpoint(server: Server) -> Server:
    """A server whose endpoint "e" answers 1."""
    prepare(server, (1, 2))
    sagemaker = server.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c1")
    wait_in_service(sagemaker, "e")
    return server


@pytest.fixture
def runtime(endpoint: Server) -> Iterator[Any]:
    client = endpoint.client("sagemaker-runtime")
    yield client
    client.close()


def test_an_endpoint_answers(runtime: Any) -> None:
    reply = runtime.invoke_endpoint(EndpointName="e", ContentType="text/csv", Body=b"1,2,3,4\n5,6,7,8")

    assert reply["Body"].read() == b"1.0,1.0"
    assert reply["ContentType"] == "text/csv"
    assert reply["InvokedProductionVariant"] == "blue"


@pytest.mark.parametrize(
    ("members", "status"),
    [({"Body": b"a,b"}, 400), ({"ContentType": "image/png"}, 415), ({"Accept": "image/png"}, 406)],
)
def test_what_the_model_refuses_is_a_model_error(runtime: Any, members: dict[str, Any], status: int) -> None:
    with pytest.raises(runtime.exceptions.ModelError) as refused:
        ask(runtime, "e", **members)

    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert response["LogStreamArn"].endswith("/aws/sagemaker/Endpoints/e")


def test_an_endpoint_that_is_not_there_is_a_validation_error(runtime: Any) -> None:
    with pytest.raises(
        ClientError, match=r"\(ValidationError\).*Endpoint x of account 123456789012 not found\."
    ):
        ask(runtime, "x")


def test_a_model_server_that_died_is_back_for_the_next_request(endpoint: Server, runtime: Any) -> None:
    kill_model_servers(endpoint.data_dir)

    assert ask(runtime, "e") == b"1.0"


def test_a_script_of_the_user_answers(endpoint: Server, runtime: Any) -> None:
    configure(endpoint, "script", "sagemaker-base-python", script_archive(_SCRIPT))
    sagemaker = endpoint.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="script", EndpointConfigName="cscript")
    wait_in_service(sagemaker, "script")

    reply = runtime.invoke_endpoint(
        EndpointName="script", Body=b"body", CustomAttributes="mine", Accept="a/b"
    )

    assert reply["Body"].read() == b"/opt/ml/model body"
    assert (reply["ContentType"], reply["CustomAttributes"]) == ("a/b", "got mine")


def test_invocations_are_metrics(endpoint: Server, runtime: Any) -> None:
    ask(runtime, "e")
    cloudwatch = endpoint.client("cloudwatch")

    wait(lambda: _metric_names(cloudwatch) >= {"Invocations", "ModelLatency", "OverheadLatency"})


def _metric_names(cloudwatch: Any) -> set[str]:
    dimensions = [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "blue"}]
    listed = cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)
    return {metric["MetricName"] for metric in listed["Metrics"]}


def test_an_update_fails_no_request(endpoint: Server) -> None:
    sagemaker = endpoint.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="updated", EndpointConfigName="c1")
    wait_in_service(sagemaker, "updated")
    answers: list[bytes] = []
    is_over = threading.Event()

    def call() -> None:
        client = endpoint.client("sagemaker-runtime")
        while not is_over.is_set():
            try:
                answers.append(ask(client, "updated"))
            except Exception as error:
                answers.append(str(error).encode())
        client.close()

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    wait(lambda: b"1.0" in answers)
    sagemaker.update_endpoint(EndpointName="updated", EndpointConfigName="c2")
    wait(lambda: answers[-8:] == [b"2.0"] * 8)
    is_over.set()
    for caller in callers:
        caller.join()

    assert set(answers) == {b"1.0", b"2.0"}


@pytest.mark.timeout(90)
def test_an_endpoint_answers_after_kill_9_of_the_server(tmp_path: Path) -> None:
    # Over a second: it starts a server of its own twice.
    with Server(tmp_path, ephemeral=False) as server:
        prepare(server, (1,))
        sagemaker = server.client("sagemaker")
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c1")
        wait_in_service(sagemaker, "e")
        served_by = list((tmp_path / "jobs/runs").glob("serve-*"))

        server.kill()
        server.start()

        assert ask(server.client("sagemaker-runtime"), "e") == b"1.0"
        assert list((tmp_path / "jobs/runs").glob("serve-*")) == served_by
        _delete(server)


def _delete(server: Server) -> None:
    """End the model servers and what starts them, which would outlive the server."""
    sagemaker = server.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName="e")
    wait(lambda: not sagemaker.list_endpoints()["Endpoints"])
    jobs = LocalJobs(server.data_dir / "jobs")
    jobs.stop_zygotes()
    jobs.close()
