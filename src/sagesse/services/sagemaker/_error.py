"""SageMaker's wording of what is there already or not there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sagesse.core.error import ServiceError, unsupported_member, validation_error
from sagesse.core.record import Record


class ChannelError(Exception):
    """A channel could not be fetched; the text is for FailureReason."""


def could_not_find(what: str) -> Callable[[str, str], ServiceError]:
    """The not-found error of `what` ("model"), which SageMaker words as a validation error with the ARN."""
    return lambda name, arn: validation_error(f'Could not find {what} "{arn}".')


def already_existing(what: str) -> Callable[[Record], ServiceError]:
    """The duplicate error of `what` ("endpoint")."""
    return lambda record: validation_error(f'Cannot create already existing {what} "{record.arn}".')


def require(params: Mapping[str, Any], *members: str) -> None:
    """Refuse a request without members that its model does not require, but that we do.

    Raises:
        ServiceError: as SageMaker words it for members that its model requires.
    """
    missing = [member for member in members if member not in params]
    if missing:
        said = [
            f"Value null at '{member[0].lower()}{member[1:]}' failed to satisfy constraint: Member must not be null"
            for member in missing
        ]
        plural = "s" if len(said) > 1 else ""
        raise validation_error(f"{len(said)} validation error{plural} detected: {'; '.join(said)}")


def check_tags(tags: Iterable[Mapping[str, str]]) -> None:
    """Refuse tags that no resource can have.

    Raises:
        ServiceError: a key is there twice, or AWS's own.
    """
    keys = [tag["Key"] for tag in tags]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise validation_error(f"Tag keys must be unique; given more than once: {twice}.")
    if reserved := [key for key in keys if key.lower().startswith("aws:")]:
        raise validation_error(
            f"Invalid tag key {reserved[0]!r}: aws: prefixed tag key names are not allowed for external use."
        )


def check_texts(params: Mapping[str, Any], *members: str) -> None:
    """Refuse arguments and variables that no program can be given.

    Args:
        params: what has the members: lists of text, or mappings of it.

    Raises:
        ServiceError: names the member with a NUL character in it.
    """
    for member in members:
        given: Sequence[str] | Mapping[str, str] = params.get(member, ())
        texts = (*given, *given.values()) if isinstance(given, Mapping) else given
        if any("\0" in text for text in texts):
            raise validation_error(f"{member} holds a NUL character, which no program can be given.")


def refuse_unsupported(params: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
    """Refuse members that would change behaviour and are not supported.

    Args:
        params: the request.
        reasons: by member path ("ResourceConfig.KeepAlivePeriodInSeconds"), why not. Members that are absent,
            false, zero or empty ask for nothing and pass.

    Raises:
        ServiceError: names the first such member.
    """
    for path, reason in reasons.items():
        value: Any = params
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if value:
            raise unsupported_member(path, reason)
