"""Tags of any record, by ARN."""

from collections.abc import Callable, Iterable, Mapping

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.record import Record

MAX_TAGS = 50


def tag_list(record: Record) -> list[dict[str, str]]:
    """The record's tags in the models' form."""
    return [{"Key": key, "Value": value} for key, value in record.tags.items()]


def add_tags(
    ctx: Context,
    record: Record,
    tags: Iterable[Mapping[str, str]],
    *,
    limit: Callable[[], ServiceError] | None = None,
) -> Record | None:
    """Add or overwrite tags, atomically; None when the record is gone.

    Raises:
        ServiceError: more than 50 tags would result.
    """
    wanted = {tag["Key"]: tag["Value"] for tag in tags}

    def change(current: Record) -> Record:
        current.tags.update(wanted)
        if len(current.tags) > MAX_TAGS:
            message = f"{record.arn} would have {len(current.tags)} tags; at most {MAX_TAGS} are allowed"
            raise limit() if limit else validation_error(message)
        return current

    return ctx.store.update(record.key, change)


def remove_tags(ctx: Context, record: Record, keys: Iterable[str]) -> Record | None:
    """Remove tags; unknown keys are ignored; None when the record is gone."""
    unwanted = set(keys)

    def change(current: Record) -> Record:
        current.tags = {key: value for key, value in current.tags.items() if key not in unwanted}
        return current

    return ctx.store.update(record.key, change)
