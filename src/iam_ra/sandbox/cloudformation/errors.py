"""The errors of CloudFormation's API. Source: botocore model cloudformation 2010-05-15, and the API's common errors."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class CloudFormationError(ServiceException):
    """A request that CloudFormation refuses; `code` is what clients see."""


class ValidationError(CloudFormationError):
    """The request, or the stack's state, does not allow the operation."""

    code = "ValidationError"


class AlreadyExistsError(CloudFormationError):
    """A stack of that name exists."""

    code = "AlreadyExistsException"


class InsufficientCapabilitiesError(CloudFormationError):
    """The template needs a capability that the request does not acknowledge."""

    code = "InsufficientCapabilitiesException"


class TokenAlreadyExistsError(CloudFormationError):
    """A client request token was used before, for another request."""

    code = "TokenAlreadyExistsException"


def not_offered(what: str) -> ValidationError:
    """Return the refusal of something that AWS does and this sandbox does not."""
    return ValidationError(f"The iam-ra sandbox does not offer {what}.")
