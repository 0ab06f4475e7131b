"""Which AWS operation a request is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import NotFound

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

UNKNOWN = "-"
FORM = "application/x-www-form-urlencoded"
SCOPE_PARTS = 5
# The one operation of Roles Anywhere that no SDK models.
CREATE_SESSION = "CreateSession"
SESSIONS_PATH = "/sessions"


@dataclass(frozen=True, slots=True)
class Call:
    """The service (by its signing name) and the operation of one request; `-` where it cannot be told."""

    service: str
    operation: str


def identify(environ: WSGIEnvironment, body: bytes) -> Call:
    """Tell service and operation from the credential scope, the target header, the form or the route.

    Source: AWS Signature Version 4 and the Smithy protocol specifications.
    """
    if is_create_session(environ):
        return Call("rolesanywhere", CREATE_SESSION)
    service = signing_service(environ)
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Call(service, target.rpartition(".")[2])
    if environ.get("CONTENT_TYPE", "").startswith(FORM):
        actions = parse_qs(body.decode("utf-8", "replace")).get("Action", [])
        return Call(service, actions[0] if actions else UNKNOWN)
    return Call(service, _routed(service, environ))


def signing_service(environ: WSGIEnvironment) -> str:
    """Return the service in the credential scope, in the header or in a presigned URL."""
    parts = _credential(environ)
    return parts[3].lower() if len(parts) == SCOPE_PARTS else UNKNOWN


def signing_region(environ: WSGIEnvironment) -> str:
    """Return the Region in the credential scope; nothing for a request without one."""
    parts = _credential(environ)
    return parts[2] if len(parts) == SCOPE_PARTS else ""


def access_key_id(environ: WSGIEnvironment) -> str:
    """Return the access key that a request is signed with, or nothing."""
    return _credential(environ)[0]


def is_create_session(environ: WSGIEnvironment) -> bool:
    """Tell the request for a session by its path and by what signs it: a certificate, however badly."""
    return environ.get("PATH_INFO", "").rstrip("/") == SESSIONS_PATH and (
        "HTTP_X_AMZ_X509" in environ or environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4-X509-")
    )


def _credential(environ: WSGIEnvironment) -> list[str]:
    header = environ.get("HTTP_AUTHORIZATION", "")
    _, _, credential = header.partition("Credential=")
    scope: str = credential.partition(",")[0]
    if not scope:
        scope = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0]
    return scope.rsplit("/", SCOPE_PARTS - 1)


def _routed(service: str, environ: WSGIEnvironment) -> str:
    if service == UNKNOWN:
        return UNKNOWN
    try:
        operation, _ = get_service_router(service).match(Request(_without_body(environ)))
    except (NotFound, NotImplementedError, UnknownServiceError):
        return UNKNOWN
    return str(operation.name)


def _without_body(environ: WSGIEnvironment) -> dict[str, Any]:
    return {key: value for key, value in environ.items() if key != "wsgi.input"}
