"""Constraint errors: AWS's wording, nothing wrong refused, everything broken named."""

from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.core.model import SERVICES, Operation, service_model
from sagesse.wire.codec import codec
from sagesse.wire.codec.shape import Shape
from sagesse.wire.message import Protocol

from .instance import Generator
from .peer import OURS

TRAINING: dict[str, Any] = {
    "TrainingJobName": "job-1",
    "AlgorithmSpecification": {"TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/sagemaker",
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"VolumeSizeInGB": 1},
    "StoppingCondition": {},
}


def refusal(service: str, operation: str, params: dict[str, Any]) -> ServiceError:
    """The error that `params` are refused with."""
    protocol = OURS[service_model(service).metadata["protocol"]]
    with pytest.raises(ServiceError) as caught:
        codec(service, operation, protocol).check(params)
    return caught.value


def training_refusal(**changes: Any) -> str:
    """The message that a training job with `changes` is refused with."""
    error = refusal("sagemaker", "CreateTrainingJob", {**TRAINING, **changes})
    assert (error.code, error.status) == ("ValidationException", 400)
    return error.message


def test_a_valid_request_passes() -> None:
    codec("sagemaker", "CreateTrainingJob", "json").check(TRAINING)


def test_a_missing_member_must_not_be_null() -> None:
    assert training_refusal(RoleArn=None) == (
        "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null"
    )


def test_two_errors_are_listed_and_counted() -> None:
    assert training_refusal(RoleArn=None, StoppingCondition={"MaxRuntimeInSeconds": 0}) == (
        "2 validation errors detected: "
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null; "
        "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )


def test_one_value_may_break_several_constraints() -> None:
    message = training_refusal(TrainingJobName="x" * 64)
    assert message.startswith("2 validation errors detected: ")
    assert (
        "at 'trainingJobName' failed to satisfy constraint: Member must have length less than or equal to 63"
        in message
    )


def test_a_pattern_is_quoted() -> None:
    pattern = service_model("sagemaker").shapes["TrainingJobName"]["pattern"]
    assert training_refusal(TrainingJobName="-bad_") == (
        "1 validation error detected: Value '-bad_' at 'trainingJobName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}"
    )


def test_an_enum_lists_its_words() -> None:
    message = training_refusal(AlgorithmSpecification={"TrainingInputMode": "Tape"})
    assert message == (
        "1 validation error detected: Value 'Tape' at 'algorithmSpecification.trainingInputMode' failed to satisfy "
        "constraint: Member must satisfy enum value set: [Pipe, File, FastFile]"
    )


def test_a_number_has_its_range() -> None:
    assert (
        "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint: Member must have value "
        "greater than or equal to 1" in training_refusal(StoppingCondition={"MaxRuntimeInSeconds": 0})
    )


def test_a_structure_in_a_list_is_named_by_its_number() -> None:
    message = training_refusal(Tags=[{"Key": "a", "Value": "b"}, {"Key": "", "Value": "b"}])
    assert (
        "Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or "
        "equal to 1" in message
    )


def test_scalars_of_a_map_are_reported_with_the_map() -> None:
    message = training_refusal(HyperParameters={"k": "v" * 2501})
    assert (
        "at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: [Member must have "
        "length less than or equal to 2500, Member must satisfy regular expression pattern: .*]" in message
    )


def test_scalars_of_a_list_are_reported_with_the_list() -> None:
    message = training_refusal(VpcConfig={"SecurityGroupIds": ["sg 1"], "Subnets": ["s-1"]})
    assert message == (
        "1 validation error detected: Value '[sg 1]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must have length less than or equal to 32, "
        "Member must satisfy regular expression pattern: [-0-9a-zA-Z]+]"
    )


def test_a_sensitive_value_is_not_shown() -> None:
    message = refusal("iam", "CreateLoginProfile", {"UserName": "u", "Password": ""}).message
    assert "Value at 'password' failed to satisfy constraint" in message


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sts", "AssumeRole", "ValidationError"),
        ("kms", "DescribeKey", "ValidationException"),
        ("logs", "CreateLogGroup", "InvalidParameterException"),
        ("s3", "GetObject", "InvalidRequest"),
    ],
)
def test_the_code_is_the_services(service: str, operation: str, code: str) -> None:
    assert refusal(service, operation, {}).code == code


def test_s3_calls_an_incomplete_document_malformed() -> None:
    assert refusal("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{}]}}).code == "MalformedXML"


def test_a_hostile_text_does_not_hang() -> None:
    role = "arn:aws:iam::123456789012:role/" + "a" * 2000 + "\n"
    tags = [{"Key": "\0" * 100, "Value": "\0" * 200}] * 500
    assert "validation errors detected" in training_refusal(RoleArn=role, Tags=tags)


def test_at_most_a_hundred_violations_are_listed() -> None:
    assert training_refusal(Tags=[{}] * 5000).startswith("100 validation errors detected")


@pytest.mark.parametrize("service", SERVICES)
def test_every_valid_input_is_accepted_and_every_missing_member_named(service: str) -> None:
    protocol = OURS[service_model(service).metadata["protocol"]]
    for operation in service_model(service).operations.values():
        if operation.input is None:
            continue
        generator, shape = Generator(operation.name), Shape(operation.service, operation.raw["input"])
        params = generator.structure(shape)
        if generator.unmatched or any(member.is_event_stream for member in shape.members.values()):
            continue  # test_few_patterns_go_without_a_text counts the first
        check = codec(service, operation.name, protocol).check
        check(params)
        if protocol != "rest-xml":
            assert_names_the_missing(operation, protocol)


def assert_names_the_missing(operation: Operation, protocol: Protocol) -> None:
    shape = Shape(operation.service, operation.raw["input"])
    required = [name for name in shape.traits.get("required", ()) if not shape.members[name].is_event_stream]
    if required:
        message = refusal(operation.service.name, operation.name, {}).message
        for name in required:
            assert f"Value null at '{name[0].lower()}{name[1:]}' failed to satisfy" in message


def test_few_patterns_go_without_a_text() -> None:
    generator = Generator("texts")
    for name in SERVICES:
        model = service_model(name)
        for shape in [Shape(model, {"shape": key}) for key, raw in model.shapes.items() if "pattern" in raw]:
            generator.text(shape)
    assert len(generator.unmatched) <= 6, sorted(generator.unmatched)
