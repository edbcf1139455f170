"""The errors of KMS, in its words."""

from sagesse.core.error import ServiceError


def no_key(arn: str) -> ServiceError:
    """No such key, by ARN."""
    return ServiceError("NotFoundException", f"Key '{arn}' does not exist")


def no_alias(arn: str) -> ServiceError:
    """No such alias."""
    return ServiceError("NotFoundException", f"Alias {arn} is not found.")


def invalid_key_id(text: str) -> ServiceError:
    """Neither a key id nor an ARN, nor an alias where one may stand."""
    return ServiceError("NotFoundException", f"Invalid keyId '{text}'")


def alias_exists(arn: str) -> ServiceError:
    """The alias is there already."""
    return ServiceError("AlreadyExistsException", f"An alias with the name {arn} already exists")


def key_exists(arn: str) -> ServiceError:
    """Ids are random, so this is never seen."""
    return ServiceError("KMSInternalException", f"Key {arn} exists already")


def disabled(arn: str) -> ServiceError:
    """The key is switched off."""
    return ServiceError("DisabledException", f"{arn} is disabled.")


def pending_deletion(arn: str) -> ServiceError:
    """The key waits for its deletion."""
    return ServiceError("KMSInvalidStateException", f"{arn} is pending deletion.")


def not_pending_deletion(arn: str) -> ServiceError:
    """There is no deletion to cancel."""
    return ServiceError("KMSInvalidStateException", f"{arn} is not pending deletion.")


def invalid_ciphertext() -> ServiceError:
    """KMS does not say what is wrong with a ciphertext."""
    return ServiceError("InvalidCiphertextException", "")


def incorrect_key() -> ServiceError:
    """The ciphertext is another key's."""
    return ServiceError(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def unsupported(message: str) -> ServiceError:
    """What the service has and we have not."""
    return ServiceError("UnsupportedOperationException", message)


def dry_run() -> ServiceError:
    """The permission was checked, nothing was done."""
    return ServiceError(
        "DryRunOperationException", "The request would have succeeded, but the DryRun option is set."
    )


def limit_exceeded(message: str) -> ServiceError:
    """Too many of something."""
    return ServiceError("LimitExceededException", message)


def denied(message: str) -> ServiceError:
    """Neither key policy nor grant nor identity policy allows it."""
    return ServiceError("AccessDeniedException", message, status=400)
