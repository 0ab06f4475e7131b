"""The service's errors. Source: botocore model rolesanywhere 2018-05-10."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):
    """400: an input breaks a rule."""

    code = "ValidationException"


class NotFoundError(ServiceException):
    """404: no such resource."""

    code = "ResourceNotFoundException"


class TooManyTagsError(ServiceException):
    """400: a resource would bear more tags than it may."""

    code = "TooManyTagsException"
