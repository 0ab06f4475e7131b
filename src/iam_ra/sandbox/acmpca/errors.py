"""The service's errors. Source: botocore model acm-pca 2017-08-22, AWS common errors."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):
    """An input breaks a constraint of the model, or a certificate would outlive its issuer."""

    code = "ValidationException"


class InvalidArgsError(ServiceException):
    """Arguments do not go together."""

    code = "InvalidArgsException"


class InvalidArnError(ServiceException):
    """An ARN names no private authority."""

    code = "InvalidArnException"


class InvalidStateError(ServiceException):
    """The authority's status does not allow the operation."""

    code = "InvalidStateException"


class InvalidRequestError(ServiceException):
    """The request cannot be performed."""

    code = "InvalidRequestException"


class InvalidPolicyError(ServiceException):
    """A resource policy lacks a statement that the service needs."""

    code = "InvalidPolicyException"


class InvalidNextTokenError(ServiceException):
    """A page's token is none of ours."""

    code = "InvalidNextTokenException"


class TooManyTagsError(ServiceException):
    """A resource would bear more tags than it may."""

    code = "TooManyTagsException"


class NotFoundError(ServiceException):
    """No such authority, certificate or permission."""

    code = "ResourceNotFoundException"


class InProgressError(ServiceException):
    """What was asked for is still being made."""

    code = "RequestInProgressException"


class AlreadyProcessedError(ServiceException):
    """The certificate is revoked already."""

    code = "RequestAlreadyProcessedException"


class PermissionExistsError(ServiceException):
    """The principal has its permission already."""

    code = "PermissionAlreadyExistsException"


class MalformedCsrError(ServiceException):
    """The certificate signing request cannot be read, or is not signed by its own key."""

    code = "MalformedCSRException"


class MalformedCertificateError(ServiceException):
    """A field of an imported certificate is wrong."""

    code = "MalformedCertificateException"


class CertificateMismatchError(ServiceException):
    """An imported certificate is not for the authority's key, or not by its chain."""

    code = "CertificateMismatchException"
