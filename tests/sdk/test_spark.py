"""Spark jobs of the SageMaker SDK and of boto3, unmodified, on a server whose environment has the extra `spark`.

The extra is too large for everyone's tests (560 MB), so it has an environment of its own.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sagesse.engines.image_registry import Images, OwnImage
from sagesse.testing.server import Server
from tests.services.sagemaker.flow import ROLE, log_lines, until

from .client import Client
from .interpreter import interpreter

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(1800)]  # the first test installs both

IMAGE = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.1"
BUCKET = "spark"
CODE = "/opt/ml/processing/input/code"
_END_S = 600


@pytest.fixture(scope="session")
def spark() -> Path:
    """A Python with what the extra `spark` installs."""
    return interpreter("spark")


@pytest.fixture(scope="module")
def server(spark: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that finds the extra `spark` beside what its own environment has."""
    packages = next((spark.parents[1] / "lib").glob("python*/site-packages"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(packages), os.getenv("PYTHONPATH")])))
        with Server(tmp_path_factory.mktemp("server")) as running:
            running.client("s3").create_bucket(Bucket=BUCKET)
            yield running


def run(
    server: Server,
    name: str,
    script: str,
    *options: str,
    image: str = IMAGE,
    is_isolated: bool = False,
    hosts: int = 1,
) -> dict[str, Any]:
    """Run a script with smspark-submit; the job's description at its end."""
    server.client("s3").put_object(Bucket=BUCKET, Key=f"{name}/run.py", Body=script.encode())
    client = server.client("sagemaker")
    network = {"EnableNetworkIsolation": is_isolated}
    source = {"S3Uri": f"s3://{BUCKET}/{name}/run.py", "LocalPath": CODE}
    client.create_processing_job(
        ProcessingJobName=name,
        AppSpecification={
            "ImageUri": image,
            "ContainerEntrypoint": ["smspark-submit", *options, f"{CODE}/run.py"],
        },
        RoleArn=ROLE,
        NetworkConfig=network,
        ProcessingInputs=[
            {"InputName": "code", "S3Input": {**source, "S3DataType": "S3Prefix", "S3InputMode": "File"}}
        ],
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": hosts, "VolumeSizeInGB": 1}
        },
        StoppingCondition={"MaxRuntimeInSeconds": _END_S},
    )

    return finished(server, name)


def finished(server: Server, name: str) -> dict[str, Any]:
    client = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        facts = client.describe_processing_job(ProcessingJobName=name)
        return facts if facts["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return until(look, deadline_s=_END_S)


def lines(server: Server, name: str) -> list[str]:
    return log_lines(server, name, "/aws/sagemaker/ProcessingJobs")


def test_the_sdk_s_processor_counts_words_in_s3(
    server: Server, client: Client, sdk2: Path, tmp_path: Path
) -> None:
    answer = client.flow("v2_spark", sdk2)
    assert answer["status"] == "Completed"
    assert answer["report"] == "3"
    log = "\n".join(answer["log"])
    assert "total 13 not a number None" in log
    assert "zone Asia/Tokyo files ['rows.py']" in log
    assert "smspark-submit: spark.executor.memory has no effect here" in log
    assert "no Spark event logs are written" in log
    (key,) = (key for key in answer["keys"] if key.endswith(".snappy.parquet"))
    server.client("s3").download_file(answer["bucket"], key, str(tmp_path / "counts.parquet"))
    counts = duckdb.sql(f"SELECT word, lines, size FROM '{tmp_path / 'counts.parquet'}' ORDER BY word")
    assert counts.fetchall() == [("one", 2, 3), ("two", 1, 10)]


def test_a_failing_script_fails_the_job_with_its_reason(server: Server) -> None:
    script = (
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "spark.range(3).collect()\n"
        "raise ValueError('three is too many')\n"
    )
    reason = run(server, "fails", script)["FailureReason"]
    assert 'ErrorMessage "ValueError: three is too many"' in reason
    assert reason.endswith("exit code: 1")


def test_a_script_s_exit_code_is_the_job_s(server: Server) -> None:
    facts = run(server, "exits", "raise SystemExit(7)")
    assert facts["FailureReason"].endswith("exit code: 7")


def test_what_needs_a_jvm_is_explained(server: Server) -> None:
    script = "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate().sparkContext\n"
    assert "This job runs on Sail, which has no JVM" in run(server, "context", script)["FailureReason"]
    assert any("use the DataFrame API" in line for line in lines(server, "context"))


def test_an_isolated_job_reaches_its_engine(server: Server) -> None:
    script = (
        "from pyspark.sql import SparkSession\nprint(SparkSession.builder.getOrCreate().range(3).count())"
    )
    run(server, "isolated", script, is_isolated=True)
    assert lines(server, "isolated") == ["3"]


def test_of_several_hosts_one_runs_the_script(server: Server) -> None:
    facts = run(server, "hosts", "print('once')", hosts=2)
    assert facts["ProcessingJobStatus"] == "Completed", facts.get("FailureReason")
    assert sorted(lines(server, "hosts")) == [
        "once",
        "smspark-submit: this host has nothing to do: the script runs on the first host alone",
    ]


def test_a_job_that_waits_for_its_engine_can_be_stopped(server: Server) -> None:
    script = (
        "import time\n"
        "from pyspark.sql import SparkSession\n"
        "from pyspark.sql import functions as F\n"
        "print('begun', flush=True)\n"
        "endless = F.udf(lambda number: time.sleep(600), 'string')\n"
        "SparkSession.builder.getOrCreate().range(3).select(endless('id')).collect()\n"
    )
    with ThreadPoolExecutor(1) as pool:
        facts = pool.submit(run, server, "stopped", script)
        until(lambda: lines(server, "stopped") == ["begun"], deadline_s=_END_S)
        server.client("sagemaker").stop_processing_job(ProcessingJobName="stopped")
        assert facts.result()["ProcessingJobStatus"] == "Stopped"


def test_jars_are_refused(server: Server) -> None:
    facts = run(server, "jars", "", "--jars", f"{CODE}/run.py")
    assert facts["FailureReason"].startswith("ClientError: smspark-submit: --jars")


def test_modules_come_from_s3_too(server: Server) -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key="modules/far.py", Body=b"WHERE = 'far away'")
    facts = run(
        server,
        "modules",
        "import far\nprint(far.WHERE)",
        "--py-files",
        f"s3://{BUCKET}/modules/far.py",
    )
    assert facts["ProcessingJobStatus"] == "Completed", facts.get("FailureReason")
    assert lines(server, "modules") == ["far away"]


def test_tables_stay_in_the_job(server: Server) -> None:
    script = (
        "import os\n"
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "spark.range(3).write.saveAsTable('three')\n"
        "print(spark.table('three').count(), os.listdir(), os.getcwd().startswith(os.environ['TMPDIR']))\n"
    )
    run(server, "table", script)
    assert lines(server, "table") == ["3 ['spark-warehouse'] True"]


def test_an_own_environment_with_spark_needs_nothing_of_ours(server: Server, spark: Path) -> None:
    Images(server.data_dir / "images.json").register("own-spark", OwnImage(python=str(spark)))
    script = (
        "import sys\n"
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "print(sys.prefix, spark.range(3).count())\n"
    )
    facts = run(server, "own", script, image="123456789012.dkr.ecr.us-east-1.amazonaws.com/own-spark:1")
    assert facts["ProcessingJobStatus"] == "Completed", facts.get("FailureReason")
    assert lines(server, "own") == [f"{spark.parents[1]} 3"]
