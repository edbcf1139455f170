"""The errors of CloudWatch, in its words."""

from sagesse.core.error import ServiceError


def invalid_value(message: str) -> ServiceError:
    """A parameter has a wrong value."""
    return ServiceError("InvalidParameterValueException", message)


def invalid_combination(message: str) -> ServiceError:
    """Parameters do not go together."""
    return ServiceError("InvalidParameterCombinationException", message)


def missing(parameter: str) -> ServiceError:
    """A parameter is missing."""
    return ServiceError("MissingRequiredParameterException", f"The parameter {parameter} is required.")


def invalid_query(message: str) -> ServiceError:
    """A GetMetricData query is wrong; AWS answers the common `ValidationError` here."""
    return ServiceError("ValidationError", message, status=400)


def invalid_token() -> ServiceError:
    """The token is not of ours."""
    return ServiceError("InvalidNextToken", "The service token is invalid.")
