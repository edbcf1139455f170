"""Tags of users, roles and policies."""

from sagesse.core.call import Context
from sagesse.core.record import Record
from sagesse.core.service import Params, Result
from sagesse.core.tag import MAX_TAGS, add_tags, remove_tags, tag_list
from sagesse.services.iam.error import limit_exceeded
from sagesse.services.iam.page import sorted_page


def tag(ctx: Context, record: Record, req: Params) -> None:
    """Add or overwrite tags.

    Raises:
        ServiceError: more than 50 would result.
    """
    add_tags(
        ctx,
        record,
        req["Tags"],
        limit=lambda: limit_exceeded(f"The number of tags has reached the maximum limit: {MAX_TAGS}"),
    )


def untag(ctx: Context, record: Record, req: Params) -> None:
    """Remove tags; unknown keys are ignored."""
    remove_tags(ctx, record, req["TagKeys"])


def list_tags(record: Record, req: Params) -> Result:
    """One page of tags by key."""
    return sorted_page("Tags", tag_list(record), req, lambda pair: pair["Key"])
