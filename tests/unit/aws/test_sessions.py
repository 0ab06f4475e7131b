from __future__ import annotations

import json

import pytest

from iam_ra.aws.sessions import _refusal
from iam_ra.engine.errors import AwsError, PermissionDeniedError


def body(**members: str) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize("kind", ["AccessDeniedException", "AccessDeniedException:http://internal/"])
def test_the_services_refusal(kind: str) -> None:
    error = _refusal(403, kind, body(message="Certificate revoked"))
    assert type(error) is PermissionDeniedError
    assert error.what == "AccessDeniedException: Certificate revoked"
    assert "iam-ra explain" in error.fix


@pytest.mark.parametrize(
    ("status", "kind", "content", "what"),
    [
        # A proxy's word is not the service's: who is kept out by it may well be let in by the role.
        (403, "", b"<html>Forbidden by ACME", "403: <html>Forbidden by ACME"),
        (404, "ResourceNotFoundException", body(message="gone"), "ResourceNotFoundException: gone"),
        (400, "ValidationException", body(Message="bad"), "ValidationException: bad"),
        (429, "ThrottlingException", body(message="slow down"), "ThrottlingException: slow down"),
        (503, "", b"[]", "503: []"),
        (502, "", b"\xff\xfe", "502: \ufffd\ufffd"),
        (302, "", b"", "302: "),
    ],
)
def test_what_says_nothing_about_the_role(status: int, kind: str, content: bytes, what: str) -> None:
    error = _refusal(status, kind, content)
    assert type(error) is AwsError
    assert error.what == what
