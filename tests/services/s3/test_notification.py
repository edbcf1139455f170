"""Notification configurations: what is accepted, and what is refused with AWS's words."""

from typing import Any

import pytest

from tests.services.s3.conftest import Refusals

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
TOPIC = "arn:aws:sns:us-east-1:123456789012:t"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"


def queue(*events: str, **ends: str) -> dict[str, Any]:
    rules = [{"Name": name, "Value": value} for name, value in ends.items()]
    return {"QueueArn": QUEUE, "Events": list(events), "Filter": {"Key": {"FilterRules": rules}}}


def put(s3: Any, bucket: str, **configuration: Any) -> dict[str, Any]:
    """Put the configuration; what is shown then."""
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    shown = s3.get_bucket_notification_configuration(Bucket=bucket)
    del shown["ResponseMetadata"]
    return shown


def test_a_configuration_is_shown_as_it_was_put_with_ids(s3: Any, bucket: str) -> None:
    wish = {
        "QueueConfigurations": [{**queue("s3:ObjectCreated:*", prefix="a/"), "Id": "mine"}],
        "TopicConfigurations": [{"TopicArn": TOPIC, "Events": ["s3:ObjectRemoved:*"]}],
        "LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": f"{FUNCTION}:live", "Events": ["s3:ObjectAcl:Put", "s3:ObjectTagging:*"]}
        ],
        "EventBridgeConfiguration": {},
    }
    shown = put(s3, bucket, **wish)
    assert shown["TopicConfigurations"][0].pop("Id") != shown["LambdaFunctionConfigurations"][0].pop("Id")
    assert shown == wish


def test_an_empty_configuration_turns_notifications_off(s3: Any, bucket: str) -> None:
    assert put(s3, bucket, QueueConfigurations=[queue("s3:ObjectCreated:*")]) != {}
    assert put(s3, bucket) == {}


def test_watches_of_other_keys_do_not_overlap(s3: Any, bucket: str) -> None:
    entries = [
        queue("s3:ObjectCreated:*", prefix="a"),
        queue("s3:ObjectCreated:*", prefix="b"),
        queue("s3:ObjectCreated:Put", prefix="c", suffix=".jpg"),
        queue("s3:ObjectCreated:Put", prefix="c", suffix=".png"),
        queue("s3:ObjectRemoved:*"),
    ]
    assert len(put(s3, bucket, QueueConfigurations=entries)["QueueConfigurations"]) == 5


AMBIGUOUS = (
    "Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([queue("s3:ObjectCreated:*"), queue("s3:ObjectCreated:Put")], "Configurations overlap."),
        ([queue("s3:ObjectCreated:*"), queue("s3:ObjectCreated:Put", prefix="a")], AMBIGUOUS),
        (
            [
                queue("s3:ObjectRemoved:Delete", prefix="a"),
                queue("s3:ObjectRemoved:Delete", prefix="ab", suffix="z"),
            ],
            AMBIGUOUS,
        ),
        ([queue("s3:ObjectAcl:Put", suffix="jpg"), queue("s3:ObjectAcl:Put", suffix="pg")], AMBIGUOUS),
        ([queue("s3:ObjectMoved:*")], "A specified event is not supported for notifications."),
        ([queue("s3:*")], "A specified event is not supported for notifications."),
        ([queue("s3:ObjectCreated:*", middle="a")], "filter rule name must be either prefix or suffix"),
        (
            [queue("s3:ObjectCreated:*", prefix="a", Prefix="b")],
            "Cannot specify more than one prefix rule in a filter.",
        ),
        (
            [queue("s3:ObjectCreated:*", prefix="ä" * 513)],
            "Size of filter rule value cannot exceed 1024 bytes",
        ),
        ([{**queue("s3:ObjectCreated:*"), "QueueArn": TOPIC}], "The ARN could not be parsed"),
        (
            [{**queue("s3:ObjectCreated:*"), "QueueArn": "arn:aws:sqs:us-east-1:1:q"}],
            "The ARN could not be parsed",
        ),
        ([{**queue("s3:ObjectCreated:*"), "QueueArn": "q"}], "The ARN could not be parsed"),
        (
            [{**queue("s3:ObjectCreated:*"), "QueueArn": QUEUE.replace("us-east-1", "eu-west-1")}],
            "The notification destination service region is not valid for the bucket location constraint",
        ),
        (
            [{**queue("s3:ObjectAcl:Put"), "Id": "i"}, {**queue("s3:ObjectRemoved:*"), "Id": "i"}],
            "Same ID used for multiple configurations.",
        ),
    ],
)
def test_wrong_configurations_are_refused(
    s3: Any, bucket: str, refused: Refusals, entries: list[dict[str, Any]], said: str
) -> None:
    wish = {"QueueConfigurations": entries}
    error = refused.error(
        "put_bucket_notification_configuration", Bucket=bucket, NotificationConfiguration=wish
    )
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("InvalidArgument", 400)
    assert said in error["Error"]["Message"]
    assert s3.get_bucket_notification_configuration(Bucket=bucket).keys() == {"ResponseMetadata"}


def test_a_function_must_be_one(bucket: str, refused: Refusals) -> None:
    entry = {"LambdaFunctionArn": FUNCTION.replace("function", "layer"), "Events": ["s3:ObjectCreated:*"]}
    wish = {"LambdaFunctionConfigurations": [entry]}
    error = refused.error(
        "put_bucket_notification_configuration", Bucket=bucket, NotificationConfiguration=wish
    )
    assert error["Error"]["Message"] == "The ARN could not be parsed"


def test_a_bucket_has_a_hundred_configurations_at_most(s3: Any, bucket: str, refused: Refusals) -> None:
    entries = [queue("s3:ObjectCreated:*", prefix=f"{number}/") for number in range(101)]
    assert len(put(s3, bucket, QueueConfigurations=entries[:100])["QueueConfigurations"]) == 100
    error = refused(
        "put_bucket_notification_configuration",
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": entries},
    )
    assert error == ("InvalidArgument", 400)


def test_an_event_named_again_counts_once(s3: Any, bucket: str) -> None:
    shown = put(s3, bucket, QueueConfigurations=[queue(*["s3:ObjectCreated:*"] * 5)])
    assert shown["QueueConfigurations"][0]["Events"] == ["s3:ObjectCreated:*"]
