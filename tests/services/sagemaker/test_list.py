"""ListTrainingJobs and ListProcessingJobs: every filter, every order, pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.core.record import Record

from .local import ACCOUNT, REGION, LocalApp, local_app

# name, status, created, modified; made in an order of their own
JOBS = (
    ("beta-1", "Failed", 1000.0, 5000.0),
    ("alpha-2", "Completed", 3000.0, 4000.0),
    ("beta-3", "Completed", 2000.0, 6000.0),
    ("alpha-4", "Stopped", 2000.0, 7000.0),
)
KINDS = ("TrainingJob", "ProcessingJob")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApp]:
    with local_app(tmp_path_factory.mktemp("app")) as running:
        for kind in KINDS:
            for job in JOBS:
                running.app.store.insert(record(kind, *job))
        yield running


def record(kind: str, name: str, status: str, created: float, modified: float) -> Record:
    path = {"TrainingJob": "training-job", "ProcessingJob": "processing-job"}[kind]
    return Record(
        kind=f"sagemaker:{kind}",
        account=ACCOUNT,
        region=REGION,
        name=name,
        arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{path}/{name}",
        created=created,
        modified=modified,
        status=status,
        request={},
        output={},
        state={},
    )


def listed(here: LocalApp, kind: str, **members: Any) -> list[str]:
    answer = here.call(f"List{kind}s", **members)
    return [summary[f"{kind}Name"] for summary in answer[f"{kind}Summaries"]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, ["alpha-2", "beta-3", "alpha-4", "beta-1"]),
        ({"SortOrder": "Ascending"}, ["beta-1", "alpha-4", "beta-3", "alpha-2"]),
        ({"SortBy": "Name", "SortOrder": "Ascending"}, ["alpha-2", "alpha-4", "beta-1", "beta-3"]),
        ({"SortBy": "Name"}, ["beta-3", "beta-1", "alpha-4", "alpha-2"]),
        ({"SortBy": "Status", "SortOrder": "Ascending"}, ["alpha-2", "beta-3", "beta-1", "alpha-4"]),
        ({"StatusEquals": "Completed"}, ["alpha-2", "beta-3"]),
        ({"StatusEquals": "InProgress"}, []),
        ({"NameContains": "pha"}, ["alpha-2", "alpha-4"]),
        ({"NameContains": "ALPHA"}, []),
        ({"CreationTimeAfter": 1500.0}, ["alpha-2", "beta-3", "alpha-4"]),
        ({"CreationTimeBefore": 2500.0}, ["beta-3", "alpha-4", "beta-1"]),
        ({"CreationTimeAfter": 1500.0, "CreationTimeBefore": 2500.0}, ["beta-3", "alpha-4"]),
        ({"LastModifiedTimeAfter": 5500.0}, ["beta-3", "alpha-4"]),
        ({"LastModifiedTimeBefore": 4500.0}, ["alpha-2"]),
        ({"StatusEquals": "Completed", "NameContains": "beta"}, ["beta-3"]),
        ({"MaxResults": 2}, ["alpha-2", "beta-3"]),
    ],
)
def test_a_list_is_filtered_and_in_order(
    here: LocalApp, kind: str, members: dict[str, Any], expected: list[str]
) -> None:
    assert listed(here, kind, **members) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    "members",
    [
        *(
            {"SortBy": sort, "SortOrder": order}
            for sort in ("Name", "CreationTime", "Status")
            for order in ("Ascending", "Descending")
        ),
        {"StatusEquals": "Completed", "NameContains": "a"},
    ],
)
def test_pages_are_the_whole(here: LocalApp, kind: str, size: int, members: dict[str, Any]) -> None:
    names: list[str] = []
    more: dict[str, Any] = {}
    while True:
        answer = here.call(f"List{kind}s", MaxResults=size, **members, **more)
        page = [summary[f"{kind}Name"] for summary in answer[f"{kind}Summaries"]]
        assert len(page) <= size
        names += page
        if "NextToken" not in answer:
            break
        more = {"NextToken": answer["NextToken"]}
    assert names == listed(here, kind, **members)


def test_training_plans_are_refused_by_name(here: LocalApp) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-plan/x"
    with pytest.raises(ServiceError, match="does not support TrainingPlanArnEquals"):
        here.call("ListTrainingJobs", TrainingPlanArnEquals=arn)


def test_a_token_of_another_order_is_refused(here: LocalApp) -> None:
    token = here.call("ListTrainingJobs", MaxResults=1)["NextToken"]
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        here.call("ListTrainingJobs", MaxResults=1, SortBy="Name", NextToken=token)
