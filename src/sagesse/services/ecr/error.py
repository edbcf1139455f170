"""The errors of ECR, in its words."""

from sagesse.core.error import ServiceError


def no_repository(name: str, registry: str) -> ServiceError:
    """The repository is missing."""
    return ServiceError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
    )


def repository_exists(name: str, registry: str) -> ServiceError:
    """The repository is there already."""
    return ServiceError(
        "RepositoryAlreadyExistsException",
        f"The repository with name '{name}' already exists in the registry with id '{registry}'",
    )


def repository_not_empty(name: str, registry: str) -> ServiceError:
    """The repository has images."""
    return ServiceError(
        "RepositoryNotEmptyException",
        f"The repository with name '{name}' in registry with id '{registry}' cannot be deleted because it still "
        "contains images",
    )


def no_image(tag: str, name: str, registry: str) -> ServiceError:
    """The image is missing."""
    return ServiceError(
        "ImageNotFoundException",
        f"The image with imageId {{imageDigest:'null', imageTag:'{tag}'}} does not exist within the repository "
        f"with name '{name}' in the registry with id '{registry}'",
    )


def invalid(message: str) -> ServiceError:
    """A parameter is wrong."""
    return ServiceError("InvalidParameterException", message)
