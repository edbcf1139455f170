"""Tags of users, roles and policies; their keys are compared without case, as IAM does."""

from collections.abc import Mapping, Sequence

from sagesse.core.call import Context
from sagesse.core.record import Record
from sagesse.core.service import Params, Result
from sagesse.core.tag import MAX_TAGS, add_tags, remove_tags, tag_list
from sagesse.services.iam.error import invalid_input, limit_exceeded
from sagesse.services.iam.page import sorted_page


def checked_tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """A request's tags by key.

    Raises:
        ServiceError: a key is given twice, in whatever case.
    """
    if len({tag["Key"].lower() for tag in tags}) < len(tags):
        raise invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return {tag["Key"]: tag["Value"] for tag in tags}


def tag(ctx: Context, record: Record, req: Params) -> None:
    """Add or overwrite tags; one that is there keeps the case of its key.

    Raises:
        ServiceError: more than 50 would result, or a key is given twice.
    """
    there = {key.lower(): key for key in record.tags}
    add_tags(
        ctx,
        record,
        [
            {"Key": there.get(key.lower(), key), "Value": value}
            for key, value in checked_tags(req["Tags"]).items()
        ],
        limit=lambda: limit_exceeded(f"The number of tags has reached the maximum limit: {MAX_TAGS}"),
    )


def untag(ctx: Context, record: Record, req: Params) -> None:
    """Remove tags; unknown keys are ignored."""
    unwanted = {key.lower() for key in req["TagKeys"]}
    remove_tags(ctx, record, [key for key in record.tags if key.lower() in unwanted])


def list_tags(record: Record, req: Params) -> Result:
    """One page of tags by key."""
    return sorted_page("Tags", tag_list(record), req, lambda pair: pair["Key"])
