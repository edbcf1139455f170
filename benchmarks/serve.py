"""InvokeEndpoint with an XGBoost model and one CSV row, against the same model inside a bare uvicorn process.

Sagesse verifies the signature, picks the variant, asks the model server (a process of its own), counts and audits; the
peer only predicts. CPU of Sagesse is that of its server and of the model server together.
"""

import io
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from benchmarks.connection import Connection
from benchmarks.control import HELLO, crowd, subject
from benchmarks.process import cpu_s, free_port, processes, running, started_since
from benchmarks.report import save, show_measures
from benchmarks.request import capture
from benchmarks.rounds import Subject, measure
from benchmarks.sagesse_server import BUCKET, REGISTRY, ROLE, client_of, sagesse, until

ROUNDS = 41
_NAME, _COLUMNS, _ROWS, _TREES = "benchmark", 30, 2000, 100


def run() -> None:
    """Measure, print and save."""
    hello_port, peer_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=".") as folder:
        model = Path(folder) / "xgboost-model"
        row = _train(model)
        before = processes()
        with (
            sagesse() as server,
            running("-m", "benchmarks.peers.hello", str(hello_port), port=hello_port) as hello,
            running("-m", "benchmarks.peers.predict", str(peer_port), str(model), port=peer_port) as peer,
            Connection(hello_port) as to_hello,
            Connection(peer_port) as to_peer,
            Connection(server.port) as to_sagesse,
        ):
            _deploy(client_of(server, "s3"), client_of(server, "sagemaker"), model)
            runtime = client_of(server, "sagemaker-runtime")
            invoke = capture(
                runtime, "invoke_endpoint", EndpointName=_NAME, ContentType="text/csv", Body=row
            ).whole
            ours = sorted(started_since(before, str(server.data_dir)) - {hello, peer})
            bare = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%b" % (len(row), row)
            subjects = {
                "hello": subject(to_hello, hello, HELLO, 200),
                "uvicorn + predict": subject(to_peer, peer, bare, 100),
                "uvicorn + predict, 8 at once": crowd(peer_port, lambda: cpu_s(peer), [bare] * 8, 96),
                "Sagesse, 8 at once": crowd(server.port, lambda: sum(map(cpu_s, ours)), [invoke] * 8, 96),
                "Sagesse": Subject(
                    subject(to_sagesse, server.pid, invoke, 0).work, lambda: sum(map(cpu_s, ours)), 100
                ),
                "... of it the server's": subject(to_sagesse, server.pid, invoke, 100),
            }
            measures = measure(subjects, base="uvicorn + predict", rounds=ROUNDS)
    show_measures(
        f"InvokeEndpoint, one row of {_COLUMNS} columns, XGBoost of {_TREES} trees",
        measures,
        base="peer",
        note=f"Sagesse's processes: {len(ours)}.",
    )
    save("serve", measures)


def _train(path: Path) -> bytes:
    """Write a model; returns a row to ask it about."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(_ROWS, _COLUMNS)).astype(np.float32)
    labels = (rows[:, 0] * rows[:, 1] + rows[:, 2] > 0).astype(np.float32)
    settings = {"objective": "binary:logistic", "max_depth": 6, "nthread": 1}
    xgboost.train(settings, xgboost.DMatrix(rows, labels), _TREES).save_model(path.with_suffix(".ubj"))
    path.with_suffix(".ubj").rename(path)
    return ",".join(f"{value:.5f}" for value in rows[0]).encode()


def _deploy(s3: Any, sagemaker: Any, model: Path) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(model, "xgboost-model")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=archive.getvalue())
    container = {
        "Image": f"{REGISTRY}/sagemaker-xgboost:1.7-1",
        "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz",
    }
    sagemaker.create_model(ModelName=_NAME, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "all",
        "ModelName": _NAME,
        "InstanceType": "ml.t2.medium",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=_NAME, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=_NAME, EndpointConfigName=_NAME)
    until(lambda: sagemaker.describe_endpoint(EndpointName=_NAME)["EndpointStatus"] == "InService")
