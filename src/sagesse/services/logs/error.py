"""The errors of CloudWatch Logs, in its words."""

from sagesse.core.error import ServiceError


def no_group() -> ServiceError:
    """The group is missing."""
    return ServiceError("ResourceNotFoundException", "The specified log group does not exist.")


def no_stream() -> ServiceError:
    """The stream is missing."""
    return ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")


def group_exists() -> ServiceError:
    """The group is there already."""
    return ServiceError("ResourceAlreadyExistsException", "The specified log group already exists")


def stream_exists() -> ServiceError:
    """The stream is there already."""
    return ServiceError("ResourceAlreadyExistsException", "The specified log stream already exists")


def invalid(message: str) -> ServiceError:
    """A parameter is wrong."""
    return ServiceError("InvalidParameterException", message)


def invalid_pattern(reason: str) -> ServiceError:
    """The filter pattern is wrong or not supported."""
    return invalid(f"Invalid filter pattern: {reason}")


def invalid_token() -> ServiceError:
    """The token is not of ours."""
    return invalid("The specified nextToken is invalid.")
