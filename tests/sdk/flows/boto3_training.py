"""boto3 from environment variables alone: a training job, its log and its metric."""

import io
import json
import tarfile
import time

import boto3

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
SCRIPT = b"""print("loss=0.5")
open("/opt/ml/model/model.txt", "w").write("kept")
"""

bucket, job = "from-boto3", "from-boto3"
s3, sagemaker, logs = (boto3.client(name) for name in ("s3", "sagemaker", "logs"))
s3.create_bucket(Bucket=bucket)
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:gz") as tar:
    member = tarfile.TarInfo("train.py")
    member.size = len(SCRIPT)
    tar.addfile(member, io.BytesIO(SCRIPT))
s3.put_object(Bucket=bucket, Key="code.tar.gz", Body=archive.getvalue())
sagemaker.create_training_job(
    TrainingJobName=job,
    AlgorithmSpecification={
        "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:1.0",
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=(\S+)"}],
    },
    RoleArn=ROLE,
    HyperParameters={
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{bucket}/code.tar.gz",
    },
    OutputDataConfig={"S3OutputPath": f"s3://{bucket}/out"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    StoppingCondition={"MaxRuntimeInSeconds": 60},
)
while (facts := sagemaker.describe_training_job(TrainingJobName=job))["TrainingJobStatus"] == "InProgress":
    time.sleep(0.1)
group = "/aws/sagemaker/TrainingJobs"
stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"][0]
events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
artifacts = facts["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": artifacts})
answer = {
    "status": facts["TrainingJobStatus"],
    "metrics": [metric["Value"] for metric in facts["FinalMetricDataList"]],
    "messages": [event["message"] for event in events],
    "caller": boto3.client("sts").get_caller_identity()["Arn"],
    "buckets": [entry["Name"] for entry in s3.list_buckets()["Buckets"]],
    "url": url,
}
print("\n" + json.dumps(answer))
