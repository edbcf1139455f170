"""IAM's refusals, in its wording."""

from sagesse.core.error import ServiceError


def no_such_entity(message: str) -> ServiceError:
    """Something named is not there."""
    return ServiceError("NoSuchEntityException", message)


def already_exists(message: str) -> ServiceError:
    """The name is taken."""
    return ServiceError("EntityAlreadyExistsException", message)


def delete_conflict(message: str) -> ServiceError:
    """Something still hangs on what should be deleted."""
    return ServiceError("DeleteConflictException", message)


def limit_exceeded(message: str) -> ServiceError:
    """A quota of AWS's is used up."""
    return ServiceError("LimitExceededException", message)


def invalid_input(message: str) -> ServiceError:
    """A member's value makes no sense here."""
    return ServiceError("InvalidInputException", message)


def validation_failed(message: str) -> ServiceError:
    """A constraint that the model does not state; query services have their own code for it."""
    return ServiceError("ValidationError", message, status=400)


def missing_policy(arn: str) -> ServiceError:
    """There is no such managed policy to look at."""
    return no_such_entity(f"Policy {arn} was not found.")


def unattachable_policy(arn: str) -> ServiceError:
    """There is no such managed policy to attach."""
    return no_such_entity(f"Policy {arn} does not exist or is not attachable.")
