"""Control-plane reads against a bare hello on the same HTTP server class, and against moto server.

Requests are what boto3 sends, signed beforehand and verified by Sagesse (moto verifies none), over raw sockets, one at
a time. CPU is the server process's own. The target of 3 times hello was set on round trips.
"""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.connection import Connection
from benchmarks.process import cpu_s, free_port, running
from benchmarks.report import save, show_measures
from benchmarks.request import capture, client
from benchmarks.rounds import Subject, measure
from benchmarks.sagesse_server import BUCKET, channel, client_of, sagesse, training_request, until

ROUNDS = 41
HELLO = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_JOB = "benchmark-job"
_READS = {
    "GetCallerIdentity": ("sts", "get_caller_identity", {}),
    "DescribeTrainingJob": ("sagemaker", "describe_training_job", {"TrainingJobName": _JOB}),
    "ListTrainingJobs (1)": ("sagemaker", "list_training_jobs", {"MaxResults": 10}),
}


def run() -> None:
    """Measure, print and save."""
    hello_port, moto_port = free_port(), free_port()
    with (
        running("-m", "benchmarks.peers.hello", str(hello_port), port=hello_port) as hello,
        running("-m", "moto.server", "-p", str(moto_port), port=moto_port) as moto,
        sagesse() as server,
        Connection(hello_port) as to_hello,
        Connection(moto_port) as to_moto,
        Connection(server.port) as to_sagesse,
    ):
        ours = {service: client_of(server, service) for service in ("sts", "sagemaker", "s3")}
        theirs = {service: client(service, moto_port) for service in ("sts", "sagemaker", "s3")}
        request = captured(ours["sts"], "get_caller_identity", {})
        subjects = {
            "hello": subject(to_hello, hello, HELLO, 200),
            "hello, sent GetCallerIdentity": subject(to_hello, hello, request, 200),
        }
        for clients in (ours, theirs):
            _make_job(clients["sagemaker"], clients["s3"])
        for name, (service, operation, params) in _READS.items():
            request = captured(ours[service], operation, params)
            subjects[f"Sagesse {name}"] = subject(to_sagesse, server.pid, request, 100)
        for name, (service, operation, params) in _READS.items():
            request = captured(theirs[service], operation, params)
            subjects[f"moto {name}"] = subject(to_moto, moto, request, 10)
        measures = measure(subjects, base="hello", rounds=ROUNDS)
    show_measures(
        "Control-plane reads, one connection",
        measures,
        base="hello",
        note="Target: 3 x hello, set on round trips (wall).",
    )
    save("control", measures)


def captured(client: Any, operation: str, params: dict[str, Any]) -> bytes:
    """The signed request as bytes."""
    return capture(client, operation, **params).whole


def subject(connection: Connection, pid: int, request: bytes, times: int) -> Subject:
    """A server that answers `request` over `connection`; anything but 200 ends the benchmark."""

    def work(count: int) -> None:
        for _ in range(count):
            status, body = connection.exchange(request)
            if status != 200:
                raise RuntimeError(f"status {status}: {body[:500]!r}")

    return Subject(work, lambda: cpu_s(pid), times)


def crowd(port: int, cpu: Callable[[], float], requests: Sequence[bytes], times: int) -> Subject:
    """As `subject`, but all of `requests` are under way at once, each on a connection of its own."""
    connections = [Connection(port) for _ in requests]

    def work(count: int) -> None:
        for _ in range(count // len(requests)):
            for connection, request in zip(connections, requests, strict=True):
                connection.send(request)
            for connection in connections:
                status, body = connection.receive()
                if status != 200:
                    raise RuntimeError(f"status {status}: {body[:500]!r}")

    return Subject(work, cpu, times)


def _make_job(sagemaker: Any, s3: Any) -> None:
    """A job with a common request. It fails on Sagesse, whose data is none, and "completes" on moto: both are final."""
    s3.create_bucket(Bucket=BUCKET)
    for name in ("train", "validation"):
        s3.put_object(Bucket=BUCKET, Key=f"{name}/table.csv", Body=b"no number\n")
    request = training_request(
        _JOB,
        "sagemaker-xgboost:1.7-1",
        HyperParameters={"num_round": "50", "objective": "binary:logistic", "max_depth": "5", "eta": "0.2"},
        InputDataConfig=[
            channel("train", f"s3://{BUCKET}/train/"),
            channel("validation", f"s3://{BUCKET}/validation/"),
        ],
    )
    sagemaker.create_training_job(**request, Tags=[{"Key": "team", "Value": "bench"}])
    final = {"Completed", "Failed"}
    until(lambda: sagemaker.describe_training_job(TrainingJobName=_JOB)["TrainingJobStatus"] in final)
