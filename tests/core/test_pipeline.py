import errno
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable

import pytest

from sagesse.core.call import Call, Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.kind import Kind
from sagesse.core.service import Grant, Params, Result, Service

from .conftest import FakePlatform

THING = Kind(
    service="sagemaker",
    name="Model",
    key="ModelName",
    arn_path="model/{name}",
    describe="DescribeModel",
    delete="DeleteModel",
    listing="ListModels",
    arn_member="ModelArn",
    missing=lambda name, arn: validation_error(f'Could not find model "{arn}".'),
    duplicate=lambda record: validation_error(f"already {record.arn}"),
)


class Things(Service):
    service = "sagemaker"
    kinds = (THING,)

    def __init__(self) -> None:
        self.runs = 0

    def create_model(self, ctx: Context, req: Params) -> Result:
        return THING.create(ctx, req)

    def create_model_package(self, ctx: Context, req: Params) -> Result:
        self.runs += 1
        return {"ModelPackageArn": f"arn:{self.runs}"}

    def stop_training_job(self, ctx: Context, req: Params) -> Result:
        raise RuntimeError("secret detail")

    def stop_transform_job(self, ctx: Context, req: Params) -> Result:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/records.db")

    def stop_processing_job(self, ctx: Context, req: Params) -> Result:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


class Nobody:
    def is_unlimited(self, principal: object, service: str) -> bool:
        return False

    def check(self, call: Call, grants: Iterable[Grant], facts: object) -> None:
        raise ServiceError("AccessDeniedException", f"no {list(grants)}", status=403)


Make = Callable[..., FakePlatform]


def _audit(platform: FakePlatform) -> list[dict[str, object]]:
    return [
        json.loads(line) for file in platform.audit_folder.iterdir() for line in file.read_text().splitlines()
    ]


def test_a_record_is_projected_on_the_output_shape(platform_of: Make) -> None:
    answer = platform_of(Things()).ask("CreateModel", ModelName="Abc", Tags=[{"Key": "k", "Value": "v"}])
    assert answer == {"ModelArn": "arn:aws:sagemaker:eu-central-1:123456789012:model/abc"}


def test_describe_gives_the_request_back_with_facts(platform_of: Make) -> None:
    platform = platform_of(Things())
    platform.ask("CreateModel", ModelName="abc", PrimaryContainer={"Image": "i"})
    answer = platform.ask("DescribeModel", ModelName="abc")
    assert answer["PrimaryContainer"] == {"Image": "i"}
    assert answer["CreationTime"] == platform.clock.now()


def test_duplicates_are_refused_in_the_kinds_words(platform_of: Make) -> None:
    platform = platform_of(Things())
    platform.ask("CreateModel", ModelName="abc")
    with pytest.raises(ServiceError, match="already arn:aws:sagemaker"):
        platform.ask("CreateModel", ModelName="abc")


def test_missing_is_refused_in_the_kinds_words(platform_of: Make) -> None:
    with pytest.raises(ServiceError, match='Could not find model "arn:aws:sagemaker'):
        platform_of(Things()).ask("DescribeModel", ModelName="abc")


def test_listing_pages_through_everything(platform_of: Make) -> None:
    platform = platform_of(Things())
    for number in range(5):
        platform.clock.turn(1)
        platform.ask("CreateModel", ModelName=f"m{number}")
    names: list[str] = []
    answer = platform.ask("ListModels", MaxResults=2)
    while True:
        names += [model["ModelName"] for model in answer["Models"]]
        if "NextToken" not in answer:
            break
        answer = platform.ask("ListModels", MaxResults=2, NextToken=answer["NextToken"])
    assert names == ["m4", "m3", "m2", "m1", "m0"]


def test_what_aws_has_and_we_do_not_answers_501(platform_of: Make) -> None:
    with pytest.raises(ServiceError, match="does not implement sagemaker:CreateTransformJob") as refusal:
        platform_of(Things()).ask("CreateTransformJob")
    assert refusal.value.status == 501


def test_a_failing_handler_tells_the_client_nothing_of_its_inside(
    platform_of: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ServiceError) as failure:
        platform_of(Things()).ask("StopTrainingJob")
    assert failure.value.status == 500
    assert "secret detail" not in failure.value.message
    assert "r-1" in failure.value.message
    assert "secret detail" in caplog.text


def test_every_call_is_audited_with_its_outcome(platform_of: Make) -> None:
    platform = platform_of(Things())
    platform.ask("CreateModel", ModelName="abc")
    with pytest.raises(ServiceError):
        platform.ask("DescribeModel", ModelName="nope")
    created, described = _audit(platform)
    assert (created["eventName"], created["readOnly"]) == ("CreateModel", False)
    assert (described["errorCode"], described["readOnly"]) == ("ValidationException", True)


def test_every_call_is_metered(platform_of: Make) -> None:
    platform = platform_of(Things())
    platform.ask("CreateModel", ModelName="abc")
    assert platform.meter.snapshot()["sagemaker:CreateModel"].calls == 1


def test_a_refused_call_changes_nothing_and_is_audited(platform_of: Make) -> None:
    platform = platform_of(Things(), authorizer=Nobody())
    with pytest.raises(ServiceError, match="sagemaker:CreateModel"):
        platform.ask("CreateModel", ModelName="abc")
    assert platform.store.by_arn("arn:aws:sagemaker:eu-central-1:123456789012:model/abc") is None
    assert _audit(platform)[0]["errorCode"] == "AccessDeniedException"


def test_a_token_used_again_answers_the_same_without_running(platform_of: Make) -> None:
    service = Things()
    platform = platform_of(service)
    first = platform.ask("CreateModelPackage", ClientToken="t", ModelPackageName="a")
    second = platform.ask("CreateModelPackage", ClientToken="t", ModelPackageName="a")
    assert (dict(first), service.runs) == (dict(second), 1)


def test_a_token_used_for_something_else_is_refused(platform_of: Make) -> None:
    platform = platform_of(Things())
    platform.ask("CreateModelPackage", ClientToken="t", ModelPackageName="a")
    with pytest.raises(ServiceError, match="ClientToken 't' was used before"):
        platform.ask("CreateModelPackage", ClientToken="t", ModelPackageName="b")


def test_a_full_disk_is_told_without_a_stack_trace(
    platform_of: Make, caplog: pytest.LogCaptureFixture
) -> None:
    platform = platform_of(Things())
    with caplog.at_level(logging.ERROR), pytest.raises(ServiceError) as caught:
        platform.ask("StopTransformJob", TransformJobName="a")
    assert (caught.value.code, caught.value.status) == ("ServiceUnavailable", 503)
    assert "/data/records.db" in caught.value.message
    (record,) = caplog.records
    assert record.exc_info is None


def test_damage_is_told_and_noted(platform_of: Make) -> None:
    platform = platform_of(Things())
    with pytest.raises(ServiceError) as caught:
        platform.ask("StopProcessingJob", ProcessingJobName="a")
    assert (caught.value.code, caught.value.status) == ("InternalFailure", 500)
    assert [damage.what for damage in platform.damage.findings.damages] == ["the database behind sagemaker"]
