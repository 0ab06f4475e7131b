"""What CreateSession answers when it says no.

Source: AWS IAM Roles Anywhere API, errors of the botocore model rolesanywhere 2018-05-10 (status codes and names).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP status, the error code of the `X-Amzn-ErrorType` header, and the service's words."""

    status: int
    code: str
    message: str


class RequestRefusedError(Exception):
    """A request cannot even be read; `refusal` is the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def denied(message: str) -> Refusal:
    """Return 403 AccessDeniedException."""
    return Refusal(403, "AccessDeniedException", message)


def invalid(message: str) -> Refusal:
    """Return 400 ValidationException."""
    return Refusal(400, "ValidationException", message)


def not_found(message: str) -> Refusal:
    """Return 404 ResourceNotFoundException."""
    return Refusal(404, "ResourceNotFoundException", message)
