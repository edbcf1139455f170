"""Service Quotas through an unmodified boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

NAME = "ml.m5.large for training job usage"


@pytest.fixture(scope="module")
def client(server: Server) -> Any:
    return server.client("service-quotas")


@pytest.fixture(scope="module")
def quotas(client: Any) -> dict[str, dict[str, Any]]:
    pages = client.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    return {quota["QuotaName"]: quota for page in pages for quota in page["Quotas"]}


def code(quotas: dict[str, dict[str, Any]], name: str) -> str:
    return quotas[name]["QuotaCode"]


def test_every_use_of_an_instance_type_has_a_quota(quotas: dict[str, dict[str, Any]]) -> None:
    uses = (
        "training job usage",
        "spot training job usage",
        "training warm pool usage",
        "processing job usage",
    )
    assert {f"ml.m5.large for {use}" for use in uses} <= set(quotas)
    quota = quotas[NAME]
    assert quota["QuotaArn"] == f"arn:aws:servicequotas:us-east-1:123456789012:sagemaker/{quota['QuotaCode']}"
    assert quota["Adjustable"] is True


def test_small_pages_are_the_same_list(client: Any, quotas: dict[str, dict[str, Any]]) -> None:
    pages = client.get_paginator("list_aws_default_service_quotas").paginate(
        ServiceCode="sagemaker", PaginationConfig={"PageSize": 37}
    )
    assert [quota["QuotaName"] for page in pages for quota in page["Quotas"]] == list(quotas)


def test_an_increase_applies_at_once_and_is_recorded(client: Any, quotas: dict[str, dict[str, Any]]) -> None:
    asked = {"ServiceCode": "sagemaker", "QuotaCode": code(quotas, NAME)}
    request = client.request_service_quota_increase(**asked, DesiredValue=20_000)["RequestedQuota"]
    assert request["Status"] == "APPROVED"
    assert client.get_service_quota(**asked)["Quota"]["Value"] == 20_000
    assert client.get_aws_default_service_quota(**asked)["Quota"]["Value"] == 10_000
    again = client.request_service_quota_increase(**asked, DesiredValue=30_000)["RequestedQuota"]
    history = client.list_requested_service_quota_change_history_by_quota(**asked)["RequestedQuotas"]
    assert [entry["Id"] for entry in history] == [again["Id"], request["Id"]]
    assert client.get_requested_service_quota_change(RequestId=request["Id"])["RequestedQuota"] == request
    assert server_default(client, quotas) == 10_000


def server_default(client: Any, quotas: dict[str, dict[str, Any]]) -> float:
    """Of another quota: only the one asked for was raised."""
    other = code(quotas, "ml.m5.xlarge for training job usage")
    return client.get_service_quota(ServiceCode="sagemaker", QuotaCode=other)["Quota"]["Value"]


def test_more_than_is_ever_granted_is_denied(client: Any, quotas: dict[str, dict[str, Any]]) -> None:
    asked = {"ServiceCode": "sagemaker", "QuotaCode": code(quotas, "ml.c5.xlarge for processing job usage")}
    request = client.request_service_quota_increase(**asked, DesiredValue=1e9)["RequestedQuota"]
    assert request["Status"] == "DENIED"
    assert client.get_service_quota(**asked)["Quota"]["Value"] == 10_000
    denied = client.list_requested_service_quota_change_history(ServiceCode="sagemaker", Status="DENIED")
    assert request["Id"] in [entry["Id"] for entry in denied["RequestedQuotas"]]


def test_less_than_there_is_cannot_be_asked_for(client: Any, quotas: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(ClientError, match="greater than the current quota value"):
        client.request_service_quota_increase(
            ServiceCode="sagemaker",
            QuotaCode=code(quotas, "ml.r5.large for training job usage"),
            DesiredValue=5,
        )


@pytest.mark.parametrize(
    ("service", "quota", "what"), [("ec2", "L-00000000", "service"), ("sagemaker", "L-00000000", "quota")]
)
def test_what_is_not_there_is_told(client: Any, service: str, quota: str, what: str) -> None:
    with pytest.raises(
        client.exceptions.NoSuchResourceException, match=f"the specified {what} does not exist"
    ):
        client.get_service_quota(ServiceCode=service, QuotaCode=quota)


def test_quotas_of_single_resources_are_refused(client: Any, quotas: dict[str, dict[str, Any]]) -> None:
    asked = {"ServiceCode": "sagemaker", "QuotaCode": code(quotas, NAME)}
    with pytest.raises(client.exceptions.IllegalArgumentException, match="account level"):
        client.get_service_quota(**asked, ContextId="arn:aws:x")
    with pytest.raises(client.exceptions.IllegalArgumentException, match="account level"):
        client.list_service_quotas(ServiceCode="sagemaker", QuotaAppliedAtLevel="RESOURCE")


def test_a_wrong_token_is_refused(client: Any) -> None:
    for list_quotas in (client.list_service_quotas, client.list_aws_default_service_quotas):
        with pytest.raises(client.exceptions.InvalidPaginationTokenException):
            list_quotas(ServiceCode="sagemaker", NextToken="x")
    with pytest.raises(client.exceptions.InvalidPaginationTokenException):
        client.list_requested_service_quota_change_history(NextToken="x")


def test_sagemaker_is_the_service_with_quotas(client: Any) -> None:
    assert [service["ServiceCode"] for service in client.list_services()["Services"]] == ["sagemaker"]
