"""Search through an unmodified boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import finished, make_bucket, run_job, script_job

NAMES = [f"found-{number}" for number in range(5)]


@pytest.fixture(scope="module", autouse=True)
def jobs(server: Server) -> None:
    """Five jobs: eta 0 to 4, the last one failed, the first one with a metric."""
    make_bucket(server)
    client = server.client("sagemaker")
    for number, name in enumerate(NAMES):
        request = script_job(server, name, "print('loss=0.5')" if number == 0 else "", Tags=tags(number))
        request["HyperParameters"]["eta"] = str(number)
        request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": r"loss=(\S+)"}]
        if number == 4:
            request["AlgorithmSpecification"]["TrainingImage"] = "unknown"
        client.create_training_job(**request)
    for name in NAMES:
        finished(server, name)


def tags(number: int) -> list[dict[str, str]]:
    return [{"Key": "parity", "Value": "odd" if number % 2 else "even"}]


def search(server: Server, *filters: tuple[str, str, str], **members: Any) -> list[str]:
    """The names of the jobs that a search finds, in its order."""
    if filters:
        items = [{"Name": name, "Operator": operator, "Value": value} for name, operator, value in filters]
        members["SearchExpression"] = {"Filters": items}
    results = server.client("sagemaker").search(Resource="TrainingJob", **members)["Results"]
    return [result["TrainingJob"]["TrainingJobName"] for result in results]


def test_all_jobs_are_found_the_last_changed_first(server: Server) -> None:
    assert sorted(search(server)) == NAMES


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (("TrainingJobStatus", "Equals", "Failed"), NAMES[4:]),
        (("TrainingJobName", "Contains", "found-2"), NAMES[2:3]),
        (("HyperParameters.eta", "GreaterThanOrEqualTo", "2"), NAMES[2:]),
        (("Tags.parity", "Equals", "odd"), [NAMES[1], NAMES[3]]),
        (("Metrics.loss", "LessThan", "1"), NAMES[:1]),
        (("CreationTime", "GreaterThan", "2020-01-01T00:00:00"), NAMES),
        (("CreationTime", "LessThan", "2020-01-01T00:00:00"), []),
        (("ResourceConfig.InstanceType", "In", "ml.t3.medium,ml.m5.large"), NAMES),
    ],
)
def test_a_filter_finds(server: Server, condition: tuple[str, str, str], found: list[str]) -> None:
    assert search(server, condition, SortBy="TrainingJobName", SortOrder="Ascending") == found


def test_a_result_is_what_a_description_shows(server: Server) -> None:
    client = server.client("sagemaker")
    expression = {"Filters": [{"Name": "TrainingJobName", "Operator": "Equals", "Value": "found-0"}]}
    answer = client.search(Resource="TrainingJob", SearchExpression=expression)
    (result,) = answer["Results"]
    described = client.describe_training_job(TrainingJobName="found-0")
    for member in ("TrainingJobArn", "FinalMetricDataList", "HyperParameters", "CreationTime"):
        assert result["TrainingJob"][member] == described[member]
    assert result["TrainingJob"]["Tags"] == tags(0)
    assert answer["TotalHits"] == {"Value": 1, "Relation": "EqualTo"}


@pytest.mark.parametrize(
    "sort", ["TrainingJobName", "CreationTime", "HyperParameters.eta", "TrainingJobStatus"]
)
@pytest.mark.parametrize("order", ["Ascending", "Descending"])
def test_pages_are_the_whole_in_order(server: Server, sort: str, order: str) -> None:
    pages = (
        server.client("sagemaker")
        .get_paginator("search")
        .paginate(Resource="TrainingJob", SortBy=sort, SortOrder=order, PaginationConfig={"PageSize": 2})
    )
    names = [result["TrainingJob"]["TrainingJobName"] for page in pages for result in page["Results"]]
    assert names == search(server, SortBy=sort, SortOrder=order)
    assert sorted(names) == NAMES
    if sort == "HyperParameters.eta":
        assert names == (NAMES if order == "Ascending" else NAMES[::-1])


def test_jobs_without_the_sorted_property_come_last(server: Server) -> None:
    for order in ("Ascending", "Descending"):
        assert search(server, SortBy="Metrics.loss", SortOrder=order)[0] == "found-0"


@pytest.mark.parametrize(
    "members",
    [
        {"SortBy": "Nothing"},
        {"SortBy": "ResourceConfig"},
        {"NextToken": "x"},
        {"NextToken": "x", "SortBy": "HyperParameters.eta"},
        {"VisibilityConditions": [{"Key": "a", "Value": "b"}]},
        {"CrossAccountFilterOption": "CrossAccount"},
        {"SearchExpression": {}},
        {"Resource": "Image"},
    ],
)
def test_what_is_wrong_or_not_supported_is_refused(server: Server, members: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refusal:
        server.client("sagemaker").search(**{"Resource": "TrainingJob", **members})
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


def test_names_of_properties_are_suggested(server: Server) -> None:
    def suggest(hint: str) -> list[str]:
        answer = server.client("sagemaker").get_search_suggestions(
            Resource="TrainingJob", SuggestionQuery={"PropertyNameQuery": {"PropertyNameHint": hint}}
        )
        return [suggestion["PropertyName"] for suggestion in answer["PropertyNameSuggestions"]]

    assert suggest("TrainingJobS") == ["TrainingJobStatus"]
    assert suggest("HyperParameters.e") == ["HyperParameters.eta"]
    assert suggest("Tags.") == ["Tags.parity"]
    assert suggest("Metrics.") == ["Metrics.loss"]
    assert len(suggest("T")) == 10


def test_a_reader_of_another_region_finds_nothing(server: Server) -> None:
    there = server.client("sagemaker", region="eu-west-1")
    assert there.search(Resource="TrainingJob")["Results"] == []
    assert there.search(Resource="TrainingJob")["TotalHits"] == {"Value": 0, "Relation": "EqualTo"}


def test_jobs_are_found_while_they_run(server: Server) -> None:
    facts = run_job(server, script_job(server, "later", ""))
    assert search(server, ("TrainingJobName", "Equals", facts["TrainingJobName"])) == ["later"]
    server.client("sagemaker").delete_training_job(TrainingJobName="later")


@pytest.mark.parametrize(
    "members", [{"StatusEquals": "Done"}, {"SortBy": "Size"}, {"SortOrder": "Up"}, {"MaxResults": 101}]
)
def test_a_wrong_member_of_a_list_is_refused_with_what_is_allowed(
    server: Any, members: dict[str, Any]
) -> None:
    for operation in ("list_training_jobs", "list_processing_jobs"):
        with pytest.raises(ClientError, match="validation error detected"):
            getattr(server.client("sagemaker"), operation)(**members)
