"""CloudWatch through boto3 (JSON), the older query protocol and CBOR, on a real server."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import cbor2
import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

JOB = [{"Name": "TrainingJobName", "Value": "j"}]
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOUR = {"StartTime": NOW - timedelta(minutes=30), "EndTime": NOW + timedelta(minutes=30), "Period": 60}


@pytest.fixture(scope="module")
def cloudwatch(server: Server) -> Any:
    return server.client("cloudwatch")


def test_values_come_back_as_statistics(cloudwatch: Any) -> None:
    data = [
        {"MetricName": "loss", "Dimensions": JOB, "Value": value, "Timestamp": NOW} for value in (1.0, 3.0)
    ]
    cloudwatch.put_metric_data(Namespace="Jobs", MetricData=data)
    answer = cloudwatch.get_metric_statistics(
        Namespace="Jobs", MetricName="loss", Dimensions=JOB, Statistics=["Average"], **HOUR
    )
    assert answer["Datapoints"] == [{"Timestamp": NOW, "Average": 2.0, "Unit": "None"}]


def test_a_large_call_arrives_compressed(cloudwatch: Any) -> None:
    data = [
        {"MetricName": f"large-{number}", "Values": list(range(100)), "Timestamp": NOW}
        for number in range(150)
    ]
    cloudwatch.put_metric_data(Namespace="Large", MetricData=data)  # boto3 packs bodies over 10 KiB
    listed = cloudwatch.get_paginator("list_metrics").paginate(Namespace="Large")
    assert sum(len(page["Metrics"]) for page in listed) == 150


def test_expressions_over_metrics(cloudwatch: Any) -> None:
    cloudwatch.put_metric_data(
        Namespace="Math", MetricData=[{"MetricName": "m", "Value": 4.0, "Timestamp": NOW}]
    )
    metric = {"Metric": {"Namespace": "Math", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "m", "MetricStat": metric, "ReturnData": False}, {"Id": "e", "Expression": "m / 2"}]
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=HOUR["StartTime"], EndTime=HOUR["EndTime"]
    )
    (result,) = answer["MetricDataResults"]
    assert (result["Timestamps"], result["Values"]) == ([NOW], [2.0])


def test_a_wrong_value_raises_the_query_code(cloudwatch: Any) -> None:
    with pytest.raises(ClientError) as caught:
        cloudwatch.put_metric_data(Namespace="AWS/X", MetricData=[{"MetricName": "m", "Value": 1.0}])
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"


def post(server: Server, path: str, body: bytes, **headers: str) -> bytes:
    """A request of another client; an ephemeral server takes any key."""
    scope = f"{NOW:%Y%m%d}/us-east-1/monitoring/aws4_request"
    signature = (
        f"AWS4-HMAC-SHA256 Credential=AKIAOTHER/{scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    )
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= {"Authorization": signature, "X-Amz-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"}
    with urlopen(Request(server.url + path, data=body, headers=sent)) as answer:
        return answer.read()


def test_the_query_protocol_puts_and_lists(server: Server) -> None:
    form = "Version=2010-08-01&Namespace=Query&"
    datum = "MetricData.member.1.MetricName=q&MetricData.member.1.Values.member.1=2.5"
    content = {"Content_Type": "application/x-www-form-urlencoded"}
    post(server, "/", f"Action=PutMetricData&{form}{datum}".encode(), **content)
    listed = post(server, "/", f"Action=ListMetrics&{form}".encode(), **content)
    assert b"<MetricName>q</MetricName>" in listed


def test_cbor_puts_and_reads(server: Server) -> None:
    content = {"Content_Type": "application/cbor", "smithy_protocol": "rpc-v2-cbor"}
    folder = "/service/GraniteServiceVersion20100801/operation/"
    data = {"Namespace": "Cbor", "MetricData": [{"MetricName": "c", "Value": 1.5, "Timestamp": NOW}]}
    post(server, folder + "PutMetricData", cbor2.dumps(data, datetime_as_timestamp=True), **content)
    asked = {"Namespace": "Cbor", "MetricName": "c", "Statistics": ["Sum"], **HOUR}
    answer = cbor2.loads(
        post(
            server, folder + "GetMetricStatistics", cbor2.dumps(asked, datetime_as_timestamp=True), **content
        )
    )
    assert [(point["Timestamp"], point["Sum"]) for point in answer["Datapoints"]] == [(NOW, 1.5)]
