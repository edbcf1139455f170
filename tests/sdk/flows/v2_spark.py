"""SageMaker SDK v2: PySparkProcessor with a module, a file, arguments, a configuration and event logs."""

import json
from pathlib import Path

import boto3
import sagemaker
from sagemaker.processing import ProcessingOutput
from sagemaker.spark.processing import PySparkProcessor

CSV = "word,size\nOne,1\none,2\n two. ,10\n"
here = Path(__file__).parent
session = sagemaker.Session()
bucket = session.default_bucket()
client = boto3.client("s3")
client.put_object(Bucket=bucket, Key="words/raw/a.csv", Body=CSV.encode())
processor = PySparkProcessor(
    base_job_name="words",
    framework_version="3.3",
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.xlarge",
    max_runtime_in_seconds=600,
)
processor.run(
    submit_app=str(here / "spark_words.py"),
    submit_py_files=[str(here / "spark_words_cleaning.py")],
    submit_files=[str(here / "rows.py")],
    arguments=["--source", f"s3://{bucket}/words/raw/", "--target", f"s3://{bucket}/words/counts"],
    configuration=[
        {
            "Classification": "spark-defaults",
            "Properties": {"spark.executor.memory": "2g", "spark.sql.session.timeZone": "Asia/Tokyo"},
        }
    ],
    spark_event_logs_s3_uri=f"s3://{bucket}/words/events",
    outputs=[ProcessingOutput(source="/opt/ml/processing/report", destination=f"s3://{bucket}/words/report")],
)
listed = client.list_objects_v2(Bucket=bucket, Prefix="words/")["Contents"]
report = client.get_object(Bucket=bucket, Key="words/report/rows.txt")["Body"].read().decode()
status = processor.latest_job.describe()["ProcessingJobStatus"]
keys = [entry["Key"] for entry in listed]
print("\n" + json.dumps({"status": status, "bucket": bucket, "keys": keys, "report": report}))
